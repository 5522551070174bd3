"""Versions whose rows were removed: nothing may show them again before they are built anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.ledger.journal import Journal


def refuse_removed(journal: Journal, mapping: Mapping[str, str]) -> None:
    """Refuse to show versions whose rows were removed.

    Raises:
        InputError: naming all of them.
    """
    gone = {(row["dataset"], row["version"]): str(row["at"]) for row in journal.rows("removals")}
    missing = [(name, version, gone[name, version]) for name, version in mapping.items() if (name, version) in gone]
    if missing:
        raise InputError(tuple(_removed(*each) for each in sorted(missing)))


def _removed(dataset: str, version: str, at: str) -> Finding:
    return Finding(
        code="version.removed",
        message=f"the rows of {dataset} at {version} were removed (penstock prune, {at})",
        place=Place(dataset=dataset),
        found=version,
        expected="versions that the warehouse still holds",
        remedy="bring back the files that make this version and build them: penstock run",
    )
