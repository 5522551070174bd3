"""ODCS checks that compare one number with a threshold, as queries that return a row only when it is missed.

Every check of the standard thus becomes a query for offending rows: either the rows themselves, where none is
allowed, or one row holding the number that was not as it must be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.contract.predicates import literal, quoted

_COUNT = re.compile(r"\s*SELECT\s+count\(\s*\*\s*\)\s+FROM\b(.*)", re.IGNORECASE | re.DOTALL)
_WRAPPED = re.compile(r"SELECT count\(\*\) FROM \(\n(.*)\n\) AS offending", re.DOTALL)
_SKIPPED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_SETS = re.compile(
    r"\b(group|having|union|intersect|except|limit|offset|qualify|order|using\s+sample)\b", re.IGNORECASE
)
OPERATORS = {
    "mustBe": "= {}",
    "mustNotBe": "<> {}",
    "mustBeGreaterThan": "> {}",
    "mustBeGreaterOrEqualTo": ">= {}",
    "mustBeLessThan": "< {}",
    "mustBeLessOrEqualTo": "<= {}",
    "mustBeBetween": "BETWEEN {} AND {}",
    "mustNotBeBetween": "NOT BETWEEN {} AND {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What a measured number must be: one of the standard's operators with its operands, of rows or of percent."""

    operator: str
    operands: tuple[int | float | bool | str, ...]
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.operator}: {', '.join(str(item) for item in self.operands)}{' %' if self.percent else ''}"

    @property
    def allows_none(self) -> bool:
        """Whether it says of a count, in whatever words, that it must be zero."""
        if self.operator in {"mustBe", "mustBeLessOrEqualTo"}:
            return self.operands == (0,)
        return self.operator == "mustBeLessThan" and self.operands == (1,) and not self.percent

    @property
    def condition(self) -> str:
        """The SQL condition on `value`."""
        texts = [literal(item) if isinstance(item, str) else str(item).lower() for item in self.operands]
        return f"value {OPERATORS[self.operator].format(*texts)}"


def missed(number: str, threshold: Threshold) -> str:
    """A query that returns the number (a scalar SQL query) in one row if it is not as it must be, else no row."""
    return f"SELECT value FROM (SELECT (\n{number}\n) AS value) AS measured WHERE ({threshold.condition}) IS NOT TRUE"


def counted(predicate: str, threshold: Threshold) -> str:
    """A query that returns how many (or what percent of) rows satisfy a predicate, if that is not as it must be."""
    count = f"count(*) FILTER (WHERE {predicate})"
    share = f"coalesce(100.0 * {count} / nullif(count(*), 0), 0)"
    return missed(f"SELECT {share if threshold.percent else count} FROM {{table}}", threshold)


def repeated(columns: tuple[str, ...], threshold: Threshold) -> str:
    """A query that returns how many rows repeat earlier ones in `columns`, if that is not as it must be."""
    names = [quoted(column) for column in columns]
    whole = f"FILTER (WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)})"
    count = f"count(*) {whole} - count(DISTINCT ({', '.join(names)})) {whole}"
    share = f"coalesce(100.0 * ({count}) / nullif(count(*), 0), 0)"
    return missed(f"SELECT {share if threshold.percent else count} FROM {{table}}", threshold)


def offending_rows(query: str, threshold: Threshold) -> str:
    """The query for offending rows behind an ODCS SQL check, which by the standard returns one number.

    >>> offending_rows("SELECT count(*) FROM {table} WHERE x < 0", Threshold(operator="mustBe", operands=(0,)))
    'SELECT * FROM {table} WHERE x < 0'
    """
    query = query.rstrip().rstrip(";").rstrip()
    if threshold.allows_none:
        wrapped = _WRAPPED.fullmatch(query)
        if wrapped and _closed(wrapped[1]):
            return wrapped[1]
        count = _COUNT.fullmatch(query)
        if count and not _SETS.search(_outermost(count[1])):
            return f"SELECT * FROM{count[1]}"
    return missed(query, threshold)


def count_of(rows: str) -> str:
    """The ODCS SQL check for a query of offending rows: how many there are."""
    return f"SELECT count(*) FROM (\n{rows}\n) AS offending"


def _closed(sql: str) -> bool:
    """Whether every parenthesis closes one that was opened before it."""
    depth = 0
    for character in _SKIPPED.sub("", sql):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _outermost(sql: str) -> str:
    """`sql` without quoted text, comments, and whatever stands in parentheses."""
    text = _SKIPPED.sub(" ", sql)
    while (shorter := re.sub(r"\([^()]*\)", " ", text)) != text:
        text = shorter
    return text
