"""What in a query's text may make a dataset that is built slice by slice another than one that is built at once.

What is plainly safe is quiet, what is plainly not is named with its line and the reason; the rest is left to trying it
out. Columns that tell the interval apart are followed by name: a doubt can be missed where names mislead, so that
silence proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.findings import Finding, Severity
from penstock.sql.bounds import bounds, conditions, parameters, unwrapped
from penstock.sql.expressions import is_fold, is_windowed
from penstock.sql.moments import Moments, SlicedInput, Slicing, plain
from penstock.sql.query import parse_query
from penstock.sql.scopes import Scopes, dataset_of, find_cte
from penstock.sql.syntax import place, sql_of, start_of, tree_of, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlglot.expressions import Expr

    from penstock.sql.bounds import Bound
    from penstock.sql.scopes import Source

_IN_ORDER = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last)
__all__ = ["SlicedInput", "Slicing", "slice_doubts"]

_REMEDY = "penstock test --slices tries it on what is built"


def slice_doubts(
    text: str, file: str, *, dataset: str, slicing: Slicing, inputs: Mapping[str, SlicedInput]
) -> tuple[Finding, ...]:
    """Everything in a query that may tell its slices from one build, each with its place, as warnings.

    `inputs` are the datasets that it reads; one that is not named counts as not cut into intervals.

    Raises:
        InputError: the text is not one query over datasets.
    """
    warned = [item for item in parse_query(text, file).warnings if item.code == "sql.nondeterministic"]
    found = sorted({*warned, *_Reading(text, slicing, inputs).doubts()}, key=_spot)
    return within(tuple(found), file, dataset)


def _spot(finding: Finding) -> tuple[int, int, str]:
    return finding.place.line or 0, finding.place.column or 0, finding.code


class _Reading:
    """One query, looked at for what a slice does not see."""

    def __init__(self, text: str, slicing: Slicing, inputs: Mapping[str, SlicedInput]) -> None:
        self._text, self._slicing, self._inputs = text, slicing, inputs
        self._tree = tree_of(text)
        self._scopes = Scopes(self._tree)
        self._selects = list(self._tree.find_all(exp.Select))
        self._bounds = {id(select): bounds(select) for select in self._selects}
        self._key = frozenset(name.lower() for name in slicing.key)
        self._moments = Moments(self._tree, slicing, inputs, [b for each in self._bounds.values() for b in each])

    def doubts(self) -> Iterator[Finding]:
        """Everything that is doubtful, in no order."""
        for select in self._selects:
            yield from self._edges(select)
            if self._reads_sliced(select):
                yield from self._windows(select)
                yield from self._folds(select)
                yield from self._picks(select)
        for query in self._scopes.queries():
            for source in self._scopes.sources(query):
                yield from self._unbounded(query, source)
        yield from self._limits()
        yield from self._values()
        if not self._key:
            yield from self._output()

    # -- what reaches what --------------------------------------------------------------------------------------

    def _reads_sliced(self, select: Expr) -> bool:
        """Whether rows that are cut into intervals reach a SELECT, through CTEs too."""
        seen: set[int] = set()
        todo: list[Expr] = [select]
        while todo:
            node = todo.pop()
            for table in node.find_all(exp.Table):
                if self._is_sliced(dataset_of(table)):
                    return True
                cte = find_cte(table)
                if cte is not None and id(cte[0]) not in seen:
                    seen.add(id(cte[0]))
                    todo.append(cte[0].this)
        return False

    def _is_sliced(self, dataset: str | None) -> bool:
        return dataset is not None and dataset in self._inputs and self._inputs[dataset].sliced

    def _is_by_key(self, names: Iterable[Expr]) -> bool:
        """Whether these are just the columns by which rows are merged: the newest of each is what a merge is for."""
        return bool(self._key) and {item.unalias().name.lower() for item in names} == self._key

    # -- what is doubtful ------------------------------------------------------------------------------------------

    def _edges(self, select: exp.Select) -> Iterator[Finding]:
        for bound in self._bounds[id(select)]:
            if bound.back and self._key:
                continue  # a late slice of a merge has all that follow it merged again
            if not bound.edge:
                yield self._found(
                    "lookback",
                    bound.node,
                    "rows beyond the interval are read: if they come late, those that read them are not built again",
                    "rows of the interval alone",
                    "restate the neighbours too: penstock backfill with a wider --start and --end",
                )
            elif not bound.half_open:
                yield self._found(
                    "edge",
                    bound.node,
                    "the interval's start is left out, or its end taken in: rows at the edge are in two slices or none",
                    "column >= $interval_start AND column < $interval_end",
                    "write it so",
                )

    def _windows(self, select: exp.Select) -> Iterator[Finding]:
        if any(not bound.edge for bound in self._bounds_under(select)):
            return  # it reads more than its interval on purpose: whether that is enough is for trying out
        named = {item.name.lower(): item for item in select.args.get("windows") or ()}
        for window in self._own(select, exp.Window):
            over = named.get(window.args["alias"].name.lower(), window) if window.args.get("alias") else window
            parts = over.args.get("partition_by") or []
            if not (any(map(self._moments.tell, parts)) or self._is_by_key(parts)):
                yield self._found(
                    "window_over_edge",
                    window,
                    f"the window of {_call(window)} ends at the edge of what one build reads",
                    f"PARTITION BY {self._slicing.column}, so that no window goes beyond an interval",
                )

    def _folds(self, select: exp.Select) -> Iterator[Finding]:
        folds = [node for node in self._own(select) if is_fold(node) and not is_windowed(node)]
        for fold in folds:
            if isinstance(fold, _IN_ORDER) and fold.find(exp.Order) is None:
                yield self._found(
                    "order_of_rows",
                    fold,
                    f"{_call(fold)} depends on the order in which rows come",
                    "ORDER BY inside it",
                )
        keys = self._grouped(select)
        matched = _is_within_expression(select) and self._is_matched(select)
        if folds and not (any(map(self._moments.tell, keys)) or self._is_by_key(keys) or matched):
            yield self._found(
                "aggregate_over_edge",
                folds[0],
                f"{_call(folds[0])} is taken over rows of several intervals when several are built at once",
                f"GROUP BY {self._slicing.column}, or by something from which it follows",
            )

    def _grouped(self, select: exp.Select) -> list[Expr]:
        """What a SELECT groups by: positions and ALL stand for what is selected."""
        group = select.args.get("group")
        if group is None:
            return []
        if group.args.get("all"):
            return [item for item in select.expressions if not any(map(is_fold, item.walk()))]
        sets = [inner for name in ("rollup", "cube", "grouping_sets") for inner in group.args.get(name) or ()]
        if sets:
            return []
        return [_positioned(item, select) for item in group.expressions]

    def _is_matched(self, select: exp.Select) -> bool:
        """Whether a SELECT keeps to the interval of another row, which is bounded: `inner.day = outer.day`."""
        if not any(self._bounds.values()):
            return False
        return any(
            isinstance(part, exp.EQ) and self._moments.tell(part.this) and self._moments.tell(part.expression)
            for part in conditions(select)
        )

    def _picks(self, select: exp.Select) -> Iterator[Finding]:
        distinct = select.args.get("distinct")
        on = distinct.args.get("on") if isinstance(distinct, exp.Distinct) else None
        names = on.expressions or [on] if on is not None else []
        if distinct is not None and names and not (any(map(self._moments.tell, names)) or self._is_by_key(names)):
            yield self._found(
                "distinct_over_edge",
                distinct,
                "one row of each is kept of what one build reads",
                f"DISTINCT ON (…, {self._slicing.column})",
            )

    def _limits(self) -> Iterator[Finding]:
        for limit in self._tree.find_all(exp.Limit, exp.Offset, exp.Fetch):
            query = limit.parent
            if query is not None and self._reads_sliced(query) and not _is_within_expression(query):
                yield self._found("limit", limit, "rows are cut off in each build", "no LIMIT, or QUALIFY by interval")

    def _unbounded(self, select: Expr, source: Source) -> Iterator[Finding]:
        if not self._is_sliced(source.dataset):
            return
        lower, upper = self._sides(select, source, frozenset())
        if lower and upper:
            return
        lacks = "without bounds" if lower == upper else "from its beginning on" if upper else "to its end"
        yield self._found(
            "unbounded_input",
            source.node,
            f"{source.dataset} is read {lacks}: each slice sees what was there when it was built",
            "column >= $interval_start AND column < $interval_end",
            "keep to the interval, or keep the dataset with materialize: table",
        )

    def _sides(self, select: Expr, source: Source, seen: frozenset[int]) -> tuple[bool, bool]:
        """Whether a source is bounded below and above, here or in every query that reads this one."""
        if not isinstance(select, exp.Select) or id(select) in seen:
            return False, False
        if self._is_matched(select) or self._is_joined_by_interval(source):
            return True, True
        if self._key and any(isinstance(part, exp.In) and part.args.get("query") for part in conditions(select)):
            return True, True
        mine = [bound for bound in self._bounds[id(select)] if self._is_about(bound, source, select)]
        lower, upper = any(bound.lower for bound in mine), any(not bound.lower for bound in mine)
        if lower and upper:
            return True, True
        above = [self._sides(query, reader, seen | {id(select)}) for query, reader in self._readers(select)]
        return lower or (bool(above) and all(one[0] for one in above)), upper or (
            bool(above) and all(one[1] for one in above)
        )

    def _is_about(self, bound: Bound, source: Source, select: Expr) -> bool:
        """Whether a bound may be one of a source: it names it, or names no other."""
        for column in bound.subject.find_all(exp.Column):
            found = self._scopes.find(column)
            if found is not None and found.source is source:
                return True
            if found is None and not column.table and len(self._scopes.sources(select)) == 1:
                return True
            if found is None and not column.table:
                item = self._inputs.get(source.dataset or "")
                return item is None or item.column is None or column.name.lower() == item.column.lower()
        return False

    def _is_joined_by_interval(self, source: Source) -> bool:
        join = source.node.parent
        using = join.args.get("using") or () if isinstance(join, exp.Join) else ()
        return any(self._bounds.values()) and any(item.name.lower() in self._moments.names for item in using)

    def _readers(self, select: exp.Select) -> Iterator[tuple[Expr, Source]]:
        """The queries that read a CTE or subquery, with the source that stands for it there."""
        holder = select.parent
        while isinstance(holder, exp.SetOperation | exp.Paren):
            holder = holder.parent
        for query in self._selects:
            for source in self._scopes.sources(query):
                cte = find_cte(source.node) if isinstance(source.node, exp.Table) else None
                if source.node is holder or (cte is not None and cte[0] is holder):
                    yield query, source

    def _values(self) -> Iterator[Finding]:
        """The interval's edges among what is selected or grouped by: another batch gives other values."""
        for parameter in parameters(self._tree):
            clause = parameter.find_ancestor(exp.Where, exp.Join, exp.Having, exp.Qualify, exp.Select)
            if isinstance(clause, exp.Select) and not _is_limit(parameter):
                holder = parameter.find_ancestor(exp.Alias) or parameter.parent or parameter
                yield self._found(
                    "edge_as_value",
                    holder,
                    f"${parameter.name} is made into a value: several intervals built at once all get the same",
                    "values that are made of rows",
                    "take it from the row's own time",
                )

    def _output(self) -> Iterator[Finding]:
        """An interval column that is made of something else than what is bounded, or that is moved."""
        bounded = [bound for each in self._bounds.values() for bound in each]
        made = self._made(self._tree, self._slicing.column.lower())
        if made is None or not bounded or next(made.find_all(exp.Column), None) is None:
            return
        straight = frozenset(name for bound in bounded for name in plain(bound))
        same = {sql_of(unwrapped(bound.subject)) for bound in bounded}
        names = {column.name.lower() for column in made.find_all(exp.Column)}
        if (
            self._moments.tell(made, straight)
            or sql_of(unwrapped(made)) in same
            or self._slicing.column.lower() in straight
        ):
            return
        cuts = {item.column.lower() for item in self._inputs.values() if item.column}
        if straight and straight <= cuts - names:
            return  # kept to by the input's own intervals, as files are: whether rows agree is for trying out
        if names & {name for bound in bounded for name in bound.columns}:
            reason, code = "is moved, so that it may lie outside the interval that was asked for", "moved"
        else:
            reason, code = "is not made of the column that is kept to the interval", "other_column"
        yield self._found(
            code,
            made,
            f"{self._slicing.column}, by which the dataset is cut, {reason}",
            f"bounds on {self._slicing.column} itself, or on what it is made of",
            "compare the same expression with $interval_start and $interval_end",
        )

    def _made(self, query: Expr, name: str, seen: frozenset[int] = frozenset()) -> Expr | None:
        """The expression behind a column of a query's result, through CTEs and subqueries; None if it is not plain."""
        while isinstance(query, exp.SetOperation | exp.Subquery | exp.Paren):
            query = query.this
        if not isinstance(query, exp.Select) or id(query) in seen:
            return None
        item = next((item for item in query.expressions if item.alias_or_name.lower() == name), None)
        node: Expr | None = item.unalias().unnest() if item is not None else None
        if node is None or node.find(exp.AggFunc, exp.Window) is not None:
            return None
        column = node.find(exp.Column)
        if column is None or not self._moments.tell(node, frozenset({column.name.lower()})):
            return node
        found = self._scopes.find(column)
        sources = self._scopes.sources(query)
        source = found.source if found is not None else sources[0] if len(sources) == 1 else None
        if source is None or source.dataset is not None:
            return node
        cte = find_cte(source.node) if isinstance(source.node, exp.Table) else None
        inner = cte[0].this if cte is not None else source.node
        return (
            self._made(inner, column.name.lower(), seen | {id(query)})
            if isinstance(inner, exp.Query | exp.Subquery)
            else None
        )

    # -- places ----------------------------------------------------------------------------------------------------

    def _own(self, select: exp.Select, *kinds: type[Expr]) -> list[Expr]:
        """The nodes of a SELECT that belong to no query below it."""
        nodes = select.find_all(*kinds) if kinds else select.walk()
        return [
            node for node in nodes if node.find_ancestor(exp.Select, exp.Pivot) is select and not _is_definition(node)
        ]

    def _bounds_under(self, select: exp.Select) -> list[Bound]:
        return [bound for query in self._reachable(select) for bound in self._bounds[id(query)]]

    def _reachable(self, select: exp.Select) -> list[exp.Select]:
        """A SELECT, and those whose rows reach it."""
        found: dict[int, exp.Select] = {}
        todo: list[Expr] = [select]
        while todo:
            for node in todo.pop().find_all(exp.Select, exp.Table):
                if isinstance(node, exp.Select):
                    found[id(node)] = node
                    continue
                cte = find_cte(node) if isinstance(node, exp.Table) else None
                if cte is not None and not any(id(query) in found for query in cte[0].find_all(exp.Select)):
                    todo.append(cte[0].this)
        return list(found.values())

    def _found(self, code: str, node: Expr, message: str, expected: str, remedy: str = _REMEDY) -> Finding:
        above = node
        while start_of(above) is None and above.parent is not None:
            above = above.parent
        return Finding(
            code=f"slices.{code}",
            message=message,
            severity=Severity.WARNING,
            place=place(self._text, start_of(above) or 0),
            found=sql_of(node)[:160],
            expected=expected,
            remedy=remedy,
        )


def _positioned(item: Expr, select: exp.Select) -> Expr:
    """What GROUP BY 2 stands for."""
    if isinstance(item, exp.Literal) and item.is_int and 0 < int(item.name) <= len(select.expressions):
        chosen: Expr = select.expressions[int(item.name) - 1]
        return chosen
    return item


def _is_within_expression(select: Expr) -> bool:
    """Whether a query is asked anew for each row around it."""
    holder = select.parent
    while isinstance(holder, exp.Subquery | exp.SetOperation | exp.Paren):
        holder = holder.parent
    return holder is not None and not isinstance(holder, exp.From | exp.Join | exp.CTE)


def _is_definition(node: Expr) -> bool:
    """Whether a window is one of the WINDOW clause, which stands for those that name it."""
    return isinstance(node, exp.Window) and node.arg_key == "windows"


def _is_limit(parameter: Expr) -> bool:
    return parameter.find_ancestor(exp.Limit, exp.Offset) is not None


def _call(node: Expr) -> str:
    inner = node.this if isinstance(node, exp.Window) else node
    return sql_of(inner)[:60]
