"""`change export`, and `change verify`: of a project's change, or of a bundle, which needs no project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.adapters.folder import ProjectFolder
from penstock.adapters.git import GitRepository
from penstock.delivery.bundling import Trust, export_change, verify_bundle
from penstock.delivery.verification import Recorded, recorded, verify_change
from penstock.evidence.bundle import MAX_BYTES
from penstock.evidence.keys import from_text
from penstock.model.errors import InputError, RunError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.app.wiring import Workplace
    from penstock.delivery.bundling import BundleReport
    from penstock.evidence.chain import ChainReport
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Link


def verify(place: Workplace, change_id: str) -> ChainReport:
    """Check a change's evidence with files, git and public keys; a ledger, where there is one, knows the last link."""
    repository = GitRepository(place.root)
    root = _checkout(place, change_id, repository)
    return verify_change(change_id, root, ProjectFolder(), repository, _recorded(place, change_id))


def _checkout(place: Workplace, change_id: str, repository: GitRepository) -> Path:
    """The checkout that holds a change's evidence: the project, or the change's own while it is under way."""
    worktree = place.root / ".penstock" / "worktrees" / change_id
    if not (place.root / "changes" / change_id / "evidence").is_dir() and worktree.exists():
        return worktree / repository.prefix
    return place.root


def _recorded(place: Workplace, change_id: str) -> Recorded:
    """What the ledger beside the project knows of a chain; nothing where there is none."""
    return recorded(change_id, place.ledger) if (place.state / "ledger.db").is_file() else Recorded()


def export(place: Workplace, change_id: str, target: Path) -> int:
    """Write a change's bundle to `target`, whole or not at all; returns its length in bytes.

    Raises:
        InputError: there is no evidence of that change.
        RefusedError: its evidence does not verify.
        RunError: the file cannot be written.
    """
    repository = GitRepository(place.root)
    root = _checkout(place, change_id, repository)
    data = export_change(change_id, root, ProjectFolder(), repository, _recorded(place, change_id))
    fresh = target.with_name(f".{target.name}.new")
    try:
        with fresh.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    except OSError as error:
        raise RunError(_not_written(target, error)) from error
    return len(data)


def verify_file(
    bundle: Path, *, change: str | None, keys: Path | None, trusted: Sequence[str], base: str | None, reach: Link | None
) -> BundleReport:
    """Verify a bundle by the keys in a folder, the key ids and the base commit that the verifier trusts.

    Raises:
        InputError: the bundle or the folder cannot be read, or a key in it is broken.
    """
    trust = Trust(keys=_keys_of(keys) if keys else (), key_ids=frozenset(trusted), base=base)
    return verify_bundle(_read(bundle), bundle.name, trust, change=change, reach=reach)


def _keys_of(folder: Path) -> tuple[PublicKey, ...]:
    found = tuple(from_text(_read(path).decode(errors="replace"), path.name) for path in sorted(folder.glob("*.yaml")))
    if not found:
        raise InputError(
            Finding(
                code="evidence.no_keys",
                message=f"there is no public key in {folder}",
                place=Place(file=str(folder)),
                expected="a folder with the keys you trust, NAME.yaml each",
                remedy="copy them from a checkout that you trust: its keys/ folder",
            )
        )
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            Finding(
                code="evidence.unreadable",
                message=f"{path} cannot be read: {error.strerror}",
                place=Place(file=str(path)),
                expected="a file that `penstock change export` wrote, or a folder of public keys",
                remedy="correct the path",
            )
        ) from error


def _not_written(target: Path, error: OSError) -> Finding:
    return Finding(
        code="evidence.not_written",
        message=f"{target} cannot be written: {error.strerror}",
        place=Place(file=str(target)),
        expected="a folder that is there and can be written",
        remedy="make room, or give another path with --to",
    )
