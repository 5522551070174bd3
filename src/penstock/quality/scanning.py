"""The SQL of checks: what each asks of the one scan that they share, and the queries of those that need their own.

Counting by `count_if` is what makes sharing pay: DuckDB takes a filter beside every aggregate nine times as long.
"""

from __future__ import annotations

import re
from datetime import UTC
from itertools import pairwise
from typing import TYPE_CHECKING

from penstock.contract.predicates import ROW_KINDS, row_predicate
from penstock.model.contracts import RuleKind
from penstock.quality.drift import DECILES, LONGEST_VALUE, MOST_VALUES
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.model.contracts import Rule
    from penstock.quality.setting import Setting

ALL = "count(*)"
_PLAIN_SELECT = re.compile(r"SELECT \* FROM \{table\}\s+WHERE\s+(.*)", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_MORE = re.compile(
    r"--|/\*|;|[{}$\\]|\b(select|group|having|union|intersect|except|limit|offset|qualify|window|order|using|from)\b",
    re.IGNORECASE,
)


def predicate_of(rule: Rule, types: Mapping[str, str]) -> str | None:
    """What is true of the rows that offend a rule on single rows; None for other rules."""
    if rule.kind in ROW_KINDS:
        return row_predicate(rule, [types.get(name, "VARCHAR") for name in rule.columns])
    if rule.kind is RuleKind.SQL and (condition := plain_condition(rule.sql or "")):
        return f"({condition}) IS TRUE"
    return None


def plain_condition(sql: str) -> str | None:
    """The condition of a query that is nothing but rows of the table that meet one; None if it is anything else.

    >>> plain_condition("SELECT * FROM {table} WHERE x < 0")
    'x < 0'
    >>> plain_condition("SELECT * FROM {table} WHERE x IN (SELECT y FROM z)")
    """
    found = _PLAIN_SELECT.fullmatch(sql.strip())
    if found is None:
        return None
    bare = _QUOTED.sub(" ", found[1])
    return None if _MORE.search(bare) or "'" in bare or '"' in bare or not _closed(bare) else found[1].strip()


def _closed(sql: str) -> bool:
    depth = 0
    for character in sql:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def offenders(rule: Rule, predicate: str) -> str:
    """How many rows a predicate is true of, as a number of the shared scan."""
    if rule.kind is RuleKind.NOT_NULL and len(rule.columns) == 1:
        return f"{ALL} - count({quote(rule.columns[0])})"
    return f"count_if({predicate})"


def present(rule: Rule) -> str:
    """How many rows have all columns of a rule."""
    names = [quote(column) for column in rule.columns]
    if len(names) == 1:
        return f"count({names[0]})"
    return f"count_if({' AND '.join(f'{name} IS NOT NULL' for name in names)})"


def newest(rule: Rule, type_: str, until: datetime) -> str:
    """The newest value of a time column that is not after a moment, as a timestamp in UTC."""
    column, moment = quote(rule.columns[0]), literal(until.astimezone(UTC).replace(tzinfo=None))
    value = column if type_.startswith("TIMESTAMP") and "ZONE" not in type_ else f"CAST({column} AS TIMESTAMP)"
    return f"max(CASE WHEN {value} <= {moment} THEN {value} END)"


def distinct_keys(rule: Rule, relation: str) -> str:
    """How many different keys there are; keys with a NULL in them do not count.

    One query for each key: in one pass over several, by grouping sets, DuckDB takes twice as long as one after another.
    """
    names = [quote(column) for column in rule.columns]
    whole = " AND ".join(f"{name} IS NOT NULL" for name in names)
    return f"SELECT count(*) FROM (SELECT DISTINCT {', '.join(names)} FROM {relation} WHERE {whole}) AS keys"


def unrelated(rule: Rule, relation: str, other: str) -> str:
    """FROM and WHERE of the rows whose values stand nowhere in another relation; a NULL refers to nothing."""
    pairs = list(zip(rule.columns, rule.others, strict=True))
    whole = " AND ".join(f"here.{quote(column)} IS NOT NULL" for column in rule.columns)
    same = " AND ".join(f"there.{quote(theirs)} = here.{quote(ours)}" for ours, theirs in pairs)
    found = f"NOT EXISTS (SELECT 1 FROM {other} AS there WHERE {same})"
    return f"FROM {relation} AS here WHERE {whole} AND {found}"


def spans_query(setting: Setting, relation: str) -> str:
    """The rows of each interval of a slice that has several."""
    start = f"CAST(date_trunc({literal(str(setting.grain))}, {quote(setting.column)}) AS TIMESTAMP)"
    return f"SELECT {start} AS start, count(*) AS n FROM {relation} GROUP BY 1"


# -- distributions ----------------------------------------------------------------------------------------------------


def bins(column: str, type_: str, edges: Sequence[str], *, ordered: bool) -> tuple[str, ...]:
    """Of each bin how many rows lie up to its edge, or have its value; then how many have any value."""
    name, sign = quote(column), "<=" if ordered else "="
    return (*(f"count_if({name} {sign} {_value(edge, type_)})" for edge in edges), f"count({name})")


def counts_of(numbers: Sequence[int], total: int, *, ordered: bool) -> tuple[int, ...]:
    """The rows in each bin, of the rest and without a value, of what `bins` asked for."""
    *counted, any_ = numbers
    if ordered:
        up_to = [0, *counted, any_]
        inner = [after - before for before, after in pairwise(up_to)]
    else:
        inner = [*counted, any_ - sum(counted)]
    return (*inner, total - any_)


def deciles_query(columns: Sequence[str], relation: str) -> str:
    """The deciles of columns of numbers, as lists of text."""
    parts = [f"quantile_disc({quote(name)}, {list(DECILES)})::VARCHAR[]" for name in columns]
    return f"SELECT {', '.join(parts)} FROM {relation}"


def values_query(column: str, relation: str) -> str:
    """The most frequent values of a column, as text."""
    name = f"CAST({quote(column)} AS VARCHAR)"
    return (
        f"SELECT {name} AS value, count(*) AS n FROM {relation} WHERE length({name}) <= {LONGEST_VALUE} "
        f"GROUP BY 1 ORDER BY n DESC, value LIMIT {MOST_VALUES}"
    )


def _value(text: str, type_: str) -> str:
    return f"CAST({literal(text)} AS {type_})"
