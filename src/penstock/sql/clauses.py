"""A query taken apart into its clauses, each with its form, its SQL and its line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.blocks import branches, from_items
from penstock.sql.forms import Forms, operands
from penstock.sql.syntax import place, sql_of, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

    from penstock.sql.scopes import Found

Path = tuple[str, ...]


class ClauseKind(StrEnum):
    """What a clause does to the rows."""

    JOIN = "join"
    FILTER = "filter"
    EXPRESSION = "expression"
    GROUPING = "grouping"
    SOURCE = "source"
    ORDERING = "ordering"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause. `path` names the CTE, subquery or branch around it; `name` its output column or relation joined."""

    path: Path
    kind: ClauseKind
    name: str
    form: str
    sql: str
    line: int


def clauses_of(text: str) -> tuple[Clause, ...]:
    """The clauses of a query, CTEs first.

    Raises:
        InputError: the text is not one query.
    """
    return tuple(_Splitter(text).split())


class _Splitter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = tree_of(text)
        self.forms = Forms(self.tree, source_name)
        self.line = 1

    def split(self) -> Iterator[Clause]:
        todo: list[tuple[Expr, Path]] = [(self.tree, ())]
        while todo:
            node, path = todo.pop(0)
            clause = node.args.get("with_")
            todo += [(cte.this, (*path, cte.alias.lower())) for cte in clause.expressions] if clause is not None else []
            if isinstance(node, exp.Subquery):
                yield from self._ordering(node, path)
                todo.append((node.this, path))
            elif isinstance(node, exp.SetOperation):
                yield from self._set_operation(node, path)
                todo += [(branch, (*path, f"branch {index}")) for index, branch in enumerate(branches(node))]
            elif isinstance(node, exp.Select):
                yield from self._select(node, path)
                todo += [
                    (item, (*path, item.alias.lower())) for item in from_items(node) if isinstance(item, exp.Subquery)
                ]
            else:
                yield self._clause(node, path, ClauseKind.SOURCE)

    def _clause(
        self, node: Expr, path: Path, kind: ClauseKind, name: str = "", form: str | None = None, sql: str | None = None
    ) -> Clause:
        start = start_of(node)
        if start is not None:
            self.line = place(self.text, start).line or self.line
        return Clause(
            path=path,
            kind=kind,
            name=name.lower(),
            form=self.forms.of(node) if form is None else form,
            sql=sql_of(node) if sql is None else sql,
            line=self.line,
        )

    def _select(self, select: exp.Select, path: Path) -> Iterator[Clause]:
        for item in select.expressions:
            yield self._clause(item, path, ClauseKind.EXPRESSION, item.alias_or_name)
        if (distinct := select.args.get("distinct")) is not None:
            yield self._clause(distinct, path, ClauseKind.DISTINCT)
        if (source := select.args.get("from_")) is not None and not isinstance(source.this, exp.Subquery):
            yield self._clause(source.this, path, ClauseKind.SOURCE)
        for item in select.args.get("joins") or ():
            yield self._join(item, path)
        for key in ("where", "having", "qualify"):
            if (clause := select.args.get(key)) is not None:
                for part in operands(clause.this) if isinstance(clause.this, exp.And) else [clause.this]:
                    form = f"{key} {self.forms.of(part)}"
                    yield self._clause(part, path, ClauseKind.FILTER, column_names(part), form=form)
        yield from self._grouping(select, path)
        for window in select.args.get("windows") or ():
            yield self._clause(window, path, ClauseKind.EXPRESSION, f"window {window.name}")
        for lateral in select.args.get("laterals") or ():
            yield self._clause(lateral, path, ClauseKind.SOURCE)
        if (sample := select.args.get("sample")) is not None:
            yield self._clause(sample, path, ClauseKind.SOURCE)
        yield from self._ordering(select, path)

    def _join(self, join: exp.Join, path: Path) -> Clause:
        is_subquery = isinstance(join.this, exp.Subquery)
        name = join.this.alias if is_subquery else _relation_name(join.this)
        return self._clause(join, path, ClauseKind.JOIN, name, form=form_of_join(join, self.forms))

    def _grouping(self, select: exp.Select, path: Path) -> Iterator[Clause]:
        group = select.args.get("group")
        if group is None:
            return
        if group.args.get("all"):
            yield self._clause(group, path, ClauseKind.GROUPING)
        for item in group.iter_expressions():
            yield self._clause(item, path, ClauseKind.GROUPING, column_names(item))

    def _ordering(self, node: Expr, path: Path) -> Iterator[Clause]:
        for key in ("order", "limit", "offset"):
            if (clause := node.args.get(key)) is not None:
                yield self._clause(clause, path, ClauseKind.ORDERING, key)

    def _set_operation(self, node: exp.SetOperation, path: Path) -> Iterator[Clause]:
        operations: list[str] = []
        current: Expr = node
        while isinstance(current, exp.SetOperation):
            words = [current.key.upper(), "" if current.args.get("distinct") else "ALL"]
            words.append("BY NAME" if current.args.get("by_name") else "")
            operations.insert(0, " ".join(word for word in words if word))
            current = current.this
        sql = ", ".join(operations)
        yield self._clause(node, path, ClauseKind.SOURCE, form=sql, sql=sql)
        yield from self._ordering(node, path)


def column_names(node: Expr) -> str:
    """The names of the columns that a node reads, sorted, each once."""
    return " ".join(sorted({column.name for column in node.find_all(exp.Column)}))


def form_of_join(item: Expr, forms: Forms) -> str:
    """The form of what stands in FROM; a subquery there stands for its condition, for its own clauses are their own."""
    inner = item.this if isinstance(item, exp.Join | exp.From) else item
    if not isinstance(inner, exp.Subquery):
        return forms.of(item)
    args = {key: value for key, value in item.args.items() if key != "this" and value}
    return ", ".join(f"{key}={forms.value(value)}" for key, value in sorted(args.items()))


def _relation_name(item: Expr) -> str:
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        return ".".join(part.name for part in item.parts)
    return item.alias or item.key


def source_name(found: Found) -> str:
    """What a form calls a column's source: what it reads, so that a join beside it leaves its columns as they are."""
    return f"{found.source.reads} {found.twin} {found.level}"
