"""Mutants of a query: the same query with one small fault each, as an author might have made it.

Invariants: the same text gives the same mutants in the same order with the same ids; each is one query, and differs in
its canonical form from the original and from every other; comments are no part of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.sql import mutant_conditions, mutant_rows, mutant_values
from penstock.sql.fingerprint import canonical
from penstock.sql.mutant_kinds import Fault, MutantKind
from penstock.sql.syntax import excerpt, sql_of, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlglot.expressions import Expr

__all__ = ["MOST", "Mutant", "MutantKind", "Mutants", "mutants_of", "plain_text"]

MOST = 60
"""How many mutants of one query are made by default."""
_CONDITIONS = (exp.Where, exp.Having, exp.Qualify)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault: the SQL of its place before and after (`new` is None where it was dropped), and the whole text.

    `lines` are those of the place and the first of the part (column, condition, join, clause) that it stands in.
    """

    id: str
    kind: MutantKind
    line: int
    lines: tuple[int, ...]
    excerpt: str
    old: str
    new: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.old} -> {self.new}" if self.new is not None else f"without {self.old}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutants:
    """Those that were chosen, in the order of lines, and how many places for more were left out."""

    items: tuple[Mutant, ...]
    left_out: int = 0


def mutants_of(text: str, *, most: int = MOST, lines: frozenset[int] | None = None) -> Mutants:
    """At most `most` mutants of a query over datasets, spread evenly over its parts; with `lines` only of those.

    Raises:
        InputError: the text is not one query.
    """
    tree = tree_of(text).copy()
    places = [_place(fault, text) for fault in _faults(tree)]
    chosen = [place for place in places if lines is None or lines.intersection(place.lines)]
    seen = {canonical(text), canonical(plain_text(text))}
    found: list[tuple[_Place, str]] = []
    looked = 0
    for place in _in_turns(chosen):
        if len(found) == most:
            break
        looked += 1
        mutated = _mutated(tree, place.fault)
        form = _form(mutated)
        if form is not None and form not in seen:
            seen.add(form)
            found.append((place, mutated))
    return Mutants(items=_named(found, text), left_out=len(chosen) - looked)


def plain_text(text: str) -> str:
    """The query as its mutants are written, without any fault: its meaning should be the same.

    Raises:
        InputError: the text is not one query.
    """
    return _written(tree_of(text))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    fault: Fault
    start: int
    line: int
    lines: tuple[int, ...]


def _place(fault: Fault, text: str) -> _Place:
    """Where a fault is; what has no name or value in it stands where the part around it begins."""
    part = _part(fault.old)
    begins = start_of(part) or 0
    starts = sorted(item.meta["start"] for item in fault.old.walk() if "start" in item.meta) or [begins]
    if isinstance(fault.old, exp.Query | exp.Join):
        starts = starts[:1]
    first, last = (text.count("\n", 0, offset) + 1 for offset in (starts[0], starts[-1]))
    lines = {text.count("\n", 0, begins) + 1, *range(first, last + 1)}
    return _Place(fault=fault, start=begins, line=first, lines=tuple(sorted(lines)))


def _part(node: Expr) -> Expr:
    """The column, condition, join or clause of a SELECT that a node stands in."""
    while node.parent is not None:
        holder = node.parent
        if isinstance(holder, exp.Query) or (isinstance(holder, _CONDITIONS) and isinstance(holder.parent, exp.Select)):
            return node
        if isinstance(holder, exp.And) and _is_whole_condition(holder):
            return node.expression if isinstance(node, exp.And) else node
        node = holder
    return node


def _is_whole_condition(node: Expr) -> bool:
    while isinstance(node.parent, exp.And):
        node = node.parent
    return isinstance(node.parent, _CONDITIONS) and isinstance(node.parent.parent, exp.Select)


def _in_turns(places: Sequence[_Place]) -> Iterator[_Place]:
    """One of each part, then a second of each, and so on."""
    parts: dict[int, list[_Place]] = defaultdict(list)
    for place in places:
        parts[place.start].append(place)
    for turn in range(max(map(len, parts.values()), default=0)):
        for start in sorted(parts):
            if turn < len(parts[start]):
                yield parts[start][turn]


def _mutated(tree: Expr, fault: Fault) -> str:
    if fault.target is tree:
        return _written(fault.put)
    fault.target.replace(fault.put)
    try:
        return _written(tree)
    finally:
        fault.put.replace(fault.target)


def _written(tree: Expr) -> str:
    # sqlglot cannot read a text whose very end is an empty string
    return sql_of(tree) + "\n"


def _form(text: str) -> str | None:
    try:
        return canonical(text)
    except InputError:
        return None


def _named(found: Sequence[tuple[_Place, str]], text: str) -> tuple[Mutant, ...]:
    numbers: dict[int, int] = defaultdict(int)
    mutants = []
    for place, mutated in sorted(found, key=lambda item: (item[0].line, item[0].start)):
        numbers[place.line] += 1
        fault = place.fault
        words = fault.words or (sql_of(fault.old), sql_of(fault.new) if fault.new is not None else None)
        mutants.append(
            Mutant(
                id=f"{place.line}.{numbers[place.line]}",
                kind=fault.kind,
                line=place.line,
                lines=place.lines,
                excerpt=excerpt(text, place.line),
                old=words[0].strip(),
                new=words[1].strip() if words[1] is not None else None,
                text=mutated,
            )
        )
    return tuple(mutants)


def _faults(tree: Expr) -> Iterator[Fault]:
    """Every fault of every node, in the order of a walk from left to right."""
    for node in tree.walk(bfs=False):
        for kinds, make in _MAKERS:
            if isinstance(node, kinds):
                yield from make(node)


_MAKERS: tuple[tuple[tuple[type[Expr], ...], Callable[[Expr], Iterator[Fault]]], ...] = (
    (tuple(mutant_conditions.COMPARISONS), mutant_conditions.compared),
    ((exp.And, exp.Or), mutant_conditions.connected),
    ((exp.Where, exp.Having, exp.Qualify), mutant_conditions.filtered),
    ((exp.Not,), mutant_conditions.negated),
    ((exp.Is,), mutant_conditions.is_faults),
    ((exp.Between,), mutant_conditions.between),
    ((exp.In,), mutant_conditions.listed),
    ((exp.Like, exp.ILike), mutant_values.liked),
    ((exp.Literal,), mutant_values.literal),
    ((exp.Boolean,), mutant_values.boolean),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), mutant_values.arithmetic),
    ((exp.Neg,), mutant_values.minus),
    ((exp.Coalesce,), mutant_values.coalesced),
    ((exp.Nullif,), mutant_values.nullif),
    (mutant_values.CALLED, mutant_values.called),
    ((exp.Case,), mutant_values.case),
    ((exp.If,), mutant_values.if_faults),
    ((exp.AggFunc, *mutant_rows.RANKS), mutant_rows.folded),
    ((exp.Window,), mutant_rows.windowed),
    ((exp.Ordered,), mutant_rows.ordered),
    ((exp.Select,), mutant_rows.selected),
    ((exp.Join,), mutant_rows.joined),
    ((exp.Union, exp.Except, exp.Intersect), mutant_rows.united),
)
