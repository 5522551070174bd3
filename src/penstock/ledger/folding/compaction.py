"""The tables made of `ledger/facts/compaction.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.compaction import JournalCompacted
from penstock.ledger.operations import put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "compactions": (("upto",), ("hash", "archive", "archive_sha256", "snapshot_sha256", "at")),
}  # fmt: skip


def _journal_compacted(fact: JournalCompacted, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "compactions", upto=fact.upto, hash=fact.hash, archive=fact.archive, archive_sha256=fact.archive_sha256,
        snapshot_sha256=fact.snapshot_sha256, at=entry.at,
    )  # fmt: skip
    return (row,)


FOLDS: Folds = {
    JournalCompacted: _journal_compacted,
}
