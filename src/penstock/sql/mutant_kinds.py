"""What a small fault of a query is: its kind, where it is, and what would stand there instead.

Invariants: no tree is changed, new nodes are copies; a fault is at one place; what stands there instead needs no
bracket that it does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
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


def swapped(kind: MutantKind, node: Expr, put: Expr) -> Fault:
    """The fault of one node that has another in its place."""
    return Fault(kind=kind, target=node, put=put, old=node, new=put)


def operand(node: Expr) -> Expr:
    """A copy that may stand wherever one value may."""
    copy = node.copy()
    return exp.Paren(this=copy) if isinstance(copy, exp.Binary | exp.Not | exp.Between | exp.In) else copy


def holder_of(node: Expr) -> Expr | None:
    """What a node stands in, brackets aside."""
    holder = node.parent
    while isinstance(holder, exp.Paren):
        holder = holder.parent
    return holder
