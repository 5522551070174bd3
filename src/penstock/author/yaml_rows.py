"""Rows as YAML flow mappings, one a row, wrapped where they are long: tests are read by people."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 110
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"[A-Za-z][A-Za-z ]*[A-Za-z]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_INTEGERS = frozenset({"SMALLINT", "INTEGER", "BIGINT"})


def cell(value: str | None, type_name: str) -> str:
    """One value, quoted unless its type and its look say the same."""
    if value is None:
        return "null"
    if type_name == "BOOLEAN" and value in {"true", "false"}:
        return value
    if type_name in _INTEGERS and _INTEGER.fullmatch(value):
        return value
    if type_name == "DATE" and _DATE.fullmatch(value):
        return value
    if type_name == "VARCHAR" and _WORDS.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def flow_rows(rows: Sequence[Mapping[str, str | None]], types: Mapping[str, str], indent: str) -> list[str]:
    """A list item for each row; a column left out is NULL, so those are left out."""
    return [line for row in rows for line in _flow(row, types, indent)]


def _flow(row: Mapping[str, str | None], types: Mapping[str, str], indent: str) -> list[str]:
    pairs = [f"{_key(word)}: {cell(value, types.get(word, 'VARCHAR'))}" for word, value in row.items()]
    lines, current = [], f"{indent}- {{"
    for number, pair in enumerate(pairs):
        piece = pair + ("}" if number == len(pairs) - 1 else ",")
        spaced = piece if current.endswith("{") else f" {piece}"
        if len(current) + len(spaced) > WIDTH:
            lines.append(current)
            current = f"{indent}   {piece}"
        else:
            current += spaced
    return [*lines, current]


def _key(word: str) -> str:
    return word if _BARE.fullmatch(word) and word.lower() not in _YAML_WORDS else json.dumps(word, ensure_ascii=False)
