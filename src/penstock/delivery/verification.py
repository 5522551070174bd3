"""Checks a change's evidence from story to observation with public keys alone: no warehouse, no network.

A ledger is not needed; where there is one, it knows how far the chain must reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.approval import KEYS
from penstock.delivery.changes import find_change
from penstock.delivery.rollback import RESTORED
from penstock.delivery.stages import Stage
from penstock.evidence.canonical import digest
from penstock.evidence.chain import ChainRules, verify_chain
from penstock.evidence.envelope import read_envelope, read_statement
from penstock.evidence.keys import Role, from_text, key_ring
from penstock.evidence.statements import Link
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.policy.rules import Policy
from penstock.project.layout import SETTINGS_FILE
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.ports import Folder, Repository
    from penstock.evidence.chain import ChainReport
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Statement
    from penstock.ledger.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a ledger knows of a chain: the statement that it reached, and the last one's digest once it is done."""

    reach: Link | None = None
    head: str | None = None


def recorded(change: str, journal: Journal) -> Recorded:
    """How far a change's statements must reach; nothing if the ledger does not know the change."""
    if not journal.rows("changes", change=change):
        return Recorded()
    known = find_change(journal, change)
    if known.state == "rolled_back":
        return Recorded(reach=Link.ROLLBACK)
    if Stage.DEPLOYMENT in known.passed:
        head = known.passed[Stage.DEPLOYMENT] if known.state == "done" else None
        return Recorded(reach=Link.OBSERVATION, head=head)
    if known.observations:
        return Recorded(reach=Link.DEPLOYMENT)
    review = known.passed.get(Stage.REVIEW)
    if review is not None and journal.rows("approvals", change=change, envelope_sha256=review):
        return Recorded(reach=Link.APPROVAL)
    return Recorded(reach=next((Link(stage) for stage in reversed(Stage) if stage in known.passed), None))


def verify_change(
    change: str, root: Path, folder: Folder, repository: Repository, ledger: Recorded = Recorded()
) -> ChainReport:
    """The report on a change's chain, as its files stand under `root`.

    `ledger` is what a ledger recorded: without one, missing last links cannot be told.

    Raises:
        InputError: there is no evidence of that change.
    """
    files = _envelopes(change, root, folder)
    if not files:
        raise InputError(_no_evidence(change))
    statements = [statement for name, data in files if (statement := _peek(name, data)) is not None]
    base = _base(statements)
    keys = _keys(root, base, folder, repository)
    approvals = _approvals_needed(base, repository)
    rules = ChainRules(change=change, approvals=approvals, reach=ledger.reach, head=ledger.head)
    claims = _Claims(change, root, folder, repository, statements)
    return verify_chain(files, keys, claims.read, rules)


class _Claims:
    """Reads the bytes a statement speaks of: as they stand now, or as they stood when this change was merged if a later
    statement in the project answers for what stands there now.
    """

    def __init__(
        self, change: str, root: Path, folder: Folder, repository: Repository, statements: list[Statement]
    ) -> None:
        self._root, self._folder, self._repository = root, folder, repository
        self._claimed: dict[str, set[str | None]] = {}
        after = {Link.OBSERVATION, Link.ROLLBACK}  # others may have gone live while the window was watched
        moments = [statement.at for statement in statements if statement.stage not in after]
        latest = max(moments, default="")
        self._commit = next((s.commit for s in reversed(statements) if s.stage is Link.REVIEW and s.commit), None)
        self._read_claims(change, statements, latest)

    def _read_claims(self, change: str, own: list[Statement], latest: str) -> None:
        """What answers for files now: this change's own rollback, what its deployment drew anew, and later changes that
        were approved and deployed.
        """
        claims = [statement for statement in own if statement.stage in {Link.DEPLOYMENT, Link.ROLLBACK}]
        for other in self._others(change):
            claims += [s for s in _deployed(other, self._root, self._folder, self._repository) if s.at >= latest]
        for statement in claims:
            for subject in statement.subjects:
                path = subject.file or subject.name.removeprefix(RESTORED)
                if ":" not in path:
                    self._claimed.setdefault(path, set()).add(subject.sha256)
            for path in statement.facts.get("removed", ()) if statement.stage is Link.ROLLBACK else ():
                self._claimed.setdefault(str(path), set()).add(None)

    def _others(self, change: str) -> list[str]:
        names = {name.split("/")[1] for name in self._folder.list(self._root, "changes") if name.count("/") > 1}
        return sorted(names - {change})

    def read(self, path: str) -> bytes | None:
        """The bytes this change's statements are held against."""
        now = self._folder.read(self._root, path)
        if path not in self._claimed:
            return now
        standing = None if now is None else digest(now)
        if standing not in self._claimed[path] or self._commit is None:
            return now
        return self._repository.show(self._commit, path) or now


def _deployed(change: str, root: Path, folder: Folder, repository: Repository) -> list[Statement]:
    """Another change's statements, if its own chain stands: signed, in order, approved and deployed.

    Whether the files still are what it vouches for is its own verification's question.
    """
    files = _envelopes(change, root, folder)
    statements = [statement for name, data in files if (statement := _peek(name, data)) is not None]
    if Link.DEPLOYMENT not in {statement.stage for statement in statements}:
        return []
    base = _base(statements)
    rules = ChainRules(change=change, approvals=_approvals_needed(base, repository))
    report = verify_chain(files, _keys(root, base, folder, repository), lambda _path: None, rules)
    return statements if all(link.ok for link in report.links if link.name != "subjects") else []


def _base(statements: list[Statement]) -> str | None:
    """The base that the change went live on, or would: the last one, for it may have been rebased."""
    return next((statement.base_commit for statement in reversed(statements) if statement.base_commit), None)


def _envelopes(change: str, root: Path, folder: Folder) -> list[tuple[str, bytes]]:
    names = sorted(name for name in folder.list(root, f"changes/{change}/evidence") if name.endswith(".dsse.json"))
    return [(name, folder.read(root, name) or b"") for name in names]


def _peek(name: str, data: bytes) -> Statement | None:
    """An envelope's statement without asking whether it is true; verification does."""
    try:
        return read_statement(read_envelope(data, name), name)
    except InputError:
        return None


def _keys(root: Path, base: str | None, folder: Folder, repository: Repository) -> Mapping[str, PublicKey]:
    """Approvers from the base revision alone; authors also from the project as it is."""
    here = [
        from_text((folder.read(root, name) or b"").decode(), name)
        for name in folder.list(root, KEYS)
        if name.endswith(".yaml")
    ]
    if base is None:
        return key_ring(here)
    names = [name for name in repository.files(base) if name.startswith(f"{KEYS}/") and name.endswith(".yaml")]
    then = [from_text((repository.show(base, name) or b"").decode(), name) for name in names]
    known = {key.key_id for key in then}
    return key_ring([*then, *(key for key in here if key.role is not Role.APPROVER and key.key_id not in known)])


def _approvals_needed(base: str | None, repository: Repository) -> int:
    if base is None:
        return Policy().approvals
    findings: list[Finding] = []
    text = (repository.show(base, SETTINGS_FILE) or b"").decode()
    settings = read_settings(text, findings) if text else None
    return Policy.of(settings).approvals if settings else Policy().approvals


def _no_evidence(change: str) -> Finding:
    return Finding(
        code="evidence.none",
        message=f"there is no evidence of {change}",
        place=Place(file=f"changes/{change}/evidence"),
        expected="sealed statements of a change that was delivered",
        remedy="`penstock change list` shows the changes of this project",
    )
