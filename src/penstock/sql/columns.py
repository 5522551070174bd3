"""The meaning of a query by column: what decides its rows, and what each column's values are made of.

Invariant: two queries whose rows have one digest make as many rows, and columns of one digest hold the same values row
by row, if the columns they read do. Whatever cannot be told apart stands for the whole query.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.queries import Form, QueryForms
from penstock.sql.fingerprint import digest
from penstock.sql.lineage import named_lineage
from penstock.sql.masking import masks_in
from penstock.sql.plain import has_star, is_plain
from penstock.sql.pruning import Pruning
from penstock.sql.query import parse_query
from penstock.sql.syntax import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.sql.lineage import ColumnRef


MOST_WORK = 500_000
"""Tokens times columns beyond which a query stands as a whole: telling it apart would take seconds."""


def query_forms(text: str, schema: Mapping[str, tuple[str, ...]]) -> QueryForms | None:
    """The forms of a query; `schema` maps the datasets it reads to their columns, those that are known.

    None if its columns cannot be told apart: it is not plain (`sql/plain.py`), has `*` over unknown columns or two
    columns of one name, a function that gives something else each time, or is too large.
    """
    syntax = read(text)
    if syntax.tree is None or parse_query(text, "").warnings or not is_plain(syntax):
        return None
    pruning = Pruning(text)
    # what `*` stands for, and where it puts it, is told by the columns that there are
    stars = json.dumps(sorted(schema.items())) if has_star(syntax.tree) else ""
    try:
        lineage = named_lineage(text, schema)
        if len(syntax.tokens) * len(lineage.columns) > MOST_WORK:
            return None
        rows = _form(pruning.keeping(()), lineage.rows, stars)
        columns = {
            name.lower(): _form(pruning.keeping((name.lower(),)), (*refs, *lineage.rows), stars)
            for name, refs in lineage.columns.items()
        }
    except InputError:
        return None
    if rows is None or any(form is None for form in columns.values()):
        return None
    return QueryForms(rows=rows, columns={name: form for name, form in columns.items() if form is not None})


def _form(part: str | None, refs: Iterable[ColumnRef], stars: str) -> Form | None:
    if part is None:
        return None
    meaning = hashlib.sha256(f"{digest(part)} {stars}".encode()).hexdigest()[:32]
    reads = tuple(sorted({(ref.dataset, ref.column.lower()) for ref in refs}))
    return Form(digest=meaning, reads=reads, masks=masks_in(part))
