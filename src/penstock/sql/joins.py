"""The joins of a query to plain datasets, and a probe for right-hand keys that would multiply rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.forms import operands
from penstock.sql.identifiers import quote
from penstock.sql.scopes import Scopes, dataset_of, parts_of
from penstock.sql.syntax import place, sql_of, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

    from penstock.sql.query import Query
    from penstock.sql.scopes import Source

_LIMIT = 5
_NEVER_MULTIPLY = {"SEMI", "ANTI"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """An equality join to a dataset. `keys` pairs the SQL on the left with the column on the right.

    `conditions` are further predicates over the right side alone, as SQL without qualifiers. `exact` is false if the
    join has yet other conditions, so that a key found twice may still join once.
    """

    right_dataset: str
    right_alias: str
    kind: str
    keys: tuple[tuple[str, str], ...]
    line: int
    excerpt: str
    conditions: tuple[str, ...] = ()
    exact: bool = True


def joins(query: Query) -> tuple[Join, ...]:
    """The equality joins to plain datasets anywhere in a query, in the order written.

    Raises:
        InputError: the text is not one query.
    """
    tree = tree_of(query.text)
    scopes = Scopes(tree)
    found = (_join(query.text, node, scopes) for node in tree.find_all(exp.Join))
    return tuple(sorted((join for join in found if join is not None), key=lambda join: join.line))


def fanout_probe(join: Join, relation: str) -> str:
    """SQL for the right-side keys that `relation` (quoted SQL) holds more than once: keys and `copies`, most first."""
    names = [quote(column) for _, column in join.keys]
    conditions = [*(f"{name} IS NOT NULL" for name in names), *(f"({item})" for item in join.conditions)]
    listed = ", ".join(names)
    return (
        f"SELECT {listed}, count(*) AS copies\n"
        f"FROM {relation} AS {quote(join.right_alias)}\n"
        f"WHERE {' AND '.join(conditions)}\n"
        f"GROUP BY {listed}\n"
        f"HAVING count(*) > 1\n"
        f"ORDER BY copies DESC, {listed}\n"
        f"LIMIT {_LIMIT}"
    )


def _join(text: str, node: exp.Join, scopes: Scopes) -> Join | None:
    table = node.this
    dataset = dataset_of(table) if isinstance(table, exp.Table) else None
    words = [str(node.args.get(key) or "").upper() for key in ("method", "side", "kind")]
    if dataset is None or _NEVER_MULTIPLY & set(words) or "ASOF" in words or "POSITIONAL" in words:
        return None
    right = next((item for item in _around(node, scopes) if item.node is table), None)
    keys = [(name.name, name.name) for name in node.args.get("using") or ()]
    conditions: list[str] = []
    exact = True
    on = node.args.get("on")
    for part in operands(on) if isinstance(on, exp.And) else [on] if on is not None else []:
        key = _key(part, right, scopes) if right is not None else None
        if key is not None:
            keys.append(key)
        elif right is not None and _only(part, right, scopes):
            conditions.append(_bare(part))
        else:
            exact = False
    if not keys:
        return None
    where = place(text, start_of(table) or 0)
    return Join(
        right_dataset=dataset,
        right_alias=table.alias or table.name,
        kind=" ".join(word for word in words if word) or "INNER",
        keys=tuple(keys),
        line=where.line or 1,
        excerpt=where.excerpt or "",
        conditions=tuple(conditions),
        exact=exact,
    )


def _around(node: Expr, scopes: Scopes) -> Iterator[Source]:
    """The sources of the SELECT a join belongs to."""
    query = next(iter(scopes.outward(node)), None)
    yield from scopes.sources(query) if query is not None else ()


def _key(part: Expr, right: Source, scopes: Scopes) -> tuple[str, str] | None:
    """`left = right.column`, either way round."""
    part = part.unnest()
    if not isinstance(part, exp.EQ):
        return None
    for near, far in ((part.this, part.expression), (part.expression, part.this)):
        if isinstance(near, exp.Column) and _belongs(near, right, scopes) and not _mentions(far, right, scopes):
            return sql_of(far), near.name
    return None


def _belongs(column: exp.Column, right: Source, scopes: Scopes) -> bool:
    found = scopes.find(column)
    return found is not None and found.source is right and len(parts_of(column)) == found.used + 1


def _mentions(node: Expr, right: Source, scopes: Scopes) -> bool:
    return any(_belongs(column, right, scopes) for column in node.find_all(exp.Column))


def _only(part: Expr, right: Source, scopes: Scopes) -> bool:
    columns = list(part.find_all(exp.Column))
    plain = part.find(exp.Query, exp.Placeholder, exp.Parameter) is None
    return plain and bool(columns) and all(_belongs(column, right, scopes) for column in columns)


def _bare(part: Expr) -> str:
    """The predicate with its qualifiers taken off, so that it holds over the relation alone."""
    copy = part.copy()
    for column in list(copy.find_all(exp.Column)):
        for key in ("table", "db"):
            column.set(key, None)
    return sql_of(copy)
