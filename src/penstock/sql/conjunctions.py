"""What a row has to hold, all at once, to meet a condition of a query: the way to rows that chance hardly ever makes.

As in `boundaries`, a column is known by its name alone, through the names that a query gives to plain columns. What is
no comparison of a column with a literal is left out of its conjunction: rows that meet the rest are still nearer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.syntax import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlglot.expressions import Expr

_MOST_ALTERNATIVES = 12
"""How many ways of meeting one condition are told apart."""
_CONNECTIVES = (exp.And, exp.Or, exp.Paren, exp.Not, exp.Escape)
_WRAPPERS = (exp.Cast, exp.TryCast, exp.Paren, exp.Lower, exp.Upper, exp.Trim, exp.Coalesce)


class Relation(StrEnum):
    """How a column stands to a literal."""

    EQUAL = "="
    ABOVE = ">"
    BELOW = "<"
    LIKE = "LIKE"
    NULL = "IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one column has to be; `literal` is empty for NULL."""

    column: str
    relation: Relation
    literal: str = ""


Conjunction = tuple[Wish, ...]
"""Wishes of one row that hold together."""

_RELATIONS: dict[type[Expr], Relation] = {
    exp.EQ: Relation.EQUAL,
    exp.NullSafeEQ: Relation.EQUAL,
    exp.GTE: Relation.EQUAL,
    exp.LTE: Relation.EQUAL,
    exp.GT: Relation.ABOVE,
    exp.LT: Relation.BELOW,
    exp.Like: Relation.LIKE,
    exp.ILike: Relation.LIKE,
}
_TURNED = {Relation.ABOVE: Relation.BELOW, Relation.BELOW: Relation.ABOVE}


def conjunctions(text: str) -> tuple[Conjunction, ...]:
    """Every way of meeting a condition of a query that names a column and a literal, each once, in the query's order.

    >>> [[str(wish.column) for wish in one] for one in conjunctions("SELECT 1 FROM t WHERE a = 'x' AND b > 9 OR c")]
    [['a', 'b'], ['c']]

    Raises:
        InputError: the text is not one query.
    """
    tree = tree_of(text)
    names = {alias.alias.lower(): alias.this for alias in tree.find_all(exp.Alias)}
    found: dict[Conjunction, None] = {}
    for condition in _conditions(tree):
        for one in _ways(condition, names):
            if one:
                found.setdefault(one)
    return tuple(found)


def _conditions(tree: Expr) -> Iterator[Expr]:
    """The outermost conditions: those that are no part of another one."""
    atoms = (*_RELATIONS, exp.Is, exp.In, exp.Between, exp.And, exp.Or, exp.Not, exp.Escape)
    for node in (one for one in tree.walk() if isinstance(one, atoms)):
        if not isinstance(node.parent, _CONNECTIVES):
            yield node
    for holder in tree.find_all(exp.Where, exp.If):
        if isinstance(holder.this, exp.Column):
            yield holder.this
    for case in tree.find_all(exp.Case):
        if case.this is not None:
            yield from (exp.EQ(this=case.this.copy(), expression=branch.this.copy()) for branch in case.args["ifs"])


def _ways(node: Expr, names: dict[str, Expr]) -> list[Conjunction]:
    """The conjunctions that meet a condition, in disjunctive form; one without a wish where nothing is known."""
    if isinstance(node, exp.Paren | exp.Escape):
        return _ways(node.this, names)
    if isinstance(node, exp.Or):
        return [*_ways(node.this, names), *_ways(node.expression, names)][:_MOST_ALTERNATIVES]
    if isinstance(node, exp.And):
        sides = itertools.product(_ways(node.this, names), _ways(node.expression, names))
        return [(*one, *other) for one, other in itertools.islice(sides, _MOST_ALTERNATIVES)]
    if isinstance(node, exp.In):
        return [_equal(node.this, item, names) for item in node.expressions][:_MOST_ALTERNATIVES] or [()]
    if isinstance(node, exp.Between):
        return [_equal(node.this, node.args["low"], names), _equal(node.this, node.args["high"], names)]
    return [_atom(node, names)]


def _atom(node: Expr, names: dict[str, Expr]) -> Conjunction:
    negated = isinstance(node, exp.Not)
    inner = _bare(node.this) if negated else node
    if isinstance(inner, exp.Column):
        return _wish(inner, Relation.EQUAL, "false" if negated else "true", names)
    if negated:
        return ()
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return _wish(inner.this, Relation.NULL, "", names)
    relation = _RELATIONS.get(type(inner))
    if relation is None:
        return ()
    if _literal(inner.this) is not None:
        return _compared(inner.expression, inner.this, _TURNED.get(relation, relation), names)
    return _compared(inner.this, inner.expression, relation, names)


def _equal(column: Expr, literal: Expr, names: dict[str, Expr]) -> Conjunction:
    return _compared(column, literal, Relation.EQUAL, names)


def _compared(column: Expr, literal: Expr, relation: Relation, names: dict[str, Expr]) -> Conjunction:
    text = _literal(literal)
    return () if text is None else _wish(column, relation, text, names)


def _wish(node: Expr, relation: Relation, literal: str, names: dict[str, Expr]) -> Conjunction:
    column = _column(node, names)
    return () if column is None else (Wish(column=column, relation=relation, literal=literal),)


def _column(node: Expr, names: dict[str, Expr]) -> str | None:
    """The name of the column that a node is, in lower case, through casts and the names given to plain columns."""
    seen: set[str] = set()
    while True:
        node = _bare(node)
        if not isinstance(node, exp.Column):
            return None
        name = node.name.lower()
        if name in seen or not isinstance(_bare(names.get(name, exp.null())), exp.Column):
            return name
        seen.add(name)
        node = names[name]


def _bare(node: Expr) -> Expr:
    while isinstance(node, _WRAPPERS):
        node = node.this
    return node


def _literal(node: Expr) -> str | None:
    """The value of a literal as text; None if it is none."""
    if isinstance(node, exp.Cast | exp.Paren):
        return _literal(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    return str(node.name) if isinstance(node, exp.Literal) else None


def changed_first(texts: Iterable[str]) -> tuple[tuple[Conjunction, ...], tuple[Conjunction, ...]]:
    """The conjunctions that not all of some queries have, and those that all of them have.

    Raises:
        InputError: one of the texts is not one query.
    """
    each = [conjunctions(text) for text in texts]
    shared = set(each[0]).intersection(*each[1:])
    every = dict.fromkeys(one for listed in each for one in listed)
    return tuple(one for one in every if one not in shared), tuple(one for one in every if one in shared)
