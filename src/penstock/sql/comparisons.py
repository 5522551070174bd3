"""The literals that a predicate compares columns with: where its boundaries lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_OPERATORS: dict[type[Expr], str] = {
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.RegexpLike: "~",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator literal`. `certain` says that the whole predicate can hold only where this does."""

    column: str
    operator: str
    literal: str
    certain: bool


@lru_cache(maxsize=512)
def comparisons(text: str) -> tuple[Comparison, ...]:
    """The comparisons of a plain column with a literal in an expression that parses, in order, each once."""
    tree = parse_one(text, dialect="duckdb")
    certain = {id(part) for part in _conjuncts(tree)}
    found = [
        Comparison(column, operator, literal, id(node) in certain and not isinstance(node, exp.In))
        for node in tree.walk(bfs=False)
        for column, operator, literal in _read(node)
    ]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=512)
def conjuncts(text: str) -> tuple[str, ...]:
    """The plain columns that must be true for the whole predicate to hold.

    >>> conjuncts("is_sale AND quantity > 0")
    ('is_sale',)
    """
    parts = _conjuncts(parse_one(text, dialect="duckdb"))
    return tuple(part.name for part in parts if isinstance(part, exp.Column))


def _conjuncts(tree: Expr) -> Iterator[Expr]:
    tree = tree.unnest()
    if isinstance(tree, exp.And):
        yield from _conjuncts(tree.left)
        yield from _conjuncts(tree.right)
    else:
        yield tree


def _read(node: Expr) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column):
        for item in node.expressions:
            if (literal := _literal(item)) is not None:
                yield node.this.name, "=", literal
    elif isinstance(node, exp.Between) and isinstance(node.this, exp.Column):
        for bound, operator in (("low", ">="), ("high", "<=")):
            if (literal := _literal(node.args[bound])) is not None:
                yield node.this.name, operator, literal
    elif type(node) in _OPERATORS:
        operator, left, right = _OPERATORS[type(node)], node.this, node.expression
        if isinstance(left, exp.Column) and (literal := _literal(right)) is not None:
            yield left.name, operator, literal
        elif isinstance(right, exp.Column) and (literal := _literal(left)) is not None:
            yield right.name, _MIRRORED.get(operator, operator), literal


def _literal(node: Expr | None) -> str | None:
    """A literal's text; a negative number and a typed literal (`DATE '2011-01-04'`) count as one."""
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.this}"
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        return str(node.this.this)
    return None
