"""Where two texts of a query differ in meaning: which join, filter, expression, grouping, on which line.

Each query is taken apart into clauses, per CTE, subquery and branch; clauses with the same form on both sides are the
same, whatever their layout or order. What is left over is paired by name. If the queries differ in a way no clause
shows, the first line that reads differently is given.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from penstock.sql.clauses import Clause, ClauseKind, clauses_of
from penstock.sql.fingerprint import canonical
from penstock.sql.joins import Join, fanout_probe, joins
from penstock.sql.syntax import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ChangeKind", "ChangedPlace", "Join", "changed_places", "fanout_probe", "joins"]


_TOLD_APART = {ClauseKind.EXPRESSION, ClauseKind.JOIN, ClauseKind.FILTER, ClauseKind.ORDERING}


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


def changed_places(old: str | None, new: str) -> tuple[ChangedPlace, ...]:
    """The clauses in which two queries differ, in the order of lines, removed ones last; without `old`, every clause.

    Raises:
        InputError: one of the texts is not one query.
    """
    after = clauses_of(new)
    if old is None:
        return _ordered(_place(new, None, clause) for clause in after)
    if canonical(old) == canonical(new):
        return ()
    before = clauses_of(old)
    places = [
        _place(old, clause, None) if made is None else _place(new, clause, made)
        for clause, made in _pairs(_left_over(before, after), _left_over(after, before))
    ]
    return _ordered(places) if places else (_first_difference(old, new),)


def _left_over(ours: tuple[Clause, ...], theirs: tuple[Clause, ...]) -> list[Clause]:
    """The clauses that have no counterpart of the same form on the other side."""
    there = Counter((clause.path, clause.kind, clause.name, clause.form) for clause in theirs)
    rest = []
    for clause in ours:
        key = (clause.path, clause.kind, clause.name, clause.form)
        if there[key]:
            there[key] -= 1
        else:
            rest.append(clause)
    return rest


def _pairs(before: list[Clause], after: list[Clause]) -> Iterator[tuple[Clause | None, Clause | None]]:
    """Old and new of the same name; then, where clauses have no names to differ by, in the order they stand."""
    for old in list(before):
        new = next((item for item in after if _slot(item) == _slot(old) and item.name == old.name), None)
        if new is not None:
            before.remove(old)
            after.remove(new)
            yield old, new
    slots = dict.fromkeys(_slot(item) for item in (*before, *after))
    for slot in slots:
        olds = [item for item in before if _slot(item) == slot]
        news = [item for item in after if _slot(item) == slot]
        if slot[1] in _TOLD_APART:
            yield from ((old, None) for old in olds)
            yield from ((None, new) for new in news)
        else:
            yield from zip_longest(olds, news)


def _slot(clause: Clause) -> tuple[tuple[str, ...], ClauseKind]:
    return clause.path, clause.kind


def _place(text: str, old: Clause | None, new: Clause | None) -> ChangedPlace:
    shown = new or old
    assert shown is not None  # noqa: S101 - a pair has at least one side
    return ChangedPlace(
        kind=ChangeKind(shown.kind),
        line=shown.line,
        excerpt=excerpt(text, shown.line),
        old=old.sql if old else None,
        new=new.sql if new else None,
        removed=new is None,
        name=shown.name if shown.kind in {ClauseKind.EXPRESSION, ClauseKind.JOIN} else "",
    )


def _ordered(places: Iterable[ChangedPlace]) -> tuple[ChangedPlace, ...]:
    return tuple(sorted(places, key=lambda item: (item.removed, item.line, item.kind, item.name)))


def _first_difference(old: str, new: str) -> ChangedPlace:
    lines = list(zip_longest(old.split("\n"), new.split("\n"), fillvalue=""))
    index = next((index for index, (was, now) in enumerate(lines) if was.strip() != now.strip()), 0)
    was, now = lines[index]
    line = min(index, new.count("\n")) + 1
    return ChangedPlace(
        kind=ChangeKind.EXPRESSION, line=line, excerpt=excerpt(new, line), old=was.strip(), new=now.strip()
    )
