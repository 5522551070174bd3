"""Column types of DuckDB as Postgres keeps them, and back: one table, without loss.

DuckDB's decimals end at 38 digits, so that wider ones are free to stand for the integers that Postgres lacks. Types
that Postgres cannot hold (lists, structs, nanoseconds, …) have no place here.
"""

from __future__ import annotations

import re

from penstock.model.errors import InputError
from penstock.model.findings import Finding

COLLATION = "pg_c_utf8"
"""Sorts text by its bytes, as DuckDB does, and knows which letters are upper and lower case; Postgres 17 and later."""
LONGEST_NAME = 63
"""Bytes of a Postgres identifier; it silently cuts off what is longer."""

_SAME = {
    "BOOLEAN": "boolean",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp(0) without time zone",
    "TIMESTAMP_MS": "timestamp(3) without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "BLOB": "bytea",
    "JSON": "json",
}
_WIDE = {"HUGEINT": 39, "UHUGEINT": 40, "UBIGINT": 41, "UINTEGER": 42, "USMALLINT": 43, "UTINYINT": 44, "TINYINT": 45}
_BACK = {**{kept: type_ for type_, kept in _SAME.items()}, **{f"numeric({n},0)": name for name, n in _WIDE.items()}}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_TEXT = re.compile(r"(character varying|character|name|citext)(\(\d+\))?")
_MAX_DIGITS = 38

WHOLE = frozenset({"HUGEINT", "UHUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "TINYINT"})
"""Integers that Postgres keeps as decimals, and its driver returns as such."""


def to_postgres_type(type_: str, column: str = "") -> str:
    """The Postgres type that keeps a DuckDB type, as `format_type` writes it.

    Raises:
        InputError: Postgres has none that keeps it without loss.
    """
    if type_ in _SAME:
        return _SAME[type_]
    if type_ in _WIDE:
        return f"numeric({_WIDE[type_]},0)"
    decimal = _DECIMAL.fullmatch(type_)
    if decimal is None:
        raise InputError(_unkept(type_, column))
    return f"numeric({decimal[1]},{decimal[2]})"


def from_postgres_type(type_: str, column: str = "") -> str:
    """The DuckDB type that a Postgres type, as `format_type` writes it, stands for.

    Raises:
        InputError: DuckDB has none for it.
    """
    if type_ in _BACK:
        return _BACK[type_]
    if _TEXT.fullmatch(type_):
        return "VARCHAR"
    numeric = _NUMERIC.fullmatch(type_)
    if numeric is None or int(numeric[1]) > _MAX_DIGITS:
        raise InputError(_unkept(type_, column))
    return f"DECIMAL({numeric[1]},{numeric[2]})"


def _unkept(type_: str, column: str) -> Finding:
    return Finding(
        code="warehouse.unkept_type",
        message=f"{f'column {column} has' if column else 'there is'} the type {type_}, which Postgres and DuckDB "
        "do not both have",
        found=type_,
        expected=f"one of {', '.join(sorted(_SAME))}, DECIMAL(n, m), {', '.join(sorted(_WIDE))}",
        remedy="cast the column to one of them in the task",
    )
