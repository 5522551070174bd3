"""The small faults that an author might make at one node of a query: what would stand there instead.

Invariants: no tree is changed, new nodes are copies; a fault is at one place; what stands there instead needs no
bracket that it does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.blocks import has_fold, is_grouped
from penstock.sql.expressions import is_windowed
from penstock.sql.syntax import sql_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlglot.expressions import Expr


class MutantKind(StrEnum):
    """What was done to a query."""

    COMPARISON = "comparison"
    BOUNDARY = "boundary"
    FILTER = "filter dropped"
    TERM = "term dropped"
    CONNECTIVE = "AND and OR"
    NEGATION = "NOT dropped"
    JOIN_KIND = "join kind"
    JOIN_KEY = "join key dropped"
    AGGREGATE = "aggregate"
    GROUP_KEY = "GROUP BY key dropped"
    DISTINCT = "DISTINCT"
    SET = "set operation"
    NULLS = "NULL handling"
    ARITHMETIC = "arithmetic"
    CONSTANT = "constant"
    PATTERN = "pattern"
    CASE = "CASE arm"
    WINDOW = "window"
    ORDER = "order"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """`put` would stand where `target` stands. `old` is where the fault is; `new` is None where it would be left out.

    `words` is what a person is shown in place of their SQL.
    """

    kind: MutantKind
    target: Expr
    put: Expr
    old: Expr
    new: Expr | None
    words: tuple[str, str | None] | None = None


def faults_of(tree: Expr) -> Iterator[Fault]:
    """Every fault of every node, in the order of a walk from left to right."""
    for node in tree.walk(bfs=False):
        for kinds, make in _MAKERS:
            if isinstance(node, kinds):
                yield from make(node)


def _swap(kind: MutantKind, node: Expr, put: Expr) -> Fault:
    return Fault(kind=kind, target=node, put=put, old=node, new=put)


def _operand(node: Expr) -> Expr:
    """A copy that may stand wherever one value may."""
    copy = node.copy()
    return exp.Paren(this=copy) if isinstance(copy, exp.Binary | exp.Not | exp.Between | exp.In) else copy


# -- conditions ---------------------------------------------------------------------------------------------------

_COMPARISONS: dict[type[Expr], tuple[tuple[MutantKind, type[exp.Binary]], ...]] = {
    exp.EQ: ((MutantKind.COMPARISON, exp.NEQ),),
    exp.NEQ: ((MutantKind.COMPARISON, exp.EQ),),
    exp.GT: ((MutantKind.BOUNDARY, exp.GTE), (MutantKind.COMPARISON, exp.LT)),
    exp.GTE: ((MutantKind.BOUNDARY, exp.GT), (MutantKind.COMPARISON, exp.LTE)),
    exp.LT: ((MutantKind.BOUNDARY, exp.LTE), (MutantKind.COMPARISON, exp.GT)),
    exp.LTE: ((MutantKind.BOUNDARY, exp.LT), (MutantKind.COMPARISON, exp.GTE)),
    exp.NullSafeEQ: ((MutantKind.NULLS, exp.EQ),),
    exp.NullSafeNEQ: ((MutantKind.NULLS, exp.NEQ),),
}


def _compared(node: Expr) -> Iterator[Fault]:
    for kind, put in _COMPARISONS.get(type(node), ()):
        yield _swap(kind, node, put(this=node.this.copy(), expression=node.expression.copy()))
    if type(node) is exp.EQ and node.this.find(exp.Column) and node.expression.find(exp.Column):
        safe = exp.NullSafeEQ(this=node.this.copy(), expression=node.expression.copy())
        yield _swap(MutantKind.NULLS, node, safe)


def _connected(node: Expr) -> Iterator[Fault]:
    """AND for OR and back, and each operand left out; a chain leans to the left."""
    other = exp.Or if isinstance(node, exp.And) else exp.And
    swapped = exp.Paren(this=other(this=_apart(node.this), expression=_apart(node.expression)))
    beside = node.this.expression if isinstance(node.this, type(node)) else node.this
    words = tuple(f"{sql_of(beside)} {kind.key.upper()} {sql_of(node.expression)}" for kind in (node, other))
    last = node.expression
    yield Fault(kind=MutantKind.CONNECTIVE, target=node, put=swapped, old=last, new=swapped, words=(words[0], words[1]))
    kind = _kind_of_condition(node) if isinstance(node, exp.And) else MutantKind.TERM
    yield Fault(kind=kind, target=node, put=node.this.copy(), old=node.expression, new=None)
    if not isinstance(node.this, type(node)):
        yield Fault(kind=kind, target=node, put=node.expression.copy(), old=node.this, new=None)


def _apart(node: Expr) -> Expr:
    copy = node.copy()
    return exp.Paren(this=copy) if isinstance(copy, exp.And | exp.Or) else copy


def _kind_of_condition(node: Expr) -> MutantKind:
    holder = node.parent
    while isinstance(holder, exp.And | exp.Paren):
        holder = holder.parent
    if isinstance(holder, exp.Join):
        return MutantKind.JOIN_KEY
    return MutantKind.FILTER if isinstance(holder, exp.Where | exp.Having | exp.Qualify) else MutantKind.TERM


def _filtered(node: Expr) -> Iterator[Fault]:
    if not isinstance(node.this.unnest(), exp.And):
        yield Fault(kind=MutantKind.FILTER, target=node.this, put=exp.true(), old=node.this, new=None)


def _negated(node: Expr) -> Iterator[Fault]:
    kind = MutantKind.NULLS if isinstance(node.this.unnest(), exp.Is) else MutantKind.NEGATION
    yield _swap(kind, node, node.this.copy())


def _is(node: Expr) -> Iterator[Fault]:
    if isinstance(node.expression, exp.Boolean):
        # `x IS TRUE` and `x IS NOT FALSE` differ where x is NULL
        opposite = exp.Boolean(this=not node.expression.this)
        yield _swap(MutantKind.NULLS, node, exp.Not(this=exp.Is(this=node.this.copy(), expression=opposite)))
    elif not isinstance(_holder(node), exp.Not):
        yield _swap(MutantKind.NULLS, node, exp.Not(this=node.copy()))


def _holder(node: Expr) -> Expr | None:
    holder = node.parent
    while isinstance(holder, exp.Paren):
        holder = holder.parent
    return holder


def _between(node: Expr) -> Iterator[Fault]:
    value, low, high = node.this, node.args["low"], node.args["high"]
    first, last = exp.GTE(this=value.copy(), expression=low.copy()), exp.LTE(this=value.copy(), expression=high.copy())
    above, below = exp.GT(this=value.copy(), expression=low.copy()), exp.LT(this=value.copy(), expression=high.copy())
    for kind, put in (
        (MutantKind.BOUNDARY, exp.Paren(this=exp.And(this=above, expression=last.copy()))),
        (MutantKind.BOUNDARY, exp.Paren(this=exp.And(this=first.copy(), expression=below))),
        (MutantKind.COMPARISON, first),
        (MutantKind.COMPARISON, last),
    ):
        yield _swap(kind, node, put)


def _listed(node: Expr) -> Iterator[Fault]:
    if len(node.expressions) < 2:
        return
    for at, item in enumerate(node.expressions):
        put = node.copy()
        put.set("expressions", [other for place, other in enumerate(put.expressions) if place != at])
        yield Fault(kind=MutantKind.TERM, target=node, put=put, old=item, new=None)


# -- patterns and constants -----------------------------------------------------------------------------------------


def _liked(node: Expr) -> Iterator[Fault]:
    other = exp.ILike if isinstance(node, exp.Like) else exp.Like
    yield _swap(MutantKind.PATTERN, node, other(this=node.this.copy(), expression=node.expression.copy()))


def _literal(node: Expr) -> Iterator[Fault]:
    holder = _holder(node.parent) if isinstance(node.parent, exp.Neg) else _holder(node)
    if isinstance(holder, _POSITIONS) or node.find_ancestor(*_SETTINGS) is not None:
        return
    kind, texts = _other_constants(node, holder)
    for text in texts:
        yield _swap(kind, node, exp.Literal(this=text, is_string=node.is_string))


def _other_constants(node: Expr, holder: Expr | None) -> tuple[MutantKind, tuple[str, ...]]:
    text = node.name
    if isinstance(holder, exp.Like | exp.ILike):
        return MutantKind.PATTERN, _other_patterns(text, "%")
    if isinstance(holder, exp.RegexpLike):
        return MutantKind.PATTERN, _other_patterns(text, "^$")
    compared = isinstance(node.find_ancestor(*_COMPARISONS, exp.Between, exp.Select), exp.Binary | exp.Between)
    steps = _stepped(text)
    if compared and steps:
        return MutantKind.BOUNDARY, steps
    if node.is_string and not steps:
        return MutantKind.CONSTANT, (f"{text}x" if text else "x",)
    return MutantKind.CONSTANT, steps[:1]


def _other_patterns(text: str, signs: str) -> tuple[str, ...]:
    """The pattern without each of its signs at an end."""
    begin = [text[1:]] if text[:1] and text[0] in signs else []
    end = [text[:-1]] if text[-1:] and text[-1] in signs else []
    return tuple(dict.fromkeys(item for item in (*begin, *end) if item)) or (f"{text}x",)


def _stepped(text: str) -> tuple[str, ...]:
    """A number one step of its last digit up and down, a date a day later and earlier; nothing for other texts."""
    try:
        number = Decimal(text)
        step = Decimal(1).scaleb(min(int(number.as_tuple().exponent), 0))
    except (InvalidOperation, ValueError):
        return _next_days(text)
    if number < step:
        return (f"{number + step:f}",)
    return f"{number + step:f}", f"{number - step:f}"


def _next_days(text: str) -> tuple[str, ...]:
    try:
        moment, day = datetime.fromisoformat(text), timedelta(days=1)
        days = (moment + day, moment - day)
    except (ValueError, OverflowError):
        return ()
    return tuple(str(item)[: max(len(text), 10)] for item in days)


def _boolean(node: Expr) -> Iterator[Fault]:
    if not isinstance(node.parent, exp.Is | exp.Where | exp.Join):
        yield _swap(MutantKind.CONSTANT, node, exp.Boolean(this=not node.this))


_POSITIONS = (exp.Group, exp.Ordered)
_SETTINGS = (
    exp.DataType, exp.TableSample, exp.StrToTime, exp.StrToDate, exp.StrToUnix, exp.TimeToStr, exp.ToChar,
)  # fmt: skip


# -- values ---------------------------------------------------------------------------------------------------------


def _arithmetic(node: Expr) -> Iterator[Fault]:
    left, right = node.this.copy(), node.expression.copy()
    if isinstance(node, exp.Mul):
        yield _swap(MutantKind.ARITHMETIC, node, exp.Div(this=left, expression=right, typed=False, safe=False))
        return
    others: dict[type[Expr], type[exp.Binary]] = {exp.Add: exp.Sub, exp.Sub: exp.Add}
    put = others.get(type(node), exp.Mul)
    yield _swap(MutantKind.ARITHMETIC, node, put(this=left, expression=right))


def _minus(node: Expr) -> Iterator[Fault]:
    if not isinstance(node.this, exp.Literal):
        yield _swap(MutantKind.ARITHMETIC, node, _operand(node.this))


def _coalesced(node: Expr) -> Iterator[Fault]:
    """Without the last of its values."""
    if len(node.expressions) == 1:
        yield _swap(MutantKind.NULLS, node, _operand(node.this))
        return
    put = node.copy()
    put.set("expressions", put.expressions[:-1])
    yield _swap(MutantKind.NULLS, node, put)


def _nullif(node: Expr) -> Iterator[Fault]:
    yield _swap(MutantKind.NULLS, node, _operand(node.this))


def _called(node: Expr) -> Iterator[Fault]:
    if type(node) in _TWINS:
        put = node.copy()
        twin = _TWINS[type(node)](**{key: value for key, value in put.args.items() if value is not None})
        yield _swap(MutantKind.FUNCTION, node, twin)
    else:
        yield _swap(MutantKind.FUNCTION, node, _operand(node.this))


_TWINS: dict[type[Expr], type[Expr]] = {
    exp.Greatest: exp.Least, exp.Least: exp.Greatest, exp.Floor: exp.Ceil, exp.Ceil: exp.Floor,
}  # fmt: skip
_DROPPED = (exp.Trim, exp.Upper, exp.Lower, exp.Abs, exp.Round)


def _case(node: Expr) -> Iterator[Fault]:
    arms, last = node.args["ifs"], node.args.get("default")
    for at, arm in enumerate(arms):
        words = f"WHEN {sql_of(arm.this)} THEN {sql_of(arm.args['true'])}"
        yield Fault(
            kind=MutantKind.CASE, target=node, put=_without_arm(node, at), old=arm, new=None, words=(words, None)
        )
    for at in range(len(arms) - (last is None)):
        yield _swap(MutantKind.CASE, node, _with_arms_swapped(node, at))
    if last is not None and not isinstance(last, exp.Null):
        put = node.copy()
        put.set("default", None)
        words = f"ELSE {sql_of(last)}"
        yield Fault(kind=MutantKind.CASE, target=node, put=put, old=last, new=None, words=(words, None))


def _without_arm(case: Expr, at: int) -> Expr:
    if len(case.args["ifs"]) == 1:
        last = case.args.get("default")
        return _operand(last) if last is not None else exp.Null()
    put = case.copy()
    put.set("ifs", [arm for place, arm in enumerate(put.args["ifs"]) if place != at])
    return put


def _with_arms_swapped(case: Expr, at: int) -> Expr:
    """The values of an arm and the next, or of the last arm and ELSE, in each other's place."""
    put = case.copy()
    arms = put.args["ifs"]
    this = arms[at].args["true"].copy()
    if at + 1 < len(arms):
        arms[at].set("true", arms[at + 1].args["true"].copy())
        arms[at + 1].set("true", this)
    else:
        arms[at].set("true", put.args["default"].copy())
        put.set("default", this)
    return put


def _if(node: Expr) -> Iterator[Fault]:
    if isinstance(node.parent, exp.Case):
        return
    put = node.copy()
    put.set("true", (node.args.get("false") or exp.Null()).copy())
    put.set("false", node.args["true"].copy())
    yield _swap(MutantKind.CASE, node, put)


# -- aggregates, groups and windows -----------------------------------------------------------------------------------

_FOLDS: dict[type[Expr], tuple[type[Expr], ...]] = {
    exp.Sum: (exp.Avg, exp.Max), exp.Avg: (exp.Sum,), exp.Min: (exp.Max,), exp.Max: (exp.Min,),
    exp.ArgMin: (exp.ArgMax,), exp.ArgMax: (exp.ArgMin,), exp.LogicalAnd: (exp.LogicalOr,),
    exp.LogicalOr: (exp.LogicalAnd,), exp.First: (exp.Last,), exp.Last: (exp.First,), exp.Median: (exp.Max,),
}  # fmt: skip
_RANKS: dict[type[Expr], type[Expr]] = {
    exp.RowNumber: exp.Rank, exp.Rank: exp.DenseRank, exp.DenseRank: exp.Rank, exp.Lag: exp.Lead, exp.Lead: exp.Lag,
    exp.FirstValue: exp.LastValue, exp.LastValue: exp.FirstValue,
}  # fmt: skip


def _folded(node: Expr) -> Iterator[Fault]:
    for kind in _FOLDS.get(type(node), ()):
        yield _swap(MutantKind.AGGREGATE, node, _as(kind, node))
    if type(node) in _RANKS:
        yield _swap(MutantKind.WINDOW, node, _as(_RANKS[type(node)], node))
    inside = node.this
    if isinstance(inside, exp.Distinct) and len(inside.expressions) == 1:
        yield _swap(MutantKind.AGGREGATE, node, _with_argument(node, inside.expressions[0].copy()))
    elif isinstance(node, exp.Count) and inside is not None and not isinstance(inside, exp.Star | exp.Literal):
        yield _swap(MutantKind.AGGREGATE, node, _with_argument(node, exp.Star()))
        if not node.expressions and not is_windowed(node):
            distinct = exp.Distinct(expressions=[inside.copy()])
            yield _swap(MutantKind.AGGREGATE, node, _with_argument(node, distinct))


def _as(kind: type[Expr], node: Expr) -> Expr:
    known = kind.arg_types
    return kind(**{key: value for key, value in node.copy().args.items() if key in known and value is not None})


def _with_argument(node: Expr, argument: Expr) -> Expr:
    put = node.copy()
    put.set("this", argument)
    return put


def _windowed(node: Expr) -> Iterator[Fault]:
    keys = node.args.get("partition_by") or []
    for at, key in enumerate(keys):
        put = node.copy()
        put.set("partition_by", [item for place, item in enumerate(put.args["partition_by"]) if place != at])
        yield Fault(kind=MutantKind.WINDOW, target=node, put=put, old=key, new=None)
    if node.args.get("spec") is not None:
        put = node.copy()
        put.set("spec", None)
        yield Fault(kind=MutantKind.WINDOW, target=node, put=put, old=node.args["spec"], new=None)


def _ordered(node: Expr) -> Iterator[Fault]:
    """The other direction, where the order decides over values or rows."""
    holder = node.parent.parent if node.parent is not None else None
    picks = isinstance(holder, exp.Select | exp.SetOperation) and any(
        holder.args.get(key) is not None for key in ("limit", "offset", "distinct")
    )
    if not picks and isinstance(holder, exp.Select | exp.SetOperation | exp.Subquery):
        return
    put = node.copy()
    put.set("desc", not node.args.get("desc"))
    yield _swap(MutantKind.WINDOW if isinstance(holder, exp.Window) else MutantKind.ORDER, node, put)


# -- whole SELECTs --------------------------------------------------------------------------------------------------


def _selected(node: Expr) -> Iterator[Fault]:
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


def _joined(node: Expr) -> Iterator[Fault]:
    side, kind, keys = node.args.get("side") or "", node.args.get("kind") or "", node.args.get("using") or []
    if not keys and node.args.get("on") is None:
        return
    for words in _OTHER_JOINS.get((side.upper(), kind.upper()), ()):
        put = node.copy()
        put.set("side", words[0] or None)
        put.set("kind", words[1] or None)
        yield _swap(MutantKind.JOIN_KIND, node, put)
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


def _united(node: Expr) -> Iterator[Fault]:
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


_MAKERS: tuple[tuple[tuple[type[Expr], ...], Callable[[Expr], Iterator[Fault]]], ...] = (
    (tuple(_COMPARISONS), _compared),
    ((exp.And, exp.Or), _connected),
    ((exp.Where, exp.Having, exp.Qualify), _filtered),
    ((exp.Not,), _negated),
    ((exp.Is,), _is),
    ((exp.Between,), _between),
    ((exp.In,), _listed),
    ((exp.Like, exp.ILike), _liked),
    ((exp.Literal,), _literal),
    ((exp.Boolean,), _boolean),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _arithmetic),
    ((exp.Neg,), _minus),
    ((exp.Coalesce,), _coalesced),
    ((exp.Nullif,), _nullif),
    ((*_TWINS, *_DROPPED), _called),
    ((exp.Case,), _case),
    ((exp.If,), _if),
    ((exp.AggFunc,), _folded),
    ((exp.Window,), _windowed),
    ((exp.Ordered,), _ordered),
    ((exp.Select,), _selected),
    ((exp.Join,), _joined),
    ((exp.Union, exp.Except, exp.Intersect), _united),
)
