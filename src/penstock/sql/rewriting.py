"""The same query over other relations: each dataset replaced where it stands, the rest as its author wrote it.

The tree decides what is replaced; the edits are then made at the identifiers' own offsets, so that comments, layout and
the line numbers in an engine's messages stay true, and no generator comes between the text reviewed and what runs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.model.queries import over
from penstock.sql.identifiers import quote
from penstock.sql.query import parse_query, unknown_dataset
from penstock.sql.scopes import Scopes, Source, parts_of
from penstock.sql.syntax import read, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlglot.expressions import Expr

    from penstock.model.queries import Edit


def rewrite(text: str, tables: Mapping[str, str]) -> str:
    """The query over the relations `tables` gives (dataset to quoted SQL), under its alias or the dataset's name.

    Raises:
        InputError: the text is not one query, or reads a dataset that is not in `tables`.
    """
    edits = edits_of(text)
    missing = [(start, name) for start, _, name, _ in edits if name is not None and name not in tables]
    if missing:
        raise InputError(tuple(unknown_dataset(read(text), start, name, tables) for start, name in missing))
    return over(text, edits, tables)


def rewrite_adhoc(text: str, tables: Mapping[str, str]) -> str:
    """A person's own read-only query over the relations of known datasets.

    Raises:
        InputError: it is not one read-only SELECT, or reads what is not in `tables`; the nearest name is offered.
    """
    query = parse_query(text, "query", known=tables)
    return rewrite(query.text, tables)


@lru_cache(maxsize=2048)
def edits_of(text: str) -> tuple[Edit, ...]:
    """Where a query names datasets, and what has to stand there so that it means the same over other relations."""
    tree = tree_of(text)
    scopes = Scopes(tree)
    sources = [(source, query) for query in scopes.queries() for source in scopes.sources(query)]
    aliases = {
        id(source): _alias(source, query, sources, scopes)
        for source, query in sources
        if source.dataset is not None and not source.aliased
    }
    edits = [_table_edit(source, aliases.get(id(source))) for source, _ in sources if source.dataset is not None]
    for column in tree.find_all(exp.Column):
        edits.extend(_column_edits(column, scopes, aliases))
    return tuple(sorted(edits))


def _alias(source: Source, query: Expr, sources: list[tuple[Source, Expr]], scopes: Scopes) -> str:
    """The dataset's short name, or its whole name where a column could see another source that is called the same."""
    around = {id(outer) for outer in scopes.outward(query)}
    for other, place in sources:
        alike = other.name == source.name and other.dataset != source.dataset
        if alike and (id(place) in around or any(outer is query for outer in scopes.outward(place))):
            return quote(source.dataset or source.name)
    return quote(source.node.name)


def _table_edit(source: Source, alias: str | None) -> Edit:
    table = source.node
    start, end = _span(table.args["db"])[0], _span(table.this)[1]
    return start, end, source.dataset, f" AS {alias}" if alias else ""


def _column_edits(column: exp.Column, scopes: Scopes, aliases: dict[int, str]) -> Iterator[Edit]:
    """A qualifier that named the dataset by its pipeline, or by a name that is now another's, becomes the new alias."""
    found = scopes.find(column)
    alias = aliases.get(id(found.source)) if found is not None else None
    if found is None or alias is None:
        return
    parts = parts_of(column)
    if found.used == 2 or alias != quote(found.source.node.name):
        yield _span(parts[0])[0], _span(parts[found.used - 1])[1], None, alias


def _span(identifier: exp.Identifier) -> tuple[int, int]:
    return identifier.meta["start"], identifier.meta["end"] + 1
