"""Traces columns through one query: SELECTs, CTEs, set operations, subqueries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.sql.expressions import bound_names, is_fold
from penstock.sql.frames import Frame, Member
from penstock.sql.projection import is_starred, project
from penstock.sql.relations import NONE, ColumnRef, Refs, Relation, TracedColumn, union
from penstock.sql.scopes import dataset_of, dotted, find_cte, parts_of
from penstock.sql.syntax import sql_of, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlglot.expressions import Expr

    from penstock.sql.syntax import Syntax

_SEMI = {"SEMI", "ANTI"}


class Derivation:
    """One walk over one query. `result` is what it makes; `findings` are the names that mean nothing."""

    def __init__(self, syntax: Syntax, tree: Expr, schema: Mapping[str, tuple[str, ...]]) -> None:
        self.findings: list[Finding] = []
        self.syntax = syntax
        self._schema = {name.lower(): columns for name, columns in schema.items()}
        self._ctes: dict[int, Relation] = {}
        try:
            self.result = self._query(tree, None)
        except RecursionError as error:
            finding = Finding(
                code="sql.too_large", message="the SQL holds queries nested too deeply", place=syntax.place(0)
            )
            raise InputError(finding) from error

    def _query(self, node: Expr, outer: Frame | None) -> Relation:
        if isinstance(node, exp.Subquery):
            inner = (
                self._query(node.this, outer) if not isinstance(node.this, exp.Table) else self._bracketed(node, outer)
            )
            return self._limited(node, inner, outer)
        if isinstance(node, exp.SetOperation):
            return self._limited(node, self._set_operation(node, outer), outer)
        if isinstance(node, exp.Values):
            return self._values(node, outer)
        if isinstance(node, exp.Pivot):
            return self._pivoted(self._member(node.this, Frame(outer)).relation)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        return Relation(opaque=self.refs(node, Frame(outer)))

    def _bracketed(self, node: exp.Subquery, outer: Frame | None) -> Relation:
        frame = Frame(outer)
        rows = self._join_items(node, frame)
        columns = tuple(
            column
            for item in frame.members
            if not item.hidden
            for column in item.relation.columns
            if column.name.lower() not in item.folded
        )
        unknown = [item.relation for item in frame.members if not item.relation.certain]
        opaque = union(item.everything() for item in unknown) if unknown else None
        return Relation(columns=columns, rows=rows, opaque=opaque)

    def _limited(self, node: Expr, relation: Relation, outer: Frame | None) -> Relation:
        """ORDER BY decides rows only together with LIMIT."""
        if not (node.args.get("limit") or node.args.get("offset")):
            return relation
        frame = Frame(outer, [Member(name="", dataset=None, relation=relation, aliased=False)])
        return replace(relation, rows=relation.rows | self._clauses(node, frame, ("order", "limit", "offset")))

    def _clauses(self, node: Expr, frame: Frame, keys: tuple[str, ...]) -> Refs:
        return union(self.refs(clause, frame) for key in keys if isinstance(clause := node.args.get(key), exp.Expr))

    def _values(self, node: exp.Values, outer: Frame | None) -> Relation:
        rows = [item.expressions if isinstance(item, exp.Tuple) else [item] for item in node.expressions]
        width = max((len(row) for row in rows), default=0)
        frame = Frame(outer)
        columns = (
            TracedColumn(
                name=f"col{index}", refs=union(self.refs(row[index], frame) for row in rows if index < len(row))
            )
            for index in range(width)
        )
        return Relation(columns=tuple(columns))

    def _pivoted(self, relation: Relation) -> Relation:
        everything = relation.everything()
        if relation.open_dataset is not None:
            everything |= {ColumnRef(relation.open_dataset, "*")}
        return Relation(rows=relation.rows | everything, opaque=everything)

    def _set_operation(self, node: exp.SetOperation, outer: Frame | None) -> Relation:
        branches: list[Expr] = []
        distinct = False
        current: Expr = node
        while isinstance(current, exp.SetOperation):
            distinct = distinct or bool(current.args.get("distinct")) or not isinstance(current, exp.Union)
            branches.append(current.expression)
            left = current.this
            if left.args.get("limit") or type(left) is not type(node) or left.args.get("with_"):
                branches.append(left)
                break
            current = left
        relations = [self._query(branch, outer) for branch in reversed(branches)]
        joined = _stacked(relations, by_name=bool(node.args.get("by_name")))
        return replace(joined, rows=joined.rows | (joined.everything() if distinct else NONE))

    def _select(self, select: exp.Select, outer: Frame | None) -> Relation:
        frame = Frame(outer)
        frame.windows = {item.name.lower(): item for item in select.args.get("windows") or ()}
        rows = self._sources(select, frame)
        columns = project(self, select, frame)
        rows |= self._clauses(select, frame, ("where", "having", "qualify"))
        rows |= self._aliased(select, frame)
        rows |= self._grouping(select, columns, frame)
        rows |= self._distinct(select, columns, frame)
        if select.args.get("limit") or select.args.get("offset"):
            rows |= self._clauses(select, frame, ("order", "limit", "offset"))
        for item in select.expressions:
            if item.find(exp.Explode) is not None:
                rows |= self.refs(item, frame)
        opaque = None
        if any(is_starred(item) for item in select.expressions):
            unlisted = [item.relation.opaque for item in frame.members if item.relation.opaque is not None]
            opaque = union(unlisted) if unlisted else None
        return Relation(columns=columns, rows=rows, opaque=opaque)

    def _aliased(self, select: exp.Select, frame: Frame) -> Refs:
        """What clauses may mean by a bare name: the engine prefers, here and there, the column that is made."""
        clauses = [clause for key in ("where", "having", "qualify") if (clause := select.args.get(key)) is not None]
        bare = (column for clause in clauses for column in clause.find_all(exp.Column) if not column.table)
        return union(frame.projected.get(column.name.lower(), NONE) for column in bare)

    def _sources(self, select: exp.Select, frame: Frame) -> Refs:
        rows = NONE
        clause = select.args.get("from_")
        if clause is not None:
            rows |= self._item(clause.this, frame)
        for lateral in select.args.get("laterals") or ():
            rows |= self._item(lateral, frame)
        return rows | self._joins(select, frame)

    def _joins(self, node: Expr, frame: Frame) -> Refs:
        rows = NONE
        for join in node.args.get("joins") or ():
            before = len(frame.members)
            rows |= self._item(join.this, frame)
            words = [item.name.lower() for item in join.args.get("using") or ()]
            if (join.args.get("method") or "").upper() == "NATURAL":
                words = self._shared(frame, before)
            for word in words:
                refs = [refs for item in frame.members if (refs := item.relation.find(word)) is not None]
                frame.merged[word] = union(refs)
                rows |= frame.merged[word]
            folded = frozenset(words)
            frame.members[before:] = [replace(item, folded=item.folded | folded) for item in frame.members[before:]]
            rows |= self._clauses(join, frame, ("on",))
            if (join.args.get("kind") or "").upper() in _SEMI or (join.args.get("side") or "").upper() in _SEMI:
                frame.members[before:] = [replace(item, hidden=True) for item in frame.members[before:]]
        return rows

    def _shared(self, frame: Frame, before: int) -> list[str]:
        left = {column.name.lower() for item in frame.members[:before] for column in item.relation.columns}
        right = [column.name.lower() for item in frame.members[before:] for column in item.relation.columns]
        return [name for name in right if name in left]

    def _item(self, item: Expr, frame: Frame) -> Refs:
        if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) and not item.alias:
            rows = self._join_items(item, frame)
        else:
            member = self._member(item, frame)
            frame.members.append(member)
            rows = member.relation.rows
        return rows | self._joins(item, frame)

    def _join_items(self, node: exp.Subquery, frame: Frame) -> Refs:
        return self._item(node.this, frame)

    def _member(self, item: Expr, frame: Frame) -> Member:
        alias = item.args.get("alias")
        dataset = dataset_of(item) if isinstance(item, exp.Table) else None
        relation = self._relation(item, frame, dataset)
        names = tuple(column.name for column in alias.columns) if isinstance(alias, exp.TableAlias) else ()
        if names and not relation.columns and dataset is None:
            refs = relation.opaque or NONE
            relation = Relation(columns=tuple(TracedColumn(name=name, refs=refs) for name in names), rows=relation.rows)
        elif names:
            relation = relation.renamed(names)
        for _ in item.args.get("pivots") or ():
            relation = self._pivoted(relation)
        own = item.name.lower() if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier) else ""
        pivots = item.args.get("pivots")
        name = item.alias.lower() or (pivots[-1].alias.lower() if pivots else "") or own
        return Member(name=name, dataset=dataset, relation=relation, aliased=bool(item.alias))

    def _relation(self, item: Expr, frame: Frame, dataset: str | None) -> Relation:
        if isinstance(item, exp.Table) and dataset is not None:
            columns = self._schema.get(dataset)
            if columns is None:
                return Relation(open_dataset=dataset)
            return Relation(
                columns=tuple(TracedColumn(name=name, refs=frozenset({ColumnRef(dataset, name)})) for name in columns)
            )
        if isinstance(item, exp.Table) and (cte := find_cte(item)) is not None:
            return self._cte(cte[0], frame)
        if isinstance(item, exp.Query | exp.Values):
            return self._query(item, frame)
        if isinstance(item, exp.Lateral) and isinstance(item.this, exp.Query):
            return self._query(item.this, frame)
        refs = union(
            self.refs(child, frame) for child in item.iter_expressions() if not isinstance(child, exp.TableAlias)
        )
        return Relation(rows=refs, opaque=refs)

    def _cte(self, cte: exp.CTE, frame: Frame) -> Relation:
        """A CTE's relation, made once. One that reads itself is made again until nothing is added."""
        names = tuple(column.name for column in cte.args["alias"].columns)
        known = self._ctes.get(id(cte))
        if known is not None:
            return known
        recursive = bool(cte.parent and cte.parent.args.get("recursive")) and isinstance(cte.this, exp.SetOperation)
        if not recursive:
            made = self._query(cte.this, frame.outer).renamed(names)
            self._ctes[id(cte)] = made
            return made
        made = self._query(cte.this.this, frame.outer).renamed(names)
        while self._ctes.get(id(cte)) != made:
            self._ctes[id(cte)] = made
            made = self._query(cte.this, frame.outer).renamed(names)
        return made

    def _grouping(self, select: exp.Select, columns: tuple[TracedColumn, ...], frame: Frame) -> Refs:
        group = select.args.get("group")
        if group is None:
            return NONE
        if group.args.get("all"):
            plain = [item for item in select.expressions if not any(is_fold(node) for node in item.walk())]
            return union(self.refs(item, frame) for item in plain)
        return union(self._named(item, columns, frame) for item in group.iter_expressions())

    def _named(self, item: Expr, columns: tuple[TracedColumn, ...], frame: Frame) -> Refs:
        """A GROUP BY item: a position, an expression, or the name of a projected column."""
        if isinstance(item, exp.Literal) and not item.is_string:
            position = int(item.name) if item.name.isdigit() else 0
            return columns[position - 1].refs if 0 < position <= len(columns) else NONE
        refs = self.refs(item, frame)
        if isinstance(item, exp.Column) and not item.table:
            refs |= frame.projected.get(item.name.lower(), NONE)
        return refs

    def _distinct(self, select: exp.Select, columns: tuple[TracedColumn, ...], frame: Frame) -> Refs:
        distinct = select.args.get("distinct")
        if distinct is None:
            return NONE
        if distinct.args.get("on") is not None:
            return self.refs(distinct, frame) | self._clauses(select, frame, ("order",))
        return union(column.refs for column in columns)

    def refs(self, node: Expr, frame: Frame) -> Refs:
        """The columns an expression reads, those of the queries inside it too."""
        found = NONE
        for part, bound in _reachable(node):
            if isinstance(part, exp.Query):
                inner = self._query(part, frame)
                found |= inner.everything() | inner.rows
            elif isinstance(part, exp.Column):
                found |= self._column(part, frame, bound)
            elif isinstance(part, exp.Columns):
                found |= union(item.relation.everything() for item in frame.members)
            elif isinstance(part, exp.Dot) and (words := [name.name.lower() for name in dotted(part)]):
                found |= NONE if words[0] in bound else frame.find(words) or NONE
            elif isinstance(part, exp.Window) and part.args.get("alias") is not None:
                named = frame.windows.get(part.args["alias"].name.lower())
                found |= self.refs(named, frame) if named is not None else NONE
        return found

    def _column(self, column: exp.Column, frame: Frame, bound: frozenset[str]) -> Refs:
        words = [part.name.lower() for part in parts_of(column)]
        if isinstance(column.this, exp.Star) or not words:
            named = [item.relation.everything() for item in frame.members if not words or item.name == words[-1]]
            return union(named)
        if words[0] in bound or words[-1] == "rowid":
            return NONE
        refs = frame.find(words)
        if refs is None:
            self._unknown(column, words, frame)
        return refs or NONE

    def _unknown(self, column: exp.Column, words: list[str], frame: Frame) -> None:
        offset = start_of(column) or 0
        choices = [item.name for member in frame.members for item in member.relation.columns]
        finding = Finding(
            code="sql.unknown_column",
            message=f"no source of this SELECT has a column {'.'.join(words)}",
            place=self.syntax.place(offset),
            found=sql_of(column),
            expected=" | ".join(dict.fromkeys(choices)) or "a column of what it reads",
            remedy="correct the name, or add the column upstream first",
        )
        if finding not in self.findings:
            self.findings.append(finding)


def _stacked(relations: list[Relation], *, by_name: bool) -> Relation:
    rows = union(item.rows for item in relations)
    unknown = [item for item in relations if not item.certain]
    if unknown:
        return Relation(columns=relations[0].columns, rows=rows, opaque=union(item.everything() for item in relations))
    if by_name:
        names = dict.fromkeys(column.name for item in relations for column in item.columns)
        columns = tuple(
            TracedColumn(name=name, refs=union(item.find(name) or NONE for item in relations)) for name in names
        )
        return Relation(columns=columns, rows=rows)
    stacked = tuple(
        replace(column, refs=union(item.columns[index].refs for item in relations if index < len(item.columns)))
        for index, column in enumerate(relations[0].columns)
    )
    return Relation(columns=stacked, rows=rows)


def _reachable(node: Expr) -> Iterator[tuple[Expr, frozenset[str]]]:
    """The nodes of an expression outside of queries within it, each with the lambda names around it."""
    todo: list[tuple[Expr, frozenset[str]]] = [(node, frozenset())]
    while todo:
        part, bound = todo.pop()
        yield part, bound
        if isinstance(part, exp.Query | exp.Column | exp.Columns):
            continue
        if isinstance(part, exp.Lambda | exp.Comprehension):
            bound = bound | {name.name.lower() for name in bound_names(part)}
        todo.extend((child, bound) for child in part.iter_expressions())
