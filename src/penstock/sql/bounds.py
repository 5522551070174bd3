"""How a query keeps to the interval that is built: its comparisons with `$interval_start` and `$interval_end`.

Invariants: only what must hold for every row counts as a bound (an operand of the ANDs of WHERE, ON, HAVING or
QUALIFY); a bound that moves the interval's edge says so; the tree is not changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.forms import operands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

START, END = "interval_start", "interval_end"
_FLIPPED: dict[type[Expr], type[Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
_LOWER = (exp.GT, exp.GTE)
MOMENTS = exp.DataType.TEMPORAL_TYPES - {exp.DType.TIME, exp.DType.TIMETZ}


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One side of an interval that rows are kept to: `subject` is what is compared, `node` the whole comparison.

    `edge` is false where the other side is not the parameter itself but, say, a week before it; `back` is true where it
    is some time before the interval's start. `half_open` is false where that start is left out, or the end taken in.
    """

    node: Expr
    subject: Expr
    lower: bool
    edge: bool
    half_open: bool
    back: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are compared, in lower case."""
        return frozenset(column.name.lower() for column in self.subject.find_all(exp.Column))


def conditions(select: exp.Select) -> Iterator[Expr]:
    """What must hold for every row of a SELECT, operand by operand; of its outer joins too."""
    clauses = [select.args.get(name) for name in ("where", "having", "qualify")]
    parts = [clause.this for clause in clauses if clause is not None]
    parts += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on") is not None]
    for part in parts:
        yield from _operands(part)


def bounds(select: exp.Select) -> tuple[Bound, ...]:
    """The bounds of one SELECT, in the order written."""
    return tuple(bound for part in conditions(select) for bound in _bounds(part))


def is_parameter(node: Expr, name: str | None = None) -> bool:
    """Whether a node is one of the interval's parameters."""
    if not isinstance(node, exp.Placeholder | exp.Parameter):
        return False
    return node.name in {START, END} if name is None else node.name == name


def parameters(node: Expr) -> Iterator[Expr]:
    """The interval's parameters below a node."""
    return (item for item in node.find_all(exp.Placeholder, exp.Parameter) if is_parameter(item))


def unwrapped(node: Expr) -> Expr:
    """A node without brackets and without casts to another kind of moment."""
    while isinstance(node, exp.Paren) or (isinstance(node, exp.Cast) and node.to.is_type(*MOMENTS)):
        node = node.this
    return node


def _operands(part: Expr) -> Iterator[Expr]:
    part = part.unnest()
    for operand in operands(part) if isinstance(part, exp.And) else [part]:
        inner = operand.unnest()
        if isinstance(inner, exp.And):
            yield from _operands(inner)
        else:
            yield inner


def _bounds(part: Expr) -> Iterator[Bound]:
    if isinstance(part, exp.Between):
        sides: list[tuple[type[Expr], Expr, Expr]] = [
            (exp.GTE, part.this, part.args["low"]),
            (exp.LTE, part.this, part.args["high"]),
        ]
    elif type(part) in _FLIPPED:
        sides = [(type(part), part.this, part.expression), (_FLIPPED[type(part)], part.expression, part.this)]
    else:
        return
    for kind, subject, limit in sides:
        if next(parameters(limit), None) is not None and next(parameters(subject), None) is None:
            yield _bound(part, kind, subject, limit)


def _bound(node: Expr, kind: type[Expr], subject: Expr, limit: Expr) -> Bound:
    lower = kind in _LOWER
    bare = unwrapped(limit)
    edge = is_parameter(bare, START if lower else END)
    back = lower and isinstance(bare, exp.Sub) and is_parameter(unwrapped(bare.this), START)
    return Bound(node, subject, lower, edge, kind in {exp.GTE, exp.LT}, back)
