"""The meaning of a query by column: what decides its rows, and what each column's values are made of.

Invariant: two queries whose rows have one digest make as many rows, and columns of one digest hold the same values row
by row, if the columns they read do. Whatever cannot be told apart stands for the whole query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.model.queries import Form, QueryForms
from penstock.sql.fingerprint import digest
from penstock.sql.lineage import named_lineage
from penstock.sql.pruning import Pruning
from penstock.sql.query import parse_query
from penstock.sql.syntax import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.sql.lineage import ColumnRef


def query_forms(text: str, schema: Mapping[str, tuple[str, ...]]) -> QueryForms | None:
    """The forms of a query; `schema` maps the datasets it reads to their columns, those that are known.

    None if its columns cannot be told apart: `*` over unknown columns, two of one name, a limit or a sample that picks
    rows, a function that gives something else each time.
    """
    if parse_query(text, "").warnings or tree_of(text).find(exp.Limit, exp.Offset, exp.Fetch) is not None:
        return None
    try:
        lineage = named_lineage(text, schema)
    except InputError:
        return None
    whole, pruning = digest(text), Pruning(text)

    def form(keep: tuple[str, ...], refs: Iterable[ColumnRef]) -> Form:
        part = pruning.keeping(keep)
        sources = refs if part is not None else {ref for found in lineage.columns.values() for ref in found}
        reads = {(ref.dataset, ref.column.lower()) for ref in (*sources, *lineage.rows)}
        return Form(digest=whole if part is None else digest(part), reads=tuple(sorted(reads)))

    columns = {name.lower(): form((name.lower(),), lineage.columns[name]) for name in lineage.columns}
    return QueryForms(rows=form((), ()), columns=columns)
