"""What every store does with its tables, over the little that SQLite and Postgres must be able to do."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from penstock.adapters.ledger.statements import (
    columns_of,
    delete,
    entries_after,
    insert_entry,
    select,
    upsert,
    which,
)
from penstock.ledger.changes import Changes, Rows
from penstock.ledger.journal import Entry
from penstock.ledger.state import TABLES, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from penstock.adapters.ledger.statements import Dialect
    from penstock.ledger.draft import Draft, RowKey
    from penstock.ledger.journal import Value
    from penstock.ledger.state import State

AT_ONCE = 2_000
"""How many entries or rows are held in memory at a time where all of them are walked through."""
ASKED_AT_ONCE = 500


class Database(Protocol):
    """A connection that carries out statements, inside a transaction or not."""

    @property
    def dialect(self) -> Dialect:
        """How it writes SQL."""
        ...

    def fetch(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[Any]:
        """All rows of a statement."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[Value | bytes]]) -> None:
        """Carry out a statement once for each row of values."""
        ...


def read_entries(database: Database, after: int = 0) -> Iterator[Entry]:
    """The journal's entries after a number, a few thousand at a time."""
    sql = entries_after(database.dialect)
    while some := database.fetch(sql, (after, AT_ONCE)):
        for seq, at, kind, body, previous, digest in some:
            yield Entry(seq=seq, at=at, kind=kind, body=body, previous=previous, hash=digest)
        after = some[-1][0]


def read_rows(
    database: Database, table: str, *, order: str | None, limit: int | None, equal: Mapping[str, Value]
) -> tuple[Mapping[str, Value], ...]:
    """The rows that `Journal.rows` promises."""
    found = database.fetch(*select(database.dialect, table, order, limit, equal))
    columns = columns_of(table)
    return tuple([dict(zip(columns, row, strict=True)) for row in found])


def held(database: Database, rows: Iterable[RowKey]) -> set[RowKey]:
    """Those of these rows that a state table has; each table's key is one column."""
    asked: dict[str, list[Value]] = {}
    for table, (value,) in rows:
        asked.setdefault(table, []).append(value)
    found: set[RowKey] = set()
    for table, values in asked.items():
        for start in range(0, len(values), ASKED_AT_ONCE):
            some = values[start : start + ASKED_AT_ONCE]
            found.update((table, tuple(row)) for row in database.fetch(which(database.dialect, table, len(some)), some))
    return found


def write_draft(database: Database, draft: Draft) -> None:
    """Write entries and what they do to the tables."""
    entries = [(entry.seq, entry.at, entry.kind, entry.body, entry.previous, entry.hash) for entry in draft.entries]
    database.many(insert_entry(database.dialect), entries)
    carry_out(database, draft.changes)


def carry_out(database: Database, changes: Changes) -> None:
    """Do to the tables what was noted."""
    for change in changes:
        if isinstance(change, Rows):
            database.many(upsert(database.dialect, change.table, change.names), change.values)
        else:
            names = tuple(change.equal)
            database.many(delete(database.dialect, change.table, names), [tuple(change.equal.values())])


def fold_into(database: Database, entries: Iterable[Entry]) -> None:
    """Fold entries into the state tables, a few thousand at a time."""
    rest = iter(entries)
    while some := list(islice(rest, AT_ONCE)):
        changes = Changes()
        for entry in some:
            changes.add(fold(entry))
        carry_out(database, changes)


def put_state(database: Database, state: State) -> None:
    """Insert the rows of a state."""
    for table, rows in state.items():
        columns = columns_of(table)
        values = [tuple([row[name] for name in columns]) for row in rows.values()]
        for start in range(0, len(values), AT_ONCE):
            database.many(upsert(database.dialect, table, columns), values[start : start + AT_ONCE])


def clear_state(database: Database) -> None:
    """Empty the state tables."""
    for table in TABLES:
        database.fetch(f'DELETE FROM "{table}"')
