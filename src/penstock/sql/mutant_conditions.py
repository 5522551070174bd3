"""Faults in what decides over rows: comparisons, AND and OR, NOT, IS NULL, BETWEEN, IN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.mutant_kinds import Fault, MutantKind, holder_of, swapped
from penstock.sql.syntax import sql_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr


COMPARISONS: dict[type[Expr], tuple[tuple[MutantKind, type[exp.Binary]], ...]] = {
    exp.EQ: ((MutantKind.COMPARISON, exp.NEQ),),
    exp.NEQ: ((MutantKind.COMPARISON, exp.EQ),),
    exp.GT: ((MutantKind.BOUNDARY, exp.GTE), (MutantKind.COMPARISON, exp.LT)),
    exp.GTE: ((MutantKind.BOUNDARY, exp.GT), (MutantKind.COMPARISON, exp.LTE)),
    exp.LT: ((MutantKind.BOUNDARY, exp.LTE), (MutantKind.COMPARISON, exp.GT)),
    exp.LTE: ((MutantKind.BOUNDARY, exp.LT), (MutantKind.COMPARISON, exp.GTE)),
    exp.NullSafeEQ: ((MutantKind.NULLS, exp.EQ),),
    exp.NullSafeNEQ: ((MutantKind.NULLS, exp.NEQ),),
}


def compared(node: Expr) -> Iterator[Fault]:
    """Comparisons: the other side of the boundary, the other direction, and what becomes of NULL."""
    for kind, put in COMPARISONS.get(type(node), ()):
        yield swapped(kind, node, put(this=node.this.copy(), expression=node.expression.copy()))
    if type(node) is exp.EQ and node.this.find(exp.Column) and node.expression.find(exp.Column):
        safe = exp.NullSafeEQ(this=node.this.copy(), expression=node.expression.copy())
        yield swapped(MutantKind.NULLS, node, safe)


def connected(node: Expr) -> Iterator[Fault]:
    """AND for OR and back, and each operand left out; a chain leans to the left."""
    other = exp.Or if isinstance(node, exp.And) else exp.And
    opposite = exp.Paren(this=other(this=_apart(node.this), expression=_apart(node.expression)))
    beside = node.this.expression if isinstance(node.this, type(node)) else node.this
    words = tuple(f"{sql_of(beside)} {kind.key.upper()} {sql_of(node.expression)}" for kind in (node, other))
    last = node.expression
    yield Fault(
        kind=MutantKind.CONNECTIVE, target=node, put=opposite, old=last, new=opposite, words=(words[0], words[1])
    )
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


def filtered(node: Expr) -> Iterator[Fault]:
    """A condition that stands alone, left out."""
    if not isinstance(node.this.unnest(), exp.And):
        yield Fault(kind=MutantKind.FILTER, target=node.this, put=exp.true(), old=node.this, new=None)


def negated(node: Expr) -> Iterator[Fault]:
    """NOT, left out."""
    kind = MutantKind.NULLS if isinstance(node.this.unnest(), exp.Is) else MutantKind.NEGATION
    yield swapped(kind, node, node.this.copy())


def is_faults(node: Expr) -> Iterator[Fault]:
    """IS NULL turned round, and what IS TRUE says of NULL."""
    if isinstance(node.expression, exp.Boolean):
        # `x IS TRUE` and `x IS NOT FALSE` differ where x is NULL
        opposite = exp.Boolean(this=not node.expression.this)
        yield swapped(MutantKind.NULLS, node, exp.Not(this=exp.Is(this=node.this.copy(), expression=opposite)))
    elif not isinstance(holder_of(node), exp.Not):
        yield swapped(MutantKind.NULLS, node, exp.Not(this=node.copy()))


def between(node: Expr) -> Iterator[Fault]:
    """BETWEEN, open at either end."""
    value, low, high = node.this, node.args["low"], node.args["high"]
    first, last = exp.GTE(this=value.copy(), expression=low.copy()), exp.LTE(this=value.copy(), expression=high.copy())
    above, below = exp.GT(this=value.copy(), expression=low.copy()), exp.LT(this=value.copy(), expression=high.copy())
    for kind, put in (
        (MutantKind.BOUNDARY, exp.Paren(this=exp.And(this=above, expression=last.copy()))),
        (MutantKind.BOUNDARY, exp.Paren(this=exp.And(this=first.copy(), expression=below))),
        (MutantKind.COMPARISON, first),
        (MutantKind.COMPARISON, last),
    ):
        yield swapped(kind, node, put)


def listed(node: Expr) -> Iterator[Fault]:
    """IN, with one value less."""
    if len(node.expressions) < 2:
        return
    for at, item in enumerate(node.expressions):
        put = node.copy()
        put.set("expressions", [other for place, other in enumerate(put.expressions) if place != at])
        yield Fault(kind=MutantKind.TERM, target=node, put=put, old=item, new=None)
