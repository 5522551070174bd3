"""A DuckDB query as Postgres is asked it: names resolved, types known, and whatever was not looked at refused.

Invariants: the query is read and bound by DuckDB's rules alone, with every column of every relation given; what is
written has the columns' names and types that DuckDB gives them; text sorts by its bytes; parameters stay parameters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.sql.carrying import carry, folded
from penstock.sql.identifiers import quote
from penstock.sql.masking import in_plain_words
from penstock.sql.portable import assume_intervals, judge
from penstock.sql.postgres_types import COLLATION, LONGEST_NAME, to_postgres_type
from penstock.sql.syntax import place, read, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.portable import Refusal

Columns = tuple[tuple[str, str], ...]
"""Names and DuckDB types, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresQuery:
    """A query for Postgres. `params` are the names of what is bound as $1, $2, …; `columns` are what it returns."""

    text: str
    params: tuple[str, ...]
    columns: Columns


def relations_of(text: str) -> tuple[tuple[str, str], ...]:
    """Schema and name of every stored relation that a query reads, each once.

    Raises:
        InputError: it is not one query.
    """
    tables = (node for node in tree_of(text).find_all(exp.Table) if node.db)
    return tuple(dict.fromkeys((node.db, node.name) for node in tables))


def physical(name: str) -> str:
    """A relation's name as Postgres keeps it: one that it would cut off ends in a digest instead."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    start = name.encode()[: LONGEST_NAME - 17].decode(errors="ignore")
    return f"{start}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def refuse_foreign(text: str) -> None:
    """Look at a query before anything runs, as far as that goes without its columns.

    Raises:
        InputError: it holds what Postgres would not answer as DuckDB does; everything of it at once.
    """
    _refuse(text, judge(in_plain_words(tree_of(text).copy()), typed=False))


def to_postgres(
    text: str,
    relations: Mapping[tuple[str, str], Columns],
    columns: Columns,
    kinds: Mapping[str, str] | None = None,
    *,
    named: bool = True,
) -> PostgresQuery:
    """The query for Postgres. `columns` are what DuckDB says it returns, `kinds` the types of bound parameters.

    Without `named`, its columns are told apart by their places alone: enough for rows that are only to be read.

    Raises:
        InputError: it is not one query, or holds what Postgres would not answer as DuckDB does.
    """
    refuse_foreign(text)
    tree = _resolved(text, relations)
    _refuse(text, judge(tree, typed=True))
    names = _output_names(text, tree, columns)
    params = tuple(dict.fromkeys(node.name for node in tree.find_all(exp.Placeholder)))
    try:
        written = carry(tree, _names_of(relations), params, kinds or {}).sql(dialect="postgres", comments=False)
    except SqlglotError as error:
        raise InputError(_unreadable(text, str(error))) from error
    casts = ", ".join(_cast(inner, *column, named=named) for inner, column in zip(names, columns, strict=True))
    return PostgresQuery(text=f"SELECT {casts} FROM (\n{written}\n) AS made", params=params, columns=columns)


def _cast(inner: str, name: str, type_: str, *, named: bool) -> str:
    target = to_postgres_type(type_, name)
    collated = f" COLLATE {quote(COLLATION)}" if target == "text" else ""
    value = f"CAST(made.{quote(inner)} AS {target}){collated}"
    if not named:
        return value
    if len(name.encode()) > LONGEST_NAME:
        raise InputError(_too_long(name))
    return f"{value} AS {quote(name)}"


def _resolved(text: str, relations: Mapping[tuple[str, str], Columns]) -> Expr:
    """A tree of one's own in which every column names its source, without stars, with types."""
    nested: dict[str, object] = {
        schema: {name: dict(columns) for (space, name), columns in relations.items() if space == schema}
        for schema, _ in relations
    }
    tree = in_plain_words(tree_of(text).copy())
    _type_numbers(tree)
    for node in reversed(list(tree.find_all(exp.Div))):  # whatever is divided
        node.replace(exp.cast(node.copy(), "DOUBLE", dialect="duckdb"))
    try:
        known = MappingSchema(nested, dialect="duckdb")
        tree = qualify(tree, schema=known, dialect="duckdb")
        tree = annotate_types(tree, schema=known, dialect="duckdb")
        assume_intervals(tree)
        return annotate_types(tree, schema=known, dialect="duckdb")
    except (SqlglotError, TypeError, ValueError) as error:  # some names, such as "$1", it takes for something else
        raise InputError(_unreadable(text, str(error).split(" Line:")[0])) from error
    except RecursionError as error:
        raise InputError(_unreadable(text, "it is nested too deeply")) from error


def _type_numbers(tree: Expr) -> None:
    """Numbers with a point are decimals and those with an exponent doubles; Postgres takes both for decimals."""
    for node in list(tree.find_all(exp.Literal)):
        if node.is_string or node.is_int:
            continue
        if "e" in node.name.lower():
            node.replace(exp.cast(node.copy(), "DOUBLE", dialect="duckdb"))
        else:
            whole, _, part = node.name.partition(".")
            width = max(len(whole.lstrip("0")) + len(part), len(part) + 1)
            node.replace(exp.cast(node.copy(), f"DECIMAL({width}, {len(part)})", dialect="duckdb"))


def _output_names(text: str, tree: Expr, columns: Columns) -> list[str]:
    """What the query's columns are called within it, one for each that DuckDB returns."""
    names = [item.alias_or_name for item in tree.selects] if isinstance(tree, exp.Query) else []
    own = [name for name in names if not name.startswith("_col_")]
    twice = sorted({name for name in own if own.count(name) > 1})
    if twice:
        found = f"several columns of one name ({', '.join(twice)})"
        raise InputError(_refusal(place(text, 0), found, "give each its own name"))
    if len(names) != len(columns):
        raise InputError(_unreadable(text, "its columns are not known"))
    return names


def _names_of(relations: Mapping[tuple[str, str], Columns]) -> dict[tuple[str, str], tuple[str, Sequence[str]]]:
    """Resolved names are lower case; relations are found, and their columns called, as they are kept."""
    return {
        (folded(schema), folded(name)): (physical(name), tuple(column for column, _ in columns))
        for (schema, name), columns in relations.items()
    }


def _refuse(text: str, refusals: Iterable[Refusal]) -> None:
    findings = []
    for node, what, instead in refusals:
        assert isinstance(node, exp.Expr)  # noqa: S101 - of a tree
        start = next((at for outer in (node, *_around(node)) if (at := start_of(outer)) is not None), 0)
        findings.append(_refusal(place(text, start), what, instead))
    if findings:
        raise InputError(tuple(dict.fromkeys(findings)))


def _around(node: Expr) -> Iterable[Expr]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _refusal(where: Place, what: str, instead: str) -> Finding:
    return Finding(
        code="sql.not_portable",
        message=f"{what} is not carried to a warehouse in Postgres",
        place=where,
        found=what,
        expected="SQL that DuckDB and Postgres answer alike",
        remedy=instead,
    )


def _unreadable(text: str, said: str) -> Finding:
    return _refusal(place(text, 0) if read(text).tree is not None else Place(), f"this query ({said})", "simplify it")


def _too_long(name: str) -> Finding:
    return Finding(
        code="warehouse.long_name",
        message=f"the column {name[:40]}… has a name of {len(name.encode())} bytes",
        found=name,
        expected=f"at most {LONGEST_NAME} bytes, which is all that Postgres keeps",
        remedy="give it a shorter name in the task",
    )
