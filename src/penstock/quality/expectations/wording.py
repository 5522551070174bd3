"""Each rule of a contract as the expectations of the same meaning, or the reason why there are none.

What must hold for them to mean the same, and so decides whether a rule has an equivalent:
- a NULL offends neither side but where it is what is looked for;
- `mostly` is a share of the values that are there, a percentage of ours one of all rows: the two are the same where
  the column must not be NULL;
- the engine behind is pandas, reading what DuckDB wrote: text patterns are Python's, comparisons those of Python.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import is_whole
from penstock.model.contracts import Rule, RuleKind, Threshold
from penstock.model.findings import Severity
from penstock.quality.expectations.equivalence import NoEquivalentError
from penstock.quality.expectations.expressing import python_pattern
from penstock.quality.expectations.literals import bound, value_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Expectation = dict[str, Any]
_OPTION = re.compile(r"SELECT \* FROM \{table\} WHERE \"(?:[^\"]|\"\")+\" (<=|>=) ('?)([^' ]+)\2")
_WHY = {
    RuleKind.SQL: "its SQL is DuckDB's, and pandas is asked no SQL",
    RuleKind.RELATION: "it looks into another dataset",
    RuleKind.FRESHNESS: "it depends on the end of the interval that is judged",
    RuleKind.VOLUME: "it depends on earlier intervals",
    RuleKind.DRIFT: "it depends on earlier intervals",
}


def expectations_of(rule: Rule, types: Mapping[str, str], present: frozenset[str]) -> tuple[Expectation, ...]:
    """The expectations that hold, all of them, exactly when the rule does. `present` are columns that are never NULL.

    Raises:
        NoEquivalentError: there are none.
    """
    if rule.kind in _WHY and (rule.kind is not RuleKind.SQL or not _OPTION.fullmatch(rule.sql or "")):
        raise NoEquivalentError(_WHY[rule.kind])
    if rule.kind is RuleKind.ROW_COUNT:
        return (_row_count(rule.threshold),)
    if rule.kind is RuleKind.UNIQUE:
        return (_unique(rule),)
    found = [one for name in rule.columns for one in _of_values(rule, name, types.get(name, "VARCHAR"))]
    share = _mostly(rule.threshold)
    if share is None:
        return tuple(found)
    if len(found) != 1:
        raise NoEquivalentError("a tolerance of several expectations together cannot be said")
    if rule.kind is not RuleKind.NOT_NULL and rule.columns[0] not in present:
        raise NoEquivalentError(
            f"its percentage is of all rows, `mostly` of the values that are there, and {rule.columns[0]} may be NULL"
        )
    (only,) = found
    return ({**only, "kwargs": {**only["kwargs"], "mostly": share}},)


def never_null(rules: tuple[Rule, ...]) -> frozenset[str]:
    """The columns that no row may have without a value."""
    strict = (rule for rule in rules if rule.severity is Severity.ERROR and rule.threshold is None)
    return frozenset(
        name for rule in strict if rule.kind in {RuleKind.NOT_NULL, RuleKind.MISSING} for name in rule.columns
    )


def _made(type_: str, **kwargs: Any) -> Expectation:
    return {"type": f"expect_{type_}", "kwargs": {key: value for key, value in kwargs.items() if value is not None}}


def _unique(rule: Rule) -> Expectation:
    if rule.threshold is not None:
        raise NoEquivalentError("it counts the rows that repeat another; there, all that share a key are counted")
    if len(rule.columns) == 1:
        return _made("column_values_to_be_unique", column=rule.columns[0])
    columns = list(rule.columns)
    return _made("compound_columns_to_be_unique", column_list=columns, ignore_row_if="any_value_is_missing")


def _of_values(rule: Rule, name: str, type_: str) -> Iterator[Expectation]:
    if rule.kind in {RuleKind.NOT_NULL, RuleKind.MISSING}:
        yield _made("column_values_to_not_be_null", column=name)
    if rule.kind is RuleKind.MISSING:
        if words := value_set(rule.values, type_, as_text=True):
            yield _made("column_values_to_not_be_in_set", column=name, value_set=words)
    elif rule.values:
        yield _made("column_values_to_be_in_set", column=name, value_set=value_set(rule.values, type_))
    if rule.pattern is not None:
        _read_as_text(type_)
        yield _made("column_values_to_match_regex", column=name, regex=python_pattern(rule.pattern))
    if rule.low is not None or rule.high is not None:
        low = None if rule.low is None else bound(rule.low, type_, low=True)
        high = None if rule.high is None else bound(rule.high, type_, low=False)
        yield _made("column_values_to_be_between", column=name, min_value=low, max_value=high)
    if rule.shortest is not None or rule.longest is not None:
        _read_as_text(type_)
        yield _made("column_value_lengths_to_be_between", column=name, min_value=rule.shortest, max_value=rule.longest)
    if rule.kind is RuleKind.SQL and (option := _OPTION.fullmatch(rule.sql or "")):
        yield _beyond(name, type_, option[3], low=option[1] == "<=")


def _beyond(name: str, type_: str, text: str, *, low: bool) -> Expectation:
    value = bound(text, type_, low=low, strict=True)
    words = {"min_value": value, "strict_min": True} if low else {"max_value": value, "strict_max": True}
    return _made("column_values_to_be_between", column=name, **words)


def _read_as_text(type_: str) -> None:
    if type_ != "VARCHAR" and not is_whole(type_):
        raise NoEquivalentError(f"{type_} values are other texts there")


def _mostly(threshold: Threshold | None) -> float | None:
    """The share that must be right; None where all must. Strictly less than a percentage is the next number up."""
    if threshold is None or threshold.allows_none:
        return None
    operands = [Decimal(str(item)) for item in threshold.operands]
    upper = threshold.operator in {"mustBeLessOrEqualTo", "mustBeLessThan"} or (
        threshold.operator == "mustBeBetween" and operands[0] <= 0
    )
    if not threshold.percent or not upper:
        raise NoEquivalentError(f"a tolerance is a share at most there, and this one is {threshold}")
    share = float(1 - operands[-1] / 100)
    if threshold.operator == "mustBeLessThan":
        share = math.nextafter(share, math.inf)
    if share > 1:
        raise NoEquivalentError(f"nothing can be right in more than all rows ({threshold})")
    return max(share, 0.0)


def _row_count(threshold: Threshold | None) -> Expectation:
    assert threshold is not None  # noqa: S101 - a row count without one promises nothing and is never read
    operator, numbers = threshold.operator, [Decimal(str(item)) for item in threshold.operands]
    low = high = None
    if operator in {"mustBe", "mustBeBetween"}:
        low, high = math.ceil(numbers[0]), math.floor(numbers[-1])
    elif operator == "mustBeGreaterThan":
        low = math.floor(numbers[0]) + 1
    elif operator == "mustBeGreaterOrEqualTo":
        low = math.ceil(numbers[0])
    elif operator == "mustBeLessThan":
        high = math.ceil(numbers[0]) - 1
    elif operator == "mustBeLessOrEqualTo":
        high = math.floor(numbers[0])
    if (low, high) == (None, None) or (low is not None and high is not None and low > high) or (high or 0) < 0:
        raise NoEquivalentError(f"a number of rows that {threshold} cannot be said")
    return _made("table_row_count_to_be_between", min_value=low, max_value=high)
