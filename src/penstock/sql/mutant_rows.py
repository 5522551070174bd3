"""Faults in what makes rows: aggregates, windows, groups, DISTINCT, joins, set operations, order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.blocks import has_fold, is_grouped
from penstock.sql.expressions import is_windowed
from penstock.sql.mutant_kinds import Fault, MutantKind, swapped
from penstock.sql.syntax import sql_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr


_FOLDS: dict[type[Expr], tuple[type[Expr], ...]] = {
    exp.Sum: (exp.Avg, exp.Max), exp.Avg: (exp.Sum,), exp.Min: (exp.Max,), exp.Max: (exp.Min,),
    exp.ArgMin: (exp.ArgMax,), exp.ArgMax: (exp.ArgMin,), exp.LogicalAnd: (exp.LogicalOr,),
    exp.LogicalOr: (exp.LogicalAnd,), exp.First: (exp.Last,), exp.Last: (exp.First,), exp.Median: (exp.Max,),
}  # fmt: skip
RANKS: dict[type[Expr], type[Expr]] = {
    exp.RowNumber: exp.Rank, exp.Rank: exp.DenseRank, exp.DenseRank: exp.Rank, exp.Lag: exp.Lead, exp.Lead: exp.Lag,
    exp.FirstValue: exp.LastValue, exp.LastValue: exp.FirstValue,
}  # fmt: skip


def folded(node: Expr) -> Iterator[Fault]:
    """Another aggregate or ranking, with DISTINCT and without."""
    for kind in _FOLDS.get(type(node), ()):
        yield swapped(MutantKind.AGGREGATE, node, _as(kind, node))
    if type(node) in RANKS:
        yield swapped(MutantKind.WINDOW, node, _as(RANKS[type(node)], node))
    inside = node.this
    if isinstance(inside, exp.Distinct) and len(inside.expressions) == 1:
        yield swapped(MutantKind.AGGREGATE, node, _with_argument(node, inside.expressions[0].copy()))
    elif isinstance(node, exp.Count) and inside is not None and not isinstance(inside, exp.Star | exp.Literal):
        yield swapped(MutantKind.AGGREGATE, node, _with_argument(node, exp.Star()))
        if not node.expressions and not is_windowed(node):
            distinct = exp.Distinct(expressions=[inside.copy()])
            yield swapped(MutantKind.AGGREGATE, node, _with_argument(node, distinct))


def _as(kind: type[Expr], node: Expr) -> Expr:
    known = kind.arg_types
    return kind(**{key: value for key, value in node.copy().args.items() if key in known and value is not None})


def _with_argument(node: Expr, argument: Expr) -> Expr:
    put = node.copy()
    put.set("this", argument)
    return put


def windowed(node: Expr) -> Iterator[Fault]:
    """One PARTITION BY key less; no frame."""
    keys = node.args.get("partition_by") or []
    for at, key in enumerate(keys):
        put = node.copy()
        put.set("partition_by", [item for place, item in enumerate(put.args["partition_by"]) if place != at])
        yield Fault(kind=MutantKind.WINDOW, target=node, put=put, old=key, new=None)
    if node.args.get("spec") is not None:
        put = node.copy()
        put.set("spec", None)
        yield Fault(kind=MutantKind.WINDOW, target=node, put=put, old=node.args["spec"], new=None)


def ordered(node: Expr) -> Iterator[Fault]:
    """The other direction, where the order decides over values or rows."""
    holder = node.parent.parent if node.parent is not None else None
    picks = isinstance(holder, exp.Select | exp.SetOperation) and any(
        holder.args.get(key) is not None for key in ("limit", "offset", "distinct")
    )
    if not picks and isinstance(holder, exp.Select | exp.SetOperation | exp.Subquery):
        return
    put = node.copy()
    put.set("desc", not node.args.get("desc"))
    yield swapped(MutantKind.WINDOW if isinstance(holder, exp.Window) else MutantKind.ORDER, node, put)


def selected(node: Expr) -> Iterator[Fault]:
    """DISTINCT added and left out, GROUP BY with one key less."""
    if not isinstance(node, exp.Select):
        return
    yield from _distinct(node)
    group = node.args.get("group")
    if group is None or any(value for key, value in group.args.items() if key not in {"expressions", "all"}):
        return
    if group.args.get("all"):
        for at, item in enumerate(node.expressions):
            if not has_fold(item) and not item.is_star and not isinstance(item.unalias(), exp.Literal):
                put = node.copy()
                _fold_item(put, at)
                yield Fault(kind=MutantKind.GROUP_KEY, target=node, put=put, old=item, new=None)
        return
    for at, key in enumerate(group.expressions):
        less = _without_key(node, at)
        if less is not None:
            yield Fault(kind=MutantKind.GROUP_KEY, target=node, put=less, old=key, new=None)


def _distinct(select: exp.Select) -> Iterator[Fault]:
    put = select.copy()
    first = select.expressions[0]
    if select.args.get("distinct") is not None:
        put.set("distinct", None)
        yield _of_select(select, put, first, ("DISTINCT", None))
    elif select.args.get("from_") is not None and not is_grouped(select) and not _is_distinct_anyway(select):
        put.set("distinct", exp.Distinct())
        shown = sql_of(first)
        yield _of_select(select, put, first, (f"SELECT {shown}", f"SELECT DISTINCT {shown}"))


def _of_select(select: Expr, put: Expr, place: Expr, words: tuple[str, str | None]) -> Fault:
    new = None if words[1] is None else put
    return Fault(kind=MutantKind.DISTINCT, target=select, put=put, old=place, new=new, words=words)


def _is_distinct_anyway(select: exp.Select) -> bool:
    """Whether repeated rows are put together by what stands around it, or only asked whether there are any."""
    holder = select.parent
    while isinstance(holder, exp.Paren):
        holder = holder.parent
    if isinstance(holder, exp.SetOperation):
        return bool(holder.args.get("distinct"))
    return isinstance(holder, exp.Exists | exp.In) or (
        isinstance(holder, exp.Subquery) and not isinstance(holder.parent, exp.From | exp.Join)
    )


def _without_key(select: exp.Select, at: int) -> Expr | None:
    """The SELECT grouped by one key less, which it shows as the least of its values."""
    put = select.copy()
    keys = put.args["group"].expressions
    key = keys[at]
    for place, item in enumerate(put.expressions):
        if _stands_for(key, item, place):
            _fold_item(put, place)
    rest = [other for place, other in enumerate(keys) if place != at]
    put.set("group", exp.Group(expressions=rest) if rest else None)
    return put if rest or any(has_fold(item) for item in put.expressions) else None


def _stands_for(key: Expr, item: Expr, place: int) -> bool:
    if isinstance(key, exp.Literal):
        return key.name == str(place + 1)
    bare = isinstance(key, exp.Column) and not key.table
    return item.unalias() == key or (bare and item.alias_or_name.lower() == key.name.lower())


def _fold_item(select: Expr, at: int) -> None:
    item = select.expressions[at]
    least = exp.Min(this=item.unalias().copy())
    name = item.args["alias"].copy() if isinstance(item, exp.Alias) else exp.to_identifier(item.alias_or_name)
    item.replace(exp.Alias(this=least, alias=name) if name is not None and name.name else least)


def joined(node: Expr) -> Iterator[Fault]:
    """Another kind of join, one USING column less."""
    side, kind, keys = node.args.get("side") or "", node.args.get("kind") or "", node.args.get("using") or []
    if not keys and node.args.get("on") is None:
        return
    for words in _OTHER_JOINS.get((side.upper(), kind.upper()), ()):
        put = node.copy()
        put.set("side", words[0] or None)
        put.set("kind", words[1] or None)
        yield swapped(MutantKind.JOIN_KIND, node, put)
    for at, key in enumerate(keys if len(keys) > 1 else ()):
        put = node.copy()
        put.set("using", [item for place, item in enumerate(put.args["using"]) if place != at])
        yield Fault(kind=MutantKind.JOIN_KEY, target=node, put=put, old=key, new=None)


_INNER, _LEFT = (("LEFT", ""),), (("", ""),)
_OTHER_JOINS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("", ""): _INNER, ("", "INNER"): _INNER,
    ("LEFT", ""): _LEFT, ("LEFT", "OUTER"): _LEFT, ("RIGHT", ""): _LEFT, ("RIGHT", "OUTER"): _LEFT,
    ("FULL", ""): (("LEFT", ""), ("", "")), ("FULL", "OUTER"): (("LEFT", ""), ("", "")),
    ("", "SEMI"): (("", "ANTI"),), ("", "ANTI"): (("", "SEMI"),),
    ("LEFT", "SEMI"): (("", "ANTI"),), ("LEFT", "ANTI"): (("", "SEMI"),),
}  # fmt: skip


def united(node: Expr) -> Iterator[Fault]:
    """UNION for UNION ALL, EXCEPT for INTERSECT, and back."""
    put: Expr = node.copy()
    if isinstance(node, exp.Union):
        put.set("distinct", not node.args.get("distinct"))
    else:
        other = exp.Intersect if isinstance(node, exp.Except) else exp.Except
        put = other(**put.args)
    words = (_set_words(node), _set_words(put))
    yield Fault(kind=MutantKind.SET, target=node, put=put, old=node.expression, new=put, words=words)


def _set_words(node: Expr) -> str:
    return (
        f"{node.key.upper()} ALL" if isinstance(node, exp.Union) and not node.args.get("distinct") else node.key.upper()
    )
