"""Whose values a query's columns show, and how far masked: lineage of what can be read off, not of all that matters.

What decides which rows there are, what a value is compared with, and what is only counted shows no value. Whatever is
not known to hide a value shows it. How far each is masked is told by deriving the columns several times: with every
masking function taken for nothing, with hashes let through, and with all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.model.masking import Degree
from penstock.sql.derivation import Derivation
from penstock.sql.masking import masking_of, masks_in
from penstock.sql.syntax import read, tree_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot.expressions import Expr

    from penstock.model.findings import Place
    from penstock.sql.relations import ColumnRef, TracedColumn

_DECIDING = ("where", "group", "having", "qualify", "order", "limit", "offset", "distinct", "windows", "on")
"""Clauses that say which rows there are; of a set operation, `distinct` does."""
_SILENT = (
    exp.Count, exp.CountIf, exp.ApproxDistinct, exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist,
    exp.Ntile, exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr,
    exp.CovarSamp, exp.CovarPop, exp.LogicalAnd, exp.LogicalOr, exp.Length, exp.Predicate, exp.Not, exp.Connector,
    exp.RegexpLike, exp.StartsWith, exp.EndsWith, exp.Contains,
)  # fmt: skip
"""What tells something about values and shows none: numbers of them, statistics over many, comparisons."""
_FIRST = (exp.Filter, exp.Order, exp.Ordered, exp.ArgMax, exp.ArgMin, exp.IgnoreNulls, exp.RespectNulls)
"""Of these, the first part is shown; the others pick or sort."""
_COPYING = (
    exp.Cast, exp.TryCast, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Case, exp.If, exp.Min, exp.Max,
    exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead, exp.NthValue, exp.Explode,
    exp.Unnest, exp.UDTF, exp.Dot, exp.ArrayAgg,
)  # fmt: skip
"""What hands a value on as it is, perhaps as another type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One column of a query: where it is written, and the columns whose values it shows, the least masked first.

    `copies` are those of them that are handed on as they are; the others are parts of something else.
    """

    place: Place
    values: tuple[tuple[ColumnRef, Degree], ...]
    copies: frozenset[ColumnRef]


def shown_values(text: str, schema: Mapping[str, tuple[str, ...]]) -> Mapping[str, Shown]:
    """What each column of a query shows, by its name in lower case; `schema` as for `column_lineage`.

    Raises:
        InputError: as `column_lineage`.
    """
    degrees = tuple(Degree) if masks_in(text) else (Degree.CLEAR,)
    tree = tree_of(text)
    copied = {column.name.lower(): column.refs for column in _derived(text, _copies(tree), schema)}
    found: dict[str, dict[ColumnRef, Degree]] = {}
    places: dict[str, Place] = {}
    for degree in degrees:
        for column in _derived(text, _values(tree, degree), schema):
            name = column.name.lower()
            places.setdefault(name, read(text).place(column.offset))
            shown = found.setdefault(name, {})
            for ref in sorted(column.refs):
                shown.setdefault(ref, degree)
    return {
        name: Shown(
            place=places[name],
            values=tuple(sorted(shown.items(), key=lambda item: (item[1].rank, item[0]))),
            copies=copied.get(name, frozenset()),
        )
        for name, shown in found.items()
    }


def _derived(text: str, tree: Expr, schema: Mapping[str, tuple[str, ...]]) -> tuple[TracedColumn, ...]:
    derivation = Derivation(read(text), tree, schema)
    if derivation.findings:
        raise InputError(tuple(derivation.findings))
    return derivation.result.columns


def _copies(tree: Expr) -> Expr:
    """The tree with those values alone that are handed on as they are, masked or not."""
    made = _values(tree, Degree.GENERALISED)
    for node in reversed(list(made.walk(bfs=False))):
        if isinstance(node, exp.Func | exp.Binary | exp.Neg) and not isinstance(node, _COPYING):
            node.replace(exp.Null())
    return made


def _values(tree: Expr, most: Degree) -> Expr:
    """The tree without what shows no value, and without what is masked further than `most`."""
    made = tree.copy()
    for node in list(made.walk()):
        for key in _DECIDING:
            if isinstance(node, exp.Query | exp.Join) and node.args.get(key) is not None:
                node.set(key, None)
    for node in reversed(list(made.walk(bfs=False))):
        _reduce(node, most)
    return made


def _reduce(node: Expr, most: Degree) -> None:
    masking = masking_of(node)
    if masking is not None:
        hidden = masking.left is None or masking.left.rank > most.rank
        node.replace(exp.Null() if hidden or not node.expressions else node.expressions[0].copy())
    elif isinstance(node, _SILENT):
        node.replace(exp.Null())
    elif isinstance(node, exp.Window):
        node.replace(node.this.copy())
    elif isinstance(node, exp.Case):
        node.set("this", None)
    elif isinstance(node, exp.If):
        node.set("this", exp.Boolean(this=True))
    elif isinstance(node, _FIRST) and isinstance(node.this, exp.Expr):
        node.replace(node.this.copy())
