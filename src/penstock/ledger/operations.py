"""What an entry asks of the state tables: rows put, rows dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.ledger.journal import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Insert a row, or set these columns of the row that has its key."""

    table: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Remove every row with these values."""

    table: str
    equal: Mapping[str, Value]


Operation = Put | Drop
Tables = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Each table's key columns and its other columns."""
Folds = Mapping[type[Any], Callable[[Any, Any], tuple[Operation, ...]]]
"""Each kind of fact, and what makes operations of one and of its entry."""


def put(table: str, **values: Value) -> Put:
    """A row of a table by its columns."""
    return Put(table=table, values=values)


def as_json(value: object) -> str:
    """A value as a column holds it: the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
