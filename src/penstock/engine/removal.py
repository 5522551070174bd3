"""Takes versions that nothing needs out of the warehouse.

Invariants: the ledger knows them as not built before the first of their rows is dropped, so that no plan ever counts on
rows that may be gone; what a crash left half removed is removed before anything is built again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.ledger.facts import RemovalIntended, VersionsRemoved
from penstock.plan.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.journal import Journal

INTENDED, REMOVED = "intended", "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What came of it: versions that are gone, versions that something at the target still reads, bytes freed."""

    gone: tuple[Version, ...]
    left: tuple[Version, ...]
    bytes: int


def remove(journal: Journal, warehouse: Warehouse, versions: Sequence[Version], *, by: str, token: int) -> Removal:
    """Remove versions, recorded before and after. That nothing needs them is for the caller to know."""
    rows = json.dumps([[version.dataset, version.fingerprint, version.relation] for version in versions])
    removal = "d" + hashlib.sha256(f"{token} {rows}".encode()).hexdigest()[:15]
    journal.append(RemovalIntended(removal=removal, versions=rows, by=by), token=token)
    return _carry_out(journal, warehouse, removal, versions, token)


def finish_removals(journal: Journal, warehouse: Warehouse, token: int) -> tuple[str, ...]:
    """Carry out what a dead executor left between intent and record; one sentence for each."""
    begun: dict[str, list[Version]] = {}
    for row in journal.rows("removals", state=INTENDED):
        version = Version(dataset=str(row["dataset"]), fingerprint=str(row["version"]), relation=str(row["relation"]))
        begun.setdefault(str(row["removal"]), []).append(version)
    notes = []
    for removal, versions in begun.items():
        done = _carry_out(journal, warehouse, removal, versions, token)
        notes.append(f"removal {removal} was finished: {len(done.gone)} version(s) are gone")
    return tuple(notes)


def _carry_out(
    journal: Journal, warehouse: Warehouse, removal: str, versions: Sequence[Version], token: int
) -> Removal:
    dropped = warehouse.drop(versions, token)
    gone = tuple(version for version in versions if version.relation in dropped.relations)
    left = tuple(version for version in versions if version.relation not in dropped.relations)
    journal.append(
        VersionsRemoved(removal=removal, versions=_pairs(gone), left=_pairs(left), bytes=dropped.bytes), token=token
    )
    return Removal(gone=gone, left=left, bytes=dropped.bytes)


def _pairs(versions: Iterable[Version]) -> str:
    return json.dumps([[version.dataset, version.fingerprint] for version in versions])
