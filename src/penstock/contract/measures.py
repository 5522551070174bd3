"""ODCS SQL checks, which compare one number with a threshold, as queries that return a row only when it is missed.

Each thus becomes a query for offending rows: either the rows themselves, where none is allowed, or one row holding the
number that was not as it must be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.contract.predicates import literal

if TYPE_CHECKING:
    from penstock.model.contracts import Threshold

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


def condition(threshold: Threshold) -> str:
    """The SQL condition on `value`."""
    texts = [literal(item) if isinstance(item, str) else str(item).lower() for item in threshold.operands]
    return f"value {OPERATORS[threshold.operator].format(*texts)}"


def missed(number: str, threshold: Threshold) -> str:
    """A query that returns the number (a scalar SQL query) in one row if it is not as it must be, else no row."""
    return f"SELECT value FROM (SELECT (\n{number}\n) AS value) AS measured WHERE ({condition(threshold)}) IS NOT TRUE"


def offending_rows(query: str, threshold: Threshold) -> str:
    """The query for offending rows behind an ODCS SQL check, which by the standard returns one number.

    >>> from penstock.model.contracts import Threshold
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
