"""Rows of data tests as queries whose values have the types that contracts declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatebench.peers.portable import value_text
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def rows_query(rows: Sequence[Mapping[str, object]], types: Mapping[str, str]) -> str:
    """A query that returns these rows; a column that a row leaves out is NULL, one without a type is text."""
    if not rows:
        return f"SELECT {', '.join(_cells({}, types)) or '1 AS nothing'} WHERE 1 = 0"
    columns = {column: types.get(column, "VARCHAR") for column in (*types, *(name for row in rows for name in row))}
    return "\nUNION ALL\n".join(f"SELECT {', '.join(_cells(row, columns))}" for row in rows)


def _cells(row: Mapping[str, object], types: Mapping[str, str]) -> list[str]:
    texts = {column: value_text(row.get(column)) for column in types}
    values = {column: "NULL" if text is None else literal(text) for column, text in texts.items()}
    return [f"CAST({values[column]} AS {type_}) AS {quote(column)}" for column, type_ in types.items()]
