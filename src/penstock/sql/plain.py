"""Which queries are plain enough to be told apart by column: an allow-list, for what was not looked at is not known.

Invariant: everything in a plain query is of a kind for which lineage and cutting were held against the database. Not
among them are ORDER BY, LIMIT, positions, aliases with column lists, rows used as values, method calls, functions that
nobody here knows or that make several rows of one, aggregates that depend on an order, and aggregates inside the
subquery of an expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from penstock.sql.expressions import is_fold
from penstock.sql.masking import masking_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot.expressions import Expr

    from penstock.sql.syntax import Syntax

_QUERIES = (
    exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Table,
    exp.TableAlias, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Alias, exp.Column, exp.Identifier, exp.Star,
    exp.Distinct, exp.Window, exp.WindowSpec, exp.Order, exp.Ordered, exp.Filter,
)  # fmt: skip
_VALUES = (
    exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Tuple, exp.Binary, exp.Unary, exp.In, exp.Between, exp.Case,
    exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var, exp.Parameter,
    exp.Placeholder, exp.Exists, exp.Bracket,
)  # fmt: skip
_FOLDS = (
    exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance,
    exp.VariancePop, exp.Median, exp.Quantile, exp.LogicalAnd, exp.LogicalOr, exp.RowNumber, exp.Rank, exp.DenseRank,
    exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.Ntile, exp.PercentRank, exp.CumeDist,
)  # fmt: skip
_REFUSED = (
    exp.Dot, exp.Columns, exp.Lateral, exp.Pivot, exp.Explode, exp.Unnest, exp.UDTF, exp.Lambda, exp.Anonymous,
    exp.TableSample, exp.Limit, exp.Offset, exp.Fetch, exp.Values, exp.PropertyEQ, exp.Array, exp.Struct,
)  # fmt: skip
_SIGNS = {TokenType.HASH, TokenType.COLON}


def is_plain(syntax: Syntax) -> bool:
    """Whether a query holds nothing but what was looked at."""
    tree = syntax.tree
    if tree is None or any(token.token_type in _SIGNS for token in syntax.tokens):
        return False
    sources = {(node.alias or node.name).lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE)}
    return all(_is_known(node, sources) for node in tree.walk())


def _is_known(node: Expr, sources: set[str]) -> bool:
    if masking_of(node) is not None:  # of one value, by itself
        return True
    if isinstance(node, _REFUSED):
        return False
    if isinstance(node, exp.Column):
        return _is_plain_column(node, sources)
    if isinstance(node, exp.AggFunc):
        return isinstance(node, _FOLDS) and not _is_inside_expression(node)
    judge = next((judge for kind, judge in _JUDGED if isinstance(node, kind)), None)
    return judge(node) if judge is not None else isinstance(node, (*_QUERIES, *_VALUES, exp.Func))


def _given(node: Expr) -> list[str]:
    return [key for key, value in node.args.items() if value]


def _is_plain_column(column: exp.Column, sources: set[str]) -> bool:
    """A name, perhaps with that of its source; not a row, nor where it is stored."""
    if isinstance(column.this, exp.Star):
        return True
    name = column.name.lower()
    return name != "rowid" and (bool(column.table) or name not in sources) and not column.args.get("db")


def _is_plain_query(node: Expr) -> bool:
    """Without an order, which decides what is made of rows later, and without picking from them."""
    refused = {"order", "limit", "offset", "into", "kind", "by_name", "sample", "pivots", "windows", "laterals"}
    distinct = node.args.get("distinct")
    picks = isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None
    return not refused.intersection(_given(node)) and not picks


def _is_plain_group(group: Expr) -> bool:
    """By expressions and not by positions; by all only where it is plain which items are no aggregates."""
    placed = any(isinstance(item.unnest(), exp.Literal | exp.Neg) for item in group.expressions)
    select = group.parent
    if group.args.get("all") and isinstance(select, exp.Select):
        placed = placed or any(item.find(exp.Query, exp.Window) is not None for item in select.expressions)
    return set(_given(group)) <= {"expressions", "all"} and not placed


_JUDGED: tuple[tuple[tuple[type[Expr], ...], Callable[[Expr], bool]], ...] = (
    ((exp.Select, exp.SetOperation, exp.Subquery), _is_plain_query),
    ((exp.Group,), _is_plain_group),
    ((exp.TableAlias,), lambda alias: not alias.args.get("columns")),
    ((exp.With,), lambda with_: not with_.args.get("recursive")),
    ((exp.Join,), lambda join: not join.args.get("method")),
)


def _is_inside_expression(node: Expr) -> bool:
    """Whether an aggregate stands in a query that is part of an expression: it may belong to the query around it."""
    query = node.find_ancestor(exp.Select)
    while query is not None:
        holder = query.parent
        while isinstance(holder, exp.Subquery | exp.SetOperation | exp.Paren):
            holder = holder.parent
        if holder is not None and not isinstance(holder, exp.From | exp.Join | exp.CTE):
            return True
        query = query.find_ancestor(exp.Select)
    return False


def has_star(tree: Expr) -> bool:
    """Whether columns stand for themselves somewhere, in the order in which they are; `count(*)` does not count."""
    return any(not is_fold(star.parent) for star in tree.find_all(exp.Star) if star.parent is not None)
