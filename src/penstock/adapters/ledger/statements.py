"""The SQL text of the ledger's tables, for every store: made once for each set of columns, values always bound.

Table and column names come from `TABLES` alone, never from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from penstock.ledger.state import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.ledger.journal import Value

JOURNAL_COLUMNS = "seq, at, kind, body, previous, hash"
HEAD = "SELECT seq, hash, (SELECT max(token) FROM leases) FROM journal ORDER BY seq DESC LIMIT 1"
NEWEST = "SELECT coalesce(max(seq), 0) FROM journal"
PULSE = """
SELECT newest, coalesce((SELECT beats FROM pulse WHERE token = newest), 0)
FROM (SELECT coalesce(max(token), 0) AS newest FROM leases) AS taken
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a database writes a bound value, and what makes NULL sort before everything else."""

    mark: str
    nulls_first: str


SQLITE = Dialect(mark="?", nulls_first="")
POSTGRES = Dialect(mark="%s", nulls_first=" NULLS FIRST")


def columns_of(table: str) -> tuple[str, ...]:
    """All columns of a state table, its key first."""
    keys, others = TABLES[table]
    return (*keys, *others)


def select(
    dialect: Dialect, table: str, order: str | None, limit: int | None, equal: Mapping[str, Value]
) -> tuple[str, tuple[Value, ...]]:
    """A query for the rows that `Journal.rows` promises, and its values.

    Raises:
        KeyError: the table has no such column.
    """
    given = tuple((name, value is None) for name, value in equal.items())
    values = tuple(value for value in equal.values() if value is not None)
    text = _select(dialect, table, order, given, limited=limit is not None)
    return text, values if limit is None else (*values, limit)


@cache
def _select(
    dialect: Dialect, table: str, order: str | None, given: tuple[tuple[str, bool], ...], *, limited: bool
) -> str:
    columns = columns_of(table)
    unknown = sorted({*(name for name, _ in given), *([order] if order else [])} - set(columns))
    if unknown:
        raise KeyError(f"{table} has no column {unknown}")
    where = " AND ".join(f'"{name}" IS NULL' if null else f'"{name}" = {dialect.mark}' for name, null in given)
    keys = TABLES[table][0]
    sorting = [order, *(key for key in keys if key != order)] if order else list(keys)
    parts = [f'SELECT {_names(columns)} FROM "{table}"']
    parts += [f"WHERE {where}"] if where else []
    parts += ["ORDER BY " + ", ".join(f'"{name}"{dialect.nulls_first}' for name in sorting)]
    parts += [f"LIMIT {dialect.mark}"] if limited else []
    return " ".join(parts)


@cache
def which(dialect: Dialect, table: str, count: int) -> str:
    """A query for those of so many keys that a table with a key of one column has."""
    ((key,), _) = TABLES[table]
    return f'SELECT "{key}" FROM "{table}" WHERE "{key}" IN ({", ".join([dialect.mark] * count)})'


@cache
def delete(dialect: Dialect, table: str, names: tuple[str, ...]) -> str:
    """Remove the rows with these values."""
    return f'DELETE FROM "{table}" WHERE ' + " AND ".join(f'"{name}" = {dialect.mark}' for name in names)


@cache
def upsert(dialect: Dialect, table: str, names: tuple[str, ...]) -> str:
    """Insert a row of these columns, or set them in the row that has its key."""
    keys, _ = TABLES[table]
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    marks = ", ".join([dialect.mark] * len(names))
    return f'INSERT INTO "{table}" ({_names(names)}) VALUES ({marks}) ON CONFLICT ({_names(keys)}) {action}'


@cache
def entries_after(dialect: Dialect) -> str:
    """A query for so many entries after a number."""
    mark = dialect.mark
    return f"SELECT {JOURNAL_COLUMNS} FROM journal WHERE seq > {mark} ORDER BY seq LIMIT {mark}"


@cache
def beat(dialect: Dialect) -> str:
    """Count a sign of life of a token, given twice; no row comes back if it is not the newest one."""
    mark = dialect.mark
    return (
        f"INSERT INTO pulse (one, token, beats) SELECT 1, {mark}, 1 WHERE (SELECT max(token) FROM leases) = {mark} "
        "ON CONFLICT (one) DO UPDATE SET token = excluded.token, "
        "beats = CASE WHEN pulse.token = excluded.token THEN pulse.beats ELSE 0 END + 1 RETURNING beats"
    )


@cache
def insert_entry(dialect: Dialect) -> str:
    """Put an entry into the journal."""
    return f"INSERT INTO journal ({JOURNAL_COLUMNS}) VALUES ({', '.join([dialect.mark] * 6)})"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
