"""Which tables a database shows to an account: columns as they would be declared, keys, about how many rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.databases.landing import opened
from penstock.adapters.databases.mysql import MysqlDatabase
from penstock.adapters.databases.mysql import declared as mysql_type
from penstock.adapters.databases.postgres import PostgresDatabase
from penstock.adapters.databases.postgres import declared as postgres_type
from penstock.adapters.databases.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from penstock.adapters.databases.addresses import Address
    from penstock.model.databases import DatabaseEngine

_POSTGRES = """
SELECT n.nspname::text AS s, c.relname::text AS t,
       CASE WHEN c.reltuples >= 0 AND c.relkind IN ('r', 'p', 'm') THEN c.reltuples::bigint END AS e,
       a.attname::text AS c,
       CASE WHEN d.typbasetype <> 0 THEN format_type(d.typbasetype, d.typtypmod)
            ELSE format_type(a.atttypid, a.atttypmod) END AS k,
       a.attnotnull AS f, coalesce(array_position(i.indkey::int2[], a.attnum), -1)::int AS p
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND left(n.nspname, 3) <> 'pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2, a.attnum
"""
_SQLITE = """
SELECT '' AS s, m.name AS t, NULL AS e, p.name AS c, p.type AS k, p."notnull" AS f, p.pk - 1 AS p
FROM sqlite_master AS m, pragma_table_info(m.name) AS p
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
ORDER BY m.name, p.cid
"""
_MYSQL = """
SELECT c.table_schema, c.table_name, t.table_rows, c.column_name, c.column_type, c.is_nullable = 'NO',
       coalesce(k.ordinal_position, 0) - 1
FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
LEFT JOIN information_schema.key_column_usage k ON k.constraint_name = 'PRIMARY' AND k.table_schema = c.table_schema
  AND k.table_name = c.table_name AND k.column_name = c.column_name
WHERE c.table_schema = DATABASE()
ORDER BY c.table_name, c.ordinal_position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: the database's name of its type, DuckDB's that it lands as, and whether it is never NULL."""

    name: str
    native: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view; `rows` as the database estimates them, None where it does not."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: int | None


def discover(engine: DatabaseEngine, address: Address, root: Path) -> tuple[Table, ...]:
    """The tables and views of a database that its account may read, by name.

    Raises:
        InputError: the driver or the file is missing.
        TaskError: the database refuses.
        TransientError: it does not answer.
    """
    database = opened(engine, address, None, root)
    try:
        if isinstance(database, PostgresDatabase):
            return _tables(database.connection.rows(_POSTGRES), postgres_type)
        if isinstance(database, SqliteDatabase):
            return _tables(database.connection.rows(_SQLITE), sqlite_type)
        assert isinstance(database, MysqlDatabase)  # noqa: S101 - there are three engines
        return _tables(database.rows(_MYSQL), mysql_type, schema=False)
    finally:
        database.close()


def sqlite_type(declared: str) -> str:
    """The DuckDB type of a column that a table of SQLite declares so; its values need not keep to it.

    >>> [sqlite_type(text) for text in ("INTEGER", "varchar(20)", "DECIMAL(10,2)", "", "datetime")]
    ['BIGINT', 'VARCHAR', 'DECIMAL(10,2)', 'VARCHAR', 'TIMESTAMP']
    """
    text = declared.upper()
    sized = re.fullmatch(r"(?:DECIMAL|NUMERIC)\s*\((\d+)(?:\s*,\s*(\d+))?\)", text)
    if sized and 0 < int(sized[1]) <= 38 and int(sized[2] or 0) <= int(sized[1]):
        return f"DECIMAL({int(sized[1])},{int(sized[2] or 0)})"
    for word, type_ in _AFFINITIES:
        if word in text:
            return type_
    return "VARCHAR"


_AFFINITIES = (
    ("BOOL", "BOOLEAN"),
    ("INT", "BIGINT"),
    ("CHAR", "VARCHAR"),
    ("TEXT", "VARCHAR"),
    ("JSON", "JSON"),
    ("BLOB", "BLOB"),
    ("REAL", "DOUBLE"),
    ("FLOA", "DOUBLE"),
    ("DOUB", "DOUBLE"),
    ("TIMESTAMP", "TIMESTAMP"),
    ("DATETIME", "TIMESTAMP"),
    ("DATE", "DATE"),
)


def _tables(rows: Iterable[tuple[Any, ...]], type_of: Any, *, schema: bool = True) -> tuple[Table, ...]:
    found: dict[str, tuple[list[Column], dict[int, str], int | None]] = {}
    for space, table, estimate, name, native, required, place in rows:
        full = f"{space}.{table}" if space and schema else str(table)
        columns, key, _ = found.setdefault(full, ([], {}, None if estimate is None else int(estimate)))
        columns.append(
            Column(name=str(name), native=str(native), type=type_of(str(native)), required=bool(int(required)))
        )
        if int(place) >= 0:
            key[int(place)] = str(name)
    return tuple(
        Table(name=name, columns=tuple(columns), key=tuple(key[place] for place in sorted(key)), rows=rows_)
        for name, (columns, key, rows_) in found.items()
    )
