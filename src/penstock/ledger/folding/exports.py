"""The tables made of `ledger/facts/exports.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.exports import DatasetExported
from penstock.ledger.operations import as_json, put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "exports": (
        ("target",),
        ("export", "dataset", "version", "environment", "format", "mode", "pieces", "rows", "digest", "personal",
         "exported_by", "at"),
    ),
}  # fmt: skip


def _dataset_exported(fact: DatasetExported, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "exports", target=fact.target, export=fact.export, dataset=fact.dataset, version=fact.version,
        environment=fact.environment, format=fact.format, mode=fact.mode, pieces=fact.pieces, rows=fact.rows,
        digest=fact.digest, personal=as_json(fact.personal), exported_by=fact.by, at=entry.at,
    )  # fmt: skip
    return (row,)


FOLDS: Folds = {
    DatasetExported: _dataset_exported,
}
