"""The columns a SELECT makes: named ones, and those that stand behind `*` and COLUMNS."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.findings import Finding
from penstock.sql.relations import NONE, TracedColumn
from penstock.sql.scopes import parts_of
from penstock.sql.syntax import sql_of, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

    from penstock.sql.derivation import Derivation
    from penstock.sql.frames import Frame


def project(derivation: Derivation, select: exp.Select, frame: Frame) -> tuple[TracedColumn, ...]:
    """The columns of a SELECT in order; names given on the way can be used by those that follow."""
    columns: list[TracedColumn] = []
    for item in select.expressions:
        made = list(_columns(derivation, item, frame))
        for column in made:
            if column.named:
                frame.projected.setdefault(column.name.lower(), column.refs)
        columns.extend(made)
    return tuple(columns)


def is_starred(item: Expr) -> bool:
    """Whether a projection stands for as many columns as its sources have."""
    item = item.this if isinstance(item, exp.Like | exp.ILike | exp.Glob | exp.Not) else item
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _columns(derivation: Derivation, item: Expr, frame: Frame) -> Iterator[TracedColumn]:
    offset = start_of(item) or 0
    if is_starred(item):
        yield from _behind_star(derivation, item, frame)
        return
    pattern = _columns_call(item)
    if pattern is not None:
        listed = (
            _behind_star(derivation, pattern.this, frame) if is_starred(pattern.this) else _all(derivation, item, frame)
        )
        matching = [column for column in listed if _matches(pattern.this, column.name)]
        direct = item is pattern
        refs = derivation.refs(item, frame)
        for column in matching:
            shown = column.name if direct else f"{sql_of(item)} of {column.name}"
            yield replace(column, name=shown, named=direct, refs=column.refs if direct else refs)
        return
    name = name_of(item)
    refs = derivation.refs(item, frame)
    yield TracedColumn(name=name or sql_of(item), refs=refs, named=name is not None, offset=offset)


def name_of(item: Expr) -> str | None:
    """The name a projection gives its column, unless the engine makes one up from the expression."""
    if isinstance(item, exp.Alias | exp.Subquery):
        return item.alias or None
    if isinstance(item, exp.Column):
        return item.name
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Identifier):
        return item.expression.name
    return name_of(item.this) if isinstance(item, exp.Paren) else None


def _columns_call(item: Expr) -> exp.Columns | None:
    return item if isinstance(item, exp.Columns) else item.find(exp.Columns)


def _matches(pattern: Expr, name: str) -> bool:
    """Whether COLUMNS(pattern) takes a column. A pattern Python cannot read, or a lambda, takes it."""
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return True
    try:
        return re.search(pattern.name, name) is not None
    except re.error:
        return True


def _behind_star(derivation: Derivation, item: Expr, frame: Frame) -> Iterator[TracedColumn]:
    """The columns of `*`, `t.*` and `* LIKE 'x%'`, after EXCLUDE, REPLACE and RENAME."""
    column = item.find(exp.Column) if not isinstance(item, exp.Column | exp.Star) else item
    column = column if isinstance(column, exp.Column) and isinstance(column.this, exp.Star) else None
    words = [part.name.lower() for part in parts_of(column)] if column is not None else []
    star = item if isinstance(item, exp.Star) else item.find(exp.Star)
    listed = list(_all(derivation, item, frame, words))
    if not isinstance(star, exp.Star):
        yield from listed
        return
    excluded = {node.name.lower() for node in star.args.get("except_") or ()}
    replaced = {node.alias.lower(): node.this for node in star.args.get("replace") or ()}
    renamed = {node.this.name.lower(): node.alias for node in star.args.get("rename") or ()}
    for traced in listed:
        key = traced.name.lower()
        if key in excluded:
            continue
        refs = derivation.refs(replaced[key], frame) if key in replaced else traced.refs
        yield replace(traced, name=renamed.get(key, traced.name), refs=refs)


def _all(derivation: Derivation, item: Expr, frame: Frame, words: list[str] | None = None) -> Iterator[TracedColumn]:
    members = [member for member in frame.members if not member.hidden]
    if words:
        full = ".".join(words)
        members = [
            member for member in members if member.name == words[-1] and (len(words) == 1 or member.dataset == full)
        ]
        if not members:
            derivation.findings.append(_unlisted(derivation, item, ".".join(words)))
    for member in members:
        if member.relation.open_dataset is not None:
            derivation.findings.append(_unlisted(derivation, item, member.relation.open_dataset))
        for column in member.relation.columns:
            key = column.name.lower()
            if words or key not in member.folded:
                refs = column.refs | (frame.merged.get(key, NONE) if not words else NONE)
                yield replace(column, refs=refs, offset=start_of(item) or 0)


def _unlisted(derivation: Derivation, item: Expr, name: str) -> Finding:
    return Finding(
        code="sql.columns_unknown",
        message=f"what * stands for cannot be told: the columns of {name} are not known",
        place=derivation.syntax.place(start_of(item) or 0),
        found=sql_of(item),
        expected=f"the columns of {name}, or each column by name",
        remedy=f"name the columns, or give {name} a contract that lists them",
    )
