"""What the names in a query stand for: its sources, the CTE or dataset behind each, the source that qualifies a column.

Invariants: nothing is changed in the tree; names compare without case, as DuckDB compares them; the nearest scope wins;
a CTE hides nothing that is written `pipeline.dataset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One thing a SELECT reads: a dataset, a CTE, a subquery or a function that makes rows.

    `name` is what columns are qualified with, without case: the alias, else a table's own name, else nothing.
    """

    node: Expr
    name: str
    dataset: str | None
    aliased: bool

    @property
    def reads(self) -> str:
        """What it reads: a dataset, the bare name of a CTE, or for anything else its own name."""
        return self.dataset or (self.node.name.lower() if isinstance(self.node, exp.Table) else self.name)


@dataclass(frozen=True, slots=True)
class Found:
    """The source a column is qualified with: `level` SELECTs outward, `index` within; `used` leading parts name it.

    `twin` counts the sources before it that read the same thing.
    """

    source: Source
    level: int
    index: int
    used: int
    twin: int = 0


def dataset_of(table: exp.Table) -> str | None:
    """`pipeline.dataset` in lower case, if the table is written so."""
    named = isinstance(table.this, exp.Identifier) and table.args.get("db") and not table.args.get("catalog")
    return f"{table.db}.{table.name}".lower() if named else None


def find_cte(table: exp.Table) -> tuple[exp.CTE, int, int] | None:
    """The CTE a bare table name stands for, how many WITHs outward it is, and its index there."""
    if table.args.get("db") or not isinstance(table.this, exp.Identifier):
        return None
    name, level = table.name.lower(), 0
    node: Expr | None = table
    inside: Expr | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        clause = node.args.get("with_")
        if clause is not None:
            found = _visible(clause, inside, name)
            if found is not None:
                return found[0], level, found[1]
            level += 1
            inside = None
        node = node.parent
    return None


def _visible(clause: exp.With, inside: Expr | None, name: str) -> tuple[exp.CTE, int] | None:
    """The CTE of that name in a WITH, as seen from one of its CTEs or from the query below it."""
    match: tuple[exp.CTE, int] | None = None
    for index, cte in enumerate(clause.expressions):
        if cte is inside and not clause.args.get("recursive"):
            break
        if cte.alias.lower() == name:
            match = (cte, index)
        if cte is inside:
            break
    return match


def parts_of(column: exp.Column) -> tuple[exp.Identifier, ...]:
    """The identifiers a column is written with, outermost first; a star is left out."""
    parts = (column.args.get(key) for key in ("catalog", "db", "table", "this"))
    return tuple(part for part in parts if isinstance(part, exp.Identifier))


def dotted(node: exp.Dot) -> tuple[exp.Identifier, ...]:
    """The identifiers at the head of `a.b.method()`, which sqlglot does not read as a column."""
    if isinstance(node.parent, exp.Dot):
        return ()
    names: list[exp.Identifier] = []
    head: Expr = node
    while isinstance(head, exp.Dot):
        names = [head.expression, *names] if isinstance(head.expression, exp.Identifier) else []
        head = head.this
    return (head, *names) if isinstance(head, exp.Identifier) else ()


class Scopes:
    """Finds sources and qualifiers in one tree, each SELECT's sources gathered once."""

    def __init__(self, tree: Expr) -> None:
        self.tree = tree
        self._sources: dict[int, tuple[Source, ...]] = {}
        self._homes: dict[int, Expr | None] = {}

    def queries(self) -> Iterator[Expr]:
        """Every SELECT and PIVOT statement in the tree: what has sources."""
        return (node for node in self.tree.find_all(exp.Select, exp.Pivot) if _has_sources(node))

    def sources(self, query: Expr) -> tuple[Source, ...]:
        """What a SELECT (or a PIVOT statement) reads, in the order written."""
        if id(query) not in self._sources:
            self._sources[id(query)] = tuple(_sources(query))
        return self._sources[id(query)]

    def find(self, column: exp.Column) -> Found | None:
        """The source a qualified column belongs to; None if it is not qualified by a source, or by two alike."""
        words = [part.name.lower() for part in parts_of(column)]
        starred = isinstance(column.this, exp.Star)
        if len(words) + starred < 2:
            return None
        for level, query in enumerate(self.outward(column)):
            sources = self.sources(query)
            for used, matches in _candidates(sources, words, starred=starred):
                if len(matches) == 1:
                    index = matches[0]
                    twin = sum(item.reads == sources[index].reads for item in sources[:index])
                    return Found(sources[index], level, index, used, twin)
                if matches:
                    return None
        return None

    def outward(self, node: Expr) -> Iterator[Expr]:
        """The SELECTs whose sources a node can name, nearest first, itself included."""
        current = node if _has_sources(node) else self._home(node)
        while current is not None:
            yield current
            current = self._home(current)

    def _home(self, node: Expr) -> Expr | None:
        """The nearest SELECT around a node, looked up at once for the whole tree: chains of ORs are deep."""
        if not self._homes:
            for item in self.tree.walk(bfs=False):
                parent = item.parent if item is not self.tree else None
                # A CTE does not see the sources of the query it belongs to.
                around = parent if parent is not None and _has_sources(parent) and item.arg_key != "with_" else None
                self._homes[id(item)] = around or (self._homes[id(parent)] if parent is not None else None)
        return self._homes[id(node)]


def _has_sources(node: Expr) -> bool:
    return isinstance(node, exp.Select) or (isinstance(node, exp.Pivot) and node.this is not None)


def _candidates(sources: tuple[Source, ...], words: list[str], *, starred: bool) -> Iterator[tuple[int, list[int]]]:
    """DuckDB tries `schema.table.column`, then `table.column`, then `schema.table` as a whole row."""
    full = ".".join(words[:2])
    whole = [index for index, item in enumerate(sources) if item.dataset == full and not item.aliased]
    if len(words) >= 3 or (starred and len(words) == 2):
        yield 2, whole
    yield 1, [index for index, item in enumerate(sources) if item.name == words[0]]
    if len(words) == 2:
        yield 2, whole


def _sources(query: Expr) -> Iterator[Source]:
    if isinstance(query, exp.Pivot):
        yield from _items(query.this)
        return
    clause = query.args.get("from_")
    if clause is not None:
        yield from _items(clause.this)
    for lateral in query.args.get("laterals") or ():
        yield from _items(lateral)
    for join in query.args.get("joins") or ():
        yield from _items(join.this)


def _items(item: Expr) -> Iterator[Source]:
    """One FROM item, and what is joined to it inside its own brackets."""
    alias = item.alias.lower()
    dataset = dataset_of(item) if isinstance(item, exp.Table) else None
    inner = item.this if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table | exp.Subquery) else None
    if inner is None or alias:
        own = item.name.lower() if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier) else ""
        yield Source(node=item, name=alias or own, dataset=dataset, aliased=bool(alias))
    if inner is not None:
        yield from _items(inner)
    for join in item.args.get("joins") or ():
        yield from _items(join.this)
