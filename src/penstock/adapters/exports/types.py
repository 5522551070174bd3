"""Which types of columns arrive unaltered in which format; the others are refused before anything is written.

Rows travel as Parquet files. What Parquet would round (128-bit whole numbers become doubles there) goes as decimals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from duckdb.sqltypes import DuckDBPyType

from penstock.model.errors import InputError
from penstock.model.exports import ExportFormat
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import quote
from penstock.sql.postgres_types import LONGEST_NAME, to_postgres_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Columns = tuple[tuple[str, str], ...]

_PLAIN = frozenset({
    "boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "float",
    "double", "decimal", "varchar", "blob", "uuid", "date", "time", "timestamp", "timestamp_s", "timestamp_ms",
    "timestamp_ns", "timestamp with time zone", "enum",
})  # fmt: skip
_LARGE = frozenset({"hugeint", "uhugeint"})
_NESTED = frozenset({"list", "array", "struct", "map"})
_DECIMAL = "DECIMAL(38,0)"
"""As what 128-bit whole numbers leave; one beyond 38 digits ends the export with an error."""
_HOLDS_NESTED = frozenset({ExportFormat.PARQUET, ExportFormat.DUCKDB})
_IN_POSTGRES = {
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
}


def carried(columns: Iterable[tuple[str, str]], format_: ExportFormat, dataset: str) -> Columns:
    """The columns with the types under which they leave.

    Raises:
        InputError: naming every column whose values would not arrive as they are.
    """
    found, findings = [], []
    for name, type_ in columns:
        leaves = _leaves(type_, format_)
        if leaves is None:
            findings.append(_uncarried(name, type_, format_, dataset))
        elif format_ is ExportFormat.POSTGRES and len(name.encode()) > LONGEST_NAME:
            findings.append(_too_long(name, dataset))
        else:
            found.append((name, leaves))
    if findings:
        raise InputError(tuple(findings))
    return tuple(found)


def selected(columns: Sequence[tuple[str, str]], leaving: Sequence[tuple[str, str]]) -> str:
    """The select list that gives columns the types under which they leave."""
    own = dict(columns)
    items = [
        quote(name) if own[name] == type_ else f"CAST({quote(name)} AS {type_}) AS {quote(name)}"
        for name, type_ in leaving
    ]
    return ", ".join(items)


def postgres_type(type_: str, column: str) -> str:
    """The type of Postgres that holds what leaves as a type.

    Raises:
        InputError: there is none.
    """
    if type_.startswith("ENUM("):
        return "text"
    return _IN_POSTGRES.get(type_) or to_postgres_type(type_, column)


def _leaves(type_: str, format_: ExportFormat) -> str | None:
    """The type under which a column leaves; None if its values would not arrive as they are."""
    parsed = duckdb.sqltype(type_)
    if parsed.id in _LARGE:
        return _DECIMAL
    if parsed.id in _NESTED:
        return type_ if format_ in _HOLDS_NESTED and _is_carried(parsed) else None
    if parsed.id == "timestamp_ns" and format_ is ExportFormat.POSTGRES:
        return None
    if parsed.id == "blob" and format_ is ExportFormat.CSV:
        return None
    return "VARCHAR" if parsed.id == "enum" else type_ if parsed.id in _PLAIN else None


def _is_carried(parsed: DuckDBPyType) -> bool:
    if parsed.id not in _NESTED:
        return parsed.id in _PLAIN
    kinds = [child for _, child in parsed.children if isinstance(child, DuckDBPyType)]  # an array's size is none
    return all(_is_carried(kind) for kind in kinds)


def _uncarried(name: str, type_: str, format_: ExportFormat, dataset: str) -> Finding:
    nested = "" if format_ in _HOLDS_NESTED else "; nested values as text: to_json(column)"
    return Finding(
        code="export.type",
        message=f"{name} is {type_}, whose values do not arrive as they are in {format_}",
        place=Place(dataset=dataset, field=name),
        found=type_,
        expected="a type that the format holds without loss (docs/exports.md lists them); nothing was exported",
        remedy=f"cast it in the query, or leave it out with `columns`{nested}",
    )


def _too_long(name: str, dataset: str) -> Finding:
    return Finding(
        code="export.long_name",
        message=f"the column {name} has a name that Postgres would cut off",
        place=Place(dataset=dataset, field=name),
        expected=f"at most {LONGEST_NAME} bytes",
        remedy="rename it in the query, or leave it out with `columns`",
    )
