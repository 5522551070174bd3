"""State operations of many entries, merged: one statement for each row, whatever was said of it in between.

Merging changes nothing, because an upsert sets columns and rows do not depend on each other; a removal keeps its place
between what was put before and after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.ledger.operations import Drop
from penstock.ledger.state import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.ledger.journal import Value
    from penstock.ledger.operations import Operation


class Rows(NamedTuple):
    """Rows of one table that set the same columns."""

    table: str
    names: tuple[str, ...]
    values: list[tuple[Value, ...]]


class Changes:
    """What is to be done to the tables, in order."""

    def __init__(self) -> None:
        self._steps: list[Drop] = []
        self._rows: list[dict[tuple[str, tuple[Value, ...]], dict[str, Value]]] = [{}]

    def add(self, operations: Iterable[Operation]) -> None:
        """Note operations that come after those noted before."""
        for operation in operations:
            if isinstance(operation, Drop):
                self._steps.append(operation)
                self._rows.append({})
                continue
            rows, values = self._rows[-1], operation.values
            key = (operation.table, tuple([values[name] for name in TABLES[operation.table][0]]))
            row = rows.get(key)
            if row is None:
                rows[key] = dict(values)
            else:
                row.update(values)

    def has(self, table: str, key: tuple[Value, ...]) -> bool:
        """Whether a row with this key was put."""
        return any((table, key) in rows for rows in self._rows)

    def __iter__(self) -> Iterator[Drop | Rows]:
        for number, rows in enumerate(self._rows):
            if number:
                yield self._steps[number - 1]
            alike: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
            for (table, _), row in rows.items():
                alike.setdefault((table, tuple(row)), []).append(tuple(row.values()))
            for (table, names), values in alike.items():
                yield Rows(table, names, values)
