"""Faults in values: constants, patterns, arithmetic, COALESCE, functions, CASE."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.mutant_conditions import COMPARISONS
from penstock.sql.mutant_kinds import Fault, MutantKind, holder_of, operand, swapped
from penstock.sql.syntax import sql_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr


def liked(node: Expr) -> Iterator[Fault]:
    """LIKE and ILIKE."""
    other = exp.ILike if isinstance(node, exp.Like) else exp.Like
    yield swapped(MutantKind.PATTERN, node, other(this=node.this.copy(), expression=node.expression.copy()))


def literal(node: Expr) -> Iterator[Fault]:
    """Another number, day, text or pattern."""
    holder = holder_of(node.parent) if isinstance(node.parent, exp.Neg) else holder_of(node)
    if isinstance(holder, _POSITIONS) or node.find_ancestor(*_SETTINGS) is not None:
        return
    kind, texts = _other_constants(node, holder)
    for text in texts:
        yield swapped(kind, node, exp.Literal(this=text, is_string=node.is_string))


def _other_constants(node: Expr, holder: Expr | None) -> tuple[MutantKind, tuple[str, ...]]:
    text = node.name
    if isinstance(holder, exp.Like | exp.ILike):
        return MutantKind.PATTERN, _other_patterns(text, "%")
    if isinstance(holder, exp.RegexpLike):
        return MutantKind.PATTERN, _other_patterns(text, "^$")
    compared = isinstance(node.find_ancestor(*COMPARISONS, exp.Between, exp.Select), exp.Binary | exp.Between)
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


def boolean(node: Expr) -> Iterator[Fault]:
    """TRUE for FALSE and back."""
    if not isinstance(node.parent, exp.Is | exp.Where | exp.Join):
        yield swapped(MutantKind.CONSTANT, node, exp.Boolean(this=not node.this))


_POSITIONS = (exp.Group, exp.Ordered)
_SETTINGS = (
    exp.DataType, exp.TableSample, exp.StrToTime, exp.StrToDate, exp.StrToUnix, exp.TimeToStr, exp.ToChar,
)  # fmt: skip


def arithmetic(node: Expr) -> Iterator[Fault]:
    """The opposite operator."""
    left, right = node.this.copy(), node.expression.copy()
    if isinstance(node, exp.Mul):
        yield swapped(MutantKind.ARITHMETIC, node, exp.Div(this=left, expression=right, typed=False, safe=False))
        return
    others: dict[type[Expr], type[exp.Binary]] = {exp.Add: exp.Sub, exp.Sub: exp.Add}
    put = others.get(type(node), exp.Mul)
    yield swapped(MutantKind.ARITHMETIC, node, put(this=left, expression=right))


def minus(node: Expr) -> Iterator[Fault]:
    """A minus sign, left out."""
    if not isinstance(node.this, exp.Literal):
        yield swapped(MutantKind.ARITHMETIC, node, operand(node.this))


def coalesced(node: Expr) -> Iterator[Fault]:
    """Without the last of its values."""
    if len(node.expressions) == 1:
        yield swapped(MutantKind.NULLS, node, operand(node.this))
        return
    put = node.copy()
    put.set("expressions", put.expressions[:-1])
    yield swapped(MutantKind.NULLS, node, put)


def nullif(node: Expr) -> Iterator[Fault]:
    """NULLIF, left out."""
    yield swapped(MutantKind.NULLS, node, operand(node.this))


def called(node: Expr) -> Iterator[Fault]:
    """A function left out, or its twin."""
    if type(node) in _TWINS:
        put = node.copy()
        twin = _TWINS[type(node)](**{key: value for key, value in put.args.items() if value is not None})
        yield swapped(MutantKind.FUNCTION, node, twin)
    else:
        yield swapped(MutantKind.FUNCTION, node, operand(node.this))


_TWINS: dict[type[Expr], type[Expr]] = {
    exp.Greatest: exp.Least, exp.Least: exp.Greatest, exp.Floor: exp.Ceil, exp.Ceil: exp.Floor,
}  # fmt: skip
CALLED = (*_TWINS, exp.Trim, exp.Upper, exp.Lower, exp.Abs, exp.Round)


def case(node: Expr) -> Iterator[Fault]:
    """An arm left out, or two with their values exchanged."""
    arms, last = node.args["ifs"], node.args.get("default")
    for at, arm in enumerate(arms):
        words = f"WHEN {sql_of(arm.this)} THEN {sql_of(arm.args['true'])}"
        yield Fault(
            kind=MutantKind.CASE, target=node, put=_without_arm(node, at), old=arm, new=None, words=(words, None)
        )
    for at in range(len(arms) - (last is None)):
        yield swapped(MutantKind.CASE, node, _with_arms_swapped(node, at))
    if last is not None and not isinstance(last, exp.Null):
        put = node.copy()
        put.set("default", None)
        words = f"ELSE {sql_of(last)}"
        yield Fault(kind=MutantKind.CASE, target=node, put=put, old=last, new=None, words=(words, None))


def _without_arm(case: Expr, at: int) -> Expr:
    if len(case.args["ifs"]) == 1:
        last = case.args.get("default")
        return operand(last) if last is not None else exp.Null()
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


def if_faults(node: Expr) -> Iterator[Fault]:
    """The two values of `if` exchanged."""
    if isinstance(node.parent, exp.Case):
        return
    put = node.copy()
    put.set("true", (node.args.get("false") or exp.Null()).copy())
    put.set("false", node.args["true"].copy())
    yield swapped(MutantKind.CASE, node, put)
