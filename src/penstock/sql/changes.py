"""Where two texts of a query differ in meaning: which join, filter, expression, grouping, on which line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """Which kind of clause changed."""

    JOIN = "join"
    FILTER = "filter"
    EXPRESSION = "expression"
    GROUPING = "grouping"
    SOURCE = "source"
    ORDERING = "ordering"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPlace:
    """One clause that changed. `line` counts from 1 in the new text; in the old one if the clause is `removed`.

    `excerpt` is that line, stripped. `old` and `new` are the clause's SQL; one is None if it was added or removed.
    `name` is what the clause is called: an output column, the relation joined, else nothing.
    """

    kind: ChangeKind
    line: int
    excerpt: str
    old: str | None = None
    new: str | None = None
    removed: bool = False
    name: str = ""
