"""A normal form for every node of a tree: two nodes with the same form mean the same in the same place.

Invariants: sources are named by where they stand, CTEs by the order of their first use, neither by alias; a bare name
that may be an alias says so; operands are sorted only where their order cannot matter (AND and OR as wholes; +, * and =
two at a time, for floats are not associative); brackets are dropped only where the tree says the same without them.

A struct column that is named like an alias, and read as `alias.field`, is taken for a column of that source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.scopes import Found, Scopes, find_cte, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

Label = Callable[[Found], str]
_LONG = 2000
_UNORDERED = (exp.And, exp.Or, exp.Add, exp.Mul, exp.EQ)
_BRACKETS_IDLE = (exp.Binary, exp.Unary, exp.Where, exp.Having)


class Forms:
    """The forms of one tree. `label` says how a column's source is written; by default by level and index."""

    def __init__(self, tree: Expr, label: Label | None = None) -> None:
        self._scopes = Scopes(tree)
        self._label = label or _by_position
        self._named = label is not None
        self._forms: dict[int, str] = {}
        self._uses = _first_uses(tree)
        self.consumed: set[int] = set()
        # In a depth-first order children follow their parent, so that backwards each child has its form in time.
        for node in reversed(list(tree.walk(bfs=False))):
            self._forms[id(node)] = _shortened(self._form(node))

    def of(self, node: Expr) -> str:
        """The form of one node of the tree."""
        return self._forms[id(node)]

    def _form(self, node: Expr) -> str:
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.TableAlias):
            self._consume(node.this)
            return "alias(" + ", ".join(self.of(item) for item in node.args.get("columns") or ()) + ")"
        if isinstance(node, exp.Paren) and isinstance(node.parent, _BRACKETS_IDLE):
            return self.of(node.this)
        if isinstance(node, _UNORDERED):
            return self._unordered(node)
        return self._generic(node, self._ordered_args(node))

    def _ordered_args(self, node: Expr) -> dict[str, object]:
        """The arguments of a node; CTEs in the order of their first use."""
        if not isinstance(node, exp.With) or self._named:
            return node.args
        return {**node.args, "expressions": sorted(node.expressions, key=lambda cte: self._uses[id(cte)])}

    def _unordered(self, node: exp.Binary) -> str:
        if not isinstance(node, exp.And | exp.Or):
            items = [node.this, node.expression]
        elif _continues(node):
            return ""
        else:
            items = list(operands(node))
        return f"{node.key}({', '.join(sorted(self.of(item) for item in items))})"

    def _generic(self, node: Expr, args: dict[str, object]) -> str:
        words = (f"{key}={self.value(args[key])}" for key in sorted(args) if args[key] is not None and args[key] != [])
        return f"{node.key}({', '.join(word for word in words if not word.endswith('=alias()'))})"

    def value(self, value: object) -> str:
        """The form of an argument: a node, several, or a plain value."""
        if isinstance(value, exp.Expr):
            return self.of(value)
        if isinstance(value, list):
            return "[" + ", ".join(self.value(item) for item in value) + "]"
        return repr(value) if isinstance(value, str | bool | int | None) else str(value)

    def _column(self, column: exp.Column) -> str:
        parts = parts_of(column)
        found = self._scopes.find(column)
        own = [] if isinstance(column.this, exp.Identifier) else [self.of(column.this)]
        if found is not None:
            for part in parts[: found.used]:
                self._consume(part)
            return f"column({', '.join([self._label(found), *map(self.of, parts[found.used :]), *own])})"
        words = [*map(self.of, parts), *own]
        if len(parts) == 1 and not own:
            words.extend(self._aliases_like(column))
        return f"column({', '.join(words)})"

    def _aliases_like(self, column: exp.Column) -> Iterator[str]:
        """A bare name may stand for a whole row of the source that is called so."""
        name = column.name.lower()
        for level, query in enumerate(self._scopes.outward(column)):
            for index, source in enumerate(self._scopes.sources(query)):
                if source.name == name:
                    yield "or " + self._label(Found(source, level, index, 1))

    def _table(self, table: exp.Table) -> str:
        cte = find_cte(table)
        args = {key: value for key, value in table.args.items() if key not in {"this", "db", "catalog"}}
        if cte is not None:
            self._consume(table.this)
            name = f"cte {cte[0].alias.lower()}" if self._named else f"cte {cte[1]}.{self._uses[id(cte[0])]}"
        else:
            for part in table.parts:
                self._consume(part)
            name = ".".join(self.of(part) for part in table.parts)
        return f"table({name}, {self._generic(table, args)})"

    def _consume(self, node: object) -> None:
        """Remember where a name stands that the form replaces."""
        if isinstance(node, exp.Identifier) and "start" in node.meta:
            self.consumed.add(node.meta["start"])


def _first_uses(tree: Expr) -> dict[int, int]:
    """Each CTE's number, in the order in which the query comes to it: where it is defined among others is nothing."""
    uses: dict[int, int] = {}
    todo = [tree]
    while todo:
        for node in todo.pop().walk(bfs=False, prune=lambda item: isinstance(item, exp.With)):
            cte = find_cte(node) if isinstance(node, exp.Table) else None
            if cte is not None and id(cte[0]) not in uses:
                uses[id(cte[0])] = len(uses)
                todo.append(cte[0].this)
    for unread in tree.find_all(exp.CTE):
        uses.setdefault(id(unread), len(uses))
    return uses


def operands(node: Expr) -> Iterator[Expr]:
    """What a chain of ANDs, or of ORs, holds, through its brackets, in the order written."""
    todo: list[Expr] = [node]
    while todo:
        item = todo.pop()
        inner = item.unnest() if isinstance(item, exp.Paren) else item
        if isinstance(inner, exp.And | exp.Or) and inner.key == node.key:
            todo += [inner.expression, inner.this]
        else:
            yield item


def _continues(node: Expr) -> bool:
    """Whether a chain of ANDs, or of ORs, goes on above; its top gathers them all, once."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent is not None and parent.key == node.key


def _by_position(found: Found) -> str:
    return f"#{found.level}.{found.index}"


def _shortened(form: str) -> str:
    """Long forms stand for themselves by digest, so that a deep tree stays small."""
    return form if len(form) <= _LONG else "sha256:" + hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()
