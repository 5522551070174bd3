"""What differs between two queries: a part of a SELECT, where it stands, and both queries in which to look for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.block_edits import (
    Moving,
)
from penstock.sql.changes import ChangedPlace, ChangeKind
from penstock.sql.forms import Forms
from penstock.sql.scopes import Scopes
from penstock.sql.syntax import excerpt, place, sql_of, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.blocks import Path
    from penstock.sql.scopes import Found


class Part(StrEnum):
    """Which part of a SELECT differs."""

    FROM = "from"
    WHERE = "where"
    GROUP = "group"
    HAVING = "having"
    QUALIFY = "qualify"
    ITEM = "item"
    DISTINCT = "distinct"
    ORDER = "order"
    WINDOWS = "windows"
    SET = "set"
    COLUMN = "column"
    """A column that came, went or stands elsewhere: the others' rows are the same."""
    STRUCTURE = "structure"


_KINDS = {
    Part.FROM: ChangeKind.SOURCE,
    Part.WHERE: ChangeKind.FILTER,
    Part.HAVING: ChangeKind.FILTER,
    Part.QUALIFY: ChangeKind.FILTER,
    Part.GROUP: ChangeKind.GROUPING,
    Part.ITEM: ChangeKind.EXPRESSION,
    Part.DISTINCT: ChangeKind.DISTINCT,
    Part.ORDER: ChangeKind.ORDERING,
    Part.WINDOWS: ChangeKind.EXPRESSION,
    Part.SET: ChangeKind.SOURCE,
    Part.COLUMN: ChangeKind.EXPRESSION,
    Part.STRUCTURE: ChangeKind.SOURCE,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """One part that differs. `before` is a copy of the new SELECT with the part as it was, `without` one without it.

    `old` is the old node in the new SELECT's aliases, `new` the node as it stands; one of them is None where the part
    was added or removed.
    """

    path: Path
    part: Part
    place: ChangedPlace
    before: Expr | None = None
    without: Expr | None = None
    old: Expr | None = None
    new: Expr | None = None

    @property
    def nodes(self) -> tuple[Expr, ...]:
        """What changed, on both sides."""
        return tuple(node for node in (self.old, self.new) if node is not None)


class Sides:
    """Both queries, the old one first: their texts, trees, forms, and what their sources are called."""

    def __init__(self, old: str, new: str) -> None:
        self.texts = (old, new)
        self.trees = (tree_of(old), tree_of(new))
        self.forms = tuple(Forms(tree, _source_name) for tree in self.trees)
        self.scopes = tuple(Scopes(tree) for tree in self.trees)

    def moving(self, old: Expr, new: Expr) -> Moving:
        """What puts parts of an old SELECT into a new one's aliases."""
        return Moving(self.scopes[0], self.scopes[0].sources(old), self.scopes[1].sources(new))

    def left_over(self, theirs: Sequence[Expr], ours: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
        """What has no counterpart of the same form on the other side."""
        counts = [Counter(self.forms[side].of(item) for item in items) for side, items in ((0, theirs), (1, ours))]
        rest: list[list[Expr]] = []
        for side, items in ((0, theirs), (1, ours)):
            other = counts[1 - side].copy()
            left = []
            for item in items:
                form = self.forms[side].of(item)
                if other[form]:
                    other[form] -= 1
                else:
                    left.append(item)
            rest.append(left)
        return rest[0], rest[1]

    def difference(
        self, path: Path, part: Part, was: Expr | None, now: Expr | None, before: Expr | None, moving: Moving
    ) -> Difference:
        """A part that differs, was it added, removed or changed; `before` is the new SELECT with it as it was."""
        return Difference(
            path=path,
            part=part,
            place=self.place(part, was, now, name_of(part, now if now is not None else was)),
            before=before,
            old=moving.moved(was) if was is not None else None,
            new=now,
        )

    def place(self, part: Part, was: Expr | None, now: Expr | None, name: str) -> ChangedPlace:
        """Where a part that differs stands: in the new query, or in the old one if it is gone."""
        removed = now is None
        text, node = (self.texts[0], was) if removed else (self.texts[1], now)
        start = start_of(node) if node is not None else None
        start = start if start is not None else _near(node)
        line = (place(text, start).line or 1) if start is not None else 1
        joined = part is Part.FROM and isinstance(now if now is not None else was, exp.Join)
        return ChangedPlace(
            kind=ChangeKind.JOIN if joined else _KINDS[part],
            line=line,
            excerpt=excerpt(text, line),
            old=sql_of(was) if was is not None else None,
            new=sql_of(now) if now is not None else None,
            removed=removed,
            name=name,
        )


def item_name(item: Expr) -> str:
    """What a column is called, or its text where it has no name."""
    return "*" if item.is_star else item.alias_or_name.lower() or sql_of(item)


def source_word(item: Expr) -> str:
    """The name of what stands in FROM, or the kind of it."""
    inner = item.this if isinstance(item, exp.From | exp.Join) else item
    return (
        ".".join(part.name.lower() for part in inner.parts)
        if isinstance(inner, exp.Table) and isinstance(inner.this, exp.Identifier)
        else inner.key
    )


def name_of(part: Part, node: Expr | None) -> str:
    """What a part that differs is called in its place; nothing where it has no name."""
    if node is None:
        return ""
    if part in {Part.ITEM, Part.COLUMN}:
        return item_name(node)
    return source_word(node) if part is Part.FROM else ""


def unplaced(old: str, new: str) -> Difference:
    """The first line in which two texts differ: something does, and no part tells what."""
    lines = list(zip_longest(old.split("\n"), new.split("\n"), fillvalue=""))
    at = next((at for at, (was, now) in enumerate(lines) if was.strip() != now.strip()), 0)
    line = min(at, new.count("\n")) + 1
    spot = ChangedPlace(
        kind=ChangeKind.EXPRESSION,
        line=line,
        excerpt=excerpt(new, line),
        old=lines[at][0].strip(),
        new=lines[at][1].strip(),
    )
    return Difference(path=(), part=Part.STRUCTURE, place=spot)


def _near(node: Expr | None) -> int | None:
    """Where the next thing around a node stands, or beneath it, that sqlglot kept a place of."""
    while node is not None:
        last = node.args.get("expression")
        start = start_of(last) if isinstance(last, exp.Expr) and isinstance(node, exp.SetOperation) else start_of(node)
        if start is not None:
            return start
        node = node.parent
    return None


def _source_name(found: Found) -> str:
    """What a form calls a column's source: what it reads, so that a join beside it leaves its columns as they are."""
    return f"{found.source.reads} {found.twin} {found.level}"
