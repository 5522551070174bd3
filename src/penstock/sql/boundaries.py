"""What queries compare, by the columns of the datasets that they read: where rows must lie to tell two queries apart.

A literal belongs to every column that stands near it, through aliases and CTEs by name alone: made-up rows may miss a
boundary by this. Whoever concludes something from their missing it looks at the place itself as well.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.plain import has_star
from penstock.sql.syntax import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlglot.expressions import Expr

Column = tuple[str, str]
"""A dataset and one of its columns."""
_NEAR = 6
"""How many nodes above a literal its column may stand."""
_PATTERNS = (exp.Like, exp.ILike, exp.RegexpLike, exp.SimilarTo, exp.Glob)
_PARSERS = (exp.StrToTime, exp.StrToDate, exp.StrToUnix)
_EQUALS = (exp.EQ, exp.NullSafeEQ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What stands near one column. `texts` and `numbers` are literals, `patterns` those of LIKE and its kin.

    `formats` are those it is read with as a date, `casts` the types it is cast to. `linked` names the group of columns
    that it is compared with (by one of them); `grouped` says that rows are put together or told apart by it.
    """

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    casts: tuple[str, ...] = ()
    linked: Column | None = None
    grouped: bool = False


def marks_of(texts: Iterable[str], inputs: Mapping[str, Iterable[str]]) -> dict[Column, Marks]:
    """The marks that these queries leave on each column of the datasets `inputs` (name to columns).

    Raises:
        InputError: one of the texts is not one query.
    """
    gathered = _Gathered({name: tuple(columns) for name, columns in inputs.items()})
    for text in texts:
        gathered.add(tree_of(text))
    return gathered.marks()


class _Gathered:
    def __init__(self, inputs: Mapping[str, tuple[str, ...]]) -> None:
        self._columns = [(name, column) for name, columns in inputs.items() for column in columns]
        self._homes: dict[str, list[Column]] = defaultdict(list)
        for column in self._columns:
            self._homes[column[1].lower()].append(column)
        self._found: dict[str, dict[Column, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
        self._links: dict[Column, Column] = {}
        self._grouped: set[Column] = set()
        self._aliases: dict[str, list[Expr]] = {}

    def add(self, tree: Expr) -> None:
        self._aliases = defaultdict(list)
        for alias in tree.find_all(exp.Alias):
            self._aliases[alias.alias.lower()].append(alias.this)
        for node in tree.walk():
            if isinstance(node, exp.Literal):
                self._literal(node)
            elif isinstance(node, exp.Cast):
                self._note("casts", node.this, node.to.sql(dialect="duckdb"))
            elif isinstance(node, exp.Group | exp.Window | exp.Distinct):
                self._grouped.update(self._beneath(node))
            elif isinstance(node, exp.Join):
                for name in node.args.get("using") or ():
                    self._link(self._homes.get(name.name.lower(), []))
            elif isinstance(node, _EQUALS) and node.this.find(exp.Column) and node.expression.find(exp.Column):
                self._link(self._beneath(node))

    def marks(self) -> dict[Column, Marks]:
        return {
            column: Marks(
                **{kind: tuple(found.get(column, ())) for kind, found in self._kinds()},
                linked=self._root(column) if column in self._links else None,
                grouped=column in self._grouped,
            )
            for column in self._columns
        }

    def _kinds(self) -> list[tuple[str, dict[Column, dict[str, None]]]]:
        return [(kind, self._found[kind]) for kind in ("texts", "numbers", "patterns", "formats", "casts")]

    def _literal(self, literal: exp.Literal) -> None:
        node: Expr | None = literal.parent
        for _ in range(_NEAR):
            if node is None or isinstance(node, exp.Query):
                return
            if node.find(exp.Column):
                break
            node = node.parent
        if node is not None:
            self._note(_kind(literal, node), node, _value(literal))

    def _note(self, kind: str, node: Expr, value: str) -> None:
        for column in self._beneath(node):
            self._found[kind][column][value] = None

    def _beneath(self, node: Expr) -> list[Column]:
        """The datasets' columns that a node reads, through the names that the query gives to expressions."""
        found: dict[Column, None] = {}
        todo = [column.name.lower() for column in node.find_all(exp.Column)]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            found.update(dict.fromkeys(self._homes.get(name, ())))
            todo += [
                column.name.lower() for item in self._aliases.get(name, ()) for column in item.find_all(exp.Column)
            ]
        return list(found)

    def _link(self, columns: list[Column]) -> None:
        roots = sorted({self._root(column) for column in columns})
        for column in (*columns, *roots):
            self._links[column] = roots[0]

    def _root(self, column: Column) -> Column:
        while self._links.get(column, column) != column:
            column = self._links[column]
        return column


def _kind(literal: exp.Literal, node: Expr) -> str:
    if isinstance(literal.parent, _PATTERNS):
        return "patterns"
    if literal.is_string and (isinstance(node, _PARSERS) or (isinstance(node, exp.Anonymous) and "%" in literal.name)):
        return "formats"
    return "texts" if literal.is_string else "numbers"


def _value(literal: exp.Literal) -> str:
    return f"-{literal.name}" if isinstance(literal.parent, exp.Neg) else str(literal.name)


def names_in(texts: Iterable[str]) -> frozenset[str] | None:
    """Every name of a column in some queries, without case; None if one of them takes all columns of something.

    Raises:
        InputError: one of the texts is not one query.
    """
    names: set[str] = set()
    for text in texts:
        tree = tree_of(text)
        if has_star(tree) or tree.find(exp.Columns, exp.Pivot) is not None:
            return None
        names.update(node.name.lower() for node in tree.find_all(exp.Identifier))
    return frozenset(names)
