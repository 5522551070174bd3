"""`fold`: what one entry does to the state tables. Pure; what each fact does stands in `ledger/folding/`.

An entry becomes upserts that name only the columns they set, so folding needs no look at the state; `doctor` folds
the whole journal again and compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts import BackfillRequested, RunQueued
from penstock.ledger.folding import (
    attempts,
    changes,
    compaction,
    exports,
    leases,
    promotions,
    retention,
    runs,
    versions,
)
from penstock.ledger.operations import Put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry, Value
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    **leases.TABLES,
    **versions.TABLES,
    **runs.TABLES,
    **attempts.TABLES,
    **promotions.TABLES,
    **retention.TABLES,
    **exports.TABLES,
    **changes.TABLES,
    **compaction.TABLES,
}
"""Each state table's key columns and its other columns."""
_FOLDS: Folds = {
    **leases.FOLDS,
    **versions.FOLDS,
    **runs.FOLDS,
    **attempts.FOLDS,
    **promotions.FOLDS,
    **retention.FOLDS,
    **exports.FOLDS,
    **changes.FOLDS,
    **compaction.FOLDS,
}


def once(fact: Fact) -> tuple[str, Mapping[str, Value]] | None:
    """The row by which a fact that may be recorded only once is known; a store leaves out what it already has."""
    if isinstance(fact, RunQueued):
        return "runs", {"run": fact.run}
    if isinstance(fact, BackfillRequested):
        return "backfills", {"backfill": fact.backfill}
    return None


def fold(entry: Entry, fact: Fact | None = None) -> tuple[Operation, ...]:
    """The operations of one entry, in order; whoever has just made it of `fact` spares reading it back.

    Only where that is the same: what `encode` had to alter holds a `?`.
    """
    known = fact if fact is not None and "?" not in entry.body else entry.fact
    folding = _FOLDS.get(type(known))
    if folding is None:
        raise TypeError(f"no fold for {type(known).__name__} (entry {entry.seq})")
    return folding(known, entry)


State = dict[str, dict[tuple["Value", ...], dict[str, "Value"]]]
"""All state tables: table to key to row."""


def empty_state() -> State:
    """The tables before anything has happened."""
    return {name: {} for name in TABLES}


def refold(entries: Iterable[Entry], tables: State | None = None) -> State:
    """All state tables as the journal makes them, or as further entries make them of these, which are changed."""
    tables = empty_state() if tables is None else tables
    for entry in entries:
        for operation in fold(entry):
            apply(tables[operation.table], operation)
    return tables


def apply(rows: dict[tuple[Value, ...], dict[str, Value]], operation: Operation) -> None:
    """Carry out one operation on a table held in memory."""
    keys, others = TABLES[operation.table]
    if isinstance(operation, Put):
        key = tuple(operation.values[name] for name in keys)
        blank: dict[str, Value] = dict.fromkeys((*keys, *others))
        rows[key] = {**rows.get(key, blank), **operation.values}
        return
    for key in [k for k, row in rows.items() if all(row[n] == v for n, v in operation.equal.items())]:
        del rows[key]
