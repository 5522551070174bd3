"""From which columns a query's columns come, and which columns decide what rows there are.

Invariants: each part of the tree is walked once (a recursive CTE until nothing is added); what cannot be told apart is
taken together, so a reference may be named without need and is never left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.sql.derivation import Derivation
from penstock.sql.relations import ColumnRef
from penstock.sql.syntax import read, tree_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ColumnRef", "Lineage", "column_lineage", "named_lineage", "output_columns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Per output column the columns its value is made from, and those that decide which rows there are; both sorted."""

    columns: Mapping[str, tuple[ColumnRef, ...]]
    rows: tuple[ColumnRef, ...]


def column_lineage(text: str, schema: Mapping[str, tuple[str, ...]]) -> Lineage:
    """The lineage of a query; `schema` maps each dataset it reads to its columns.

    A dataset missing from `schema` is taken to have every column asked of it. An output column without a name stands
    under its own SQL.

    Raises:
        InputError: the text is not one query, a column is in none of its sources, or `*` stands for unknown columns.
    """
    return _lineage_of(_derive(text, schema))


def output_columns(text: str, schema: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names of a query's columns, in order.

    Raises:
        InputError: as `column_lineage`; and a column has no name of its own, or two share one.
    """
    return tuple(named_lineage(text, schema).columns)


def named_lineage(text: str, schema: Mapping[str, tuple[str, ...]]) -> Lineage:
    """The lineage of a query each of whose columns has a name of its own, in order.

    Raises:
        InputError: as `output_columns`.
    """
    derivation = _derive(text, schema)
    findings: list[Finding] = []
    seen: set[str] = set()
    for column in derivation.result.columns:
        if not column.named:
            findings.append(_unnamed(text, column.name, column.offset))
        elif column.name.lower() in seen:
            findings.append(_twice(text, column.name, column.offset))
        seen.add(column.name.lower())
    if findings:
        raise InputError(tuple(findings))
    return _lineage_of(derivation)


def _lineage_of(derivation: Derivation) -> Lineage:
    relation = derivation.result
    columns = {column.name: tuple(sorted(column.refs)) for column in relation.merged()}
    return Lineage(columns=MappingProxyType(columns), rows=tuple(sorted(relation.rows)))


def _derive(text: str, schema: Mapping[str, tuple[str, ...]]) -> Derivation:
    derivation = Derivation(read(text), tree_of(text), schema)
    if derivation.result.opaque is not None:
        derivation.findings.append(_decided_by_data(text))
    if derivation.findings:
        raise InputError(tuple(derivation.findings))
    return derivation


def _unnamed(text: str, sql: str, offset: int) -> Finding:
    return Finding(
        code="sql.unnamed_column",
        message=f"the column {sql} has no name of its own",
        place=read(text).place(offset),
        found=sql,
        expected="every column of the result named",
        remedy="add AS and a name",
    )


def _twice(text: str, name: str, offset: int) -> Finding:
    return Finding(
        code="sql.duplicate_column",
        message=f"two columns are named {name}",
        place=read(text).place(offset),
        found=name,
        expected="each name once",
        remedy="rename one with AS, or leave it out with EXCLUDE",
    )


def _decided_by_data(text: str) -> Finding:
    return Finding(
        code="sql.columns_unknown",
        message="which columns there are depends on the data",
        place=read(text).place(0),
        found="* over a PIVOT or a function",
        expected="columns that are known before the query runs",
        remedy="name the columns instead of *, or write the PIVOT as aggregates with FILTER",
    )
