"""A query's SELECTs by where they stand, and each as a query of its own with the CTEs that it can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.expressions import is_fold, is_windowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

Path = tuple[str, ...]
"""The CTEs, subqueries and branches around a SELECT, outermost first; the query itself is the empty path."""


def blocks_of(tree: Expr) -> dict[Path, Expr]:
    """Every SELECT and set operation that rows flow through; subqueries inside expressions belong to their SELECT."""
    found: dict[Path, Expr] = {}
    todo: list[tuple[Expr, Path]] = [(tree, ())]
    while todo:
        node, path = todo.pop(0)
        clause = node.args.get("with_")
        todo += [(cte.this, (*path, cte.alias.lower())) for cte in clause.expressions] if clause is not None else []
        if isinstance(node, exp.Subquery):
            todo.append((node.this, path))
        elif isinstance(node, exp.SetOperation):
            found[path] = node
            todo += [(branch, (*path, f"branch {index}")) for index, branch in enumerate(branches(node))]
        elif isinstance(node, exp.Select):
            found[path] = node
            todo += [(item, (*path, item.alias.lower())) for item in from_items(node) if isinstance(item, exp.Subquery)]
    return found


def branches(node: exp.SetOperation) -> list[Expr]:
    """The queries that a chain of set operations puts together, in the order written."""
    listed: list[Expr] = []
    current: Expr = node
    while isinstance(current, exp.SetOperation):
        listed.insert(0, current.expression)
        current = current.this
    return [current, *listed]


def lifted(block: Expr, shape: Expr | None = None) -> Expr | None:
    """A copy of a block (or of another `shape` in its place) that stands for itself, with the CTEs that it can see.

    None if what it reads is known only where it stands.
    """
    own = (shape if shape is not None else block).copy()
    seen = list(own.args["with_"].expressions) if own.args.get("with_") is not None else []
    node: Expr | None = block
    inside: Expr | None = None
    while node is not None:
        if isinstance(node, exp.Lateral) or (isinstance(node, exp.Join) and "LATERAL" in str(node.args.get("method"))):
            return None
        if isinstance(node, exp.CTE):
            inside = node
        clause = node.args.get("with_")
        if clause is not None and node is not block:
            if clause.args.get("recursive"):
                return None
            before = clause.expressions if inside is None else clause.expressions[: _index(clause, inside)]
            seen = [*(cte.copy() for cte in before), *seen]
            inside = None
        node = node.parent
    if seen:
        own.set("with_", exp.With(expressions=seen))
    return own


def is_grouped(select: exp.Select) -> bool:
    """Whether a SELECT folds rows: its values are those of groups."""
    return select.args.get("group") is not None or any(has_fold(item) for item in select.expressions)


def has_fold(node: Expr) -> bool:
    """Whether an aggregate of the block itself stands in an expression of it."""
    for fold in node.walk(prune=lambda item: isinstance(item, exp.Query)):
        if not isinstance(fold, exp.Query) and is_fold(fold) and not is_windowed(fold):
            return True
    return False


def has_query(node: Expr) -> bool:
    """Whether a query, a window or an aggregate stands in an expression, so that no single row decides it."""
    return node.find(exp.Query, exp.Window) is not None or has_fold(node)


def _index(clause: exp.With, inside: Expr) -> int:
    return next(index for index, cte in enumerate(clause.expressions) if cte is inside)


def from_items(select: exp.Select) -> Iterator[Expr]:
    """What a SELECT reads and joins, in the order written."""
    source = select.args.get("from_")
    if source is not None:
        yield source.this
    for join in select.args.get("joins") or ():
        yield join.this
