"""What a dataset promises its readers: columns, keys, personal data, quality, SLA, retention."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.findings import Severity

if TYPE_CHECKING:
    from datetime import timedelta

MOST_QUARANTINED = Decimal("0.1")
"""The share of an attempt's rows that may be put aside where the contract does not say."""


class RuleKind(StrEnum):
    """What a check looks for."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    RANGE = "range"
    PATTERN = "pattern"
    LENGTH = "length"
    MISSING = "missing"
    """NULL, or one of the words that stand for it."""
    INVALID = "invalid"
    """Several of accepted values, range, pattern and length at once: a row offends that offends any."""
    SQL = "sql"
    ROW_COUNT = "row_count"
    RELATION = "relation"
    FRESHNESS = "freshness"
    VOLUME = "volume"
    DRIFT = "drift"


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

    def holds(self, number: Decimal) -> bool:
        """Whether a number is as it must be. The operands must be numbers.

        >>> Threshold(operator="mustBeLessThan", operands=(0.5,), percent=True).holds(Decimal("0.5"))
        False
        """
        first, *others = (Decimal(str(item)) for item in self.operands)
        last = others[0] if others else first
        return {
            "mustBe": number == first,
            "mustNotBe": number != first,
            "mustBeGreaterThan": number > first,
            "mustBeGreaterOrEqualTo": number >= first,
            "mustBeLessThan": number < first,
            "mustBeLessOrEqualTo": number <= first,
            "mustBeBetween": first <= number <= last,
            "mustNotBeBetween": not first <= number <= last,
        }[self.operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The earlier intervals that one is held against: the last `most`, if there are at least `fewest`.

    With `weekday` only those that begin on the same weekday and at the same hour count.
    """

    most: int = 8
    fewest: int = 4
    weekday: bool = False


class OnFailure(StrEnum):
    """What becomes of a row that offends a rule: its attempt fails, it is put aside, or its value is made NULL."""

    FAIL = "fail"
    QUARANTINE = "quarantine"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check on a dataset's rows.

    `columns` are those it looks at. `sql` rules hold a query that returns the offending rows, with `{table}` where
    the audited rows stand. `on_failure` is what the rule itself says becomes of offending rows; `contract.policies`
    says what holds where it says nothing. What else there is belongs to some kinds:
    - `values`, `low`, `high` and `pattern`; bounds are inclusive and written as SQL literals (numbers or ISO dates);
    - `shortest` and `longest`: characters of a text;
    - `threshold`: how many rows (or percent) may offend; none if left out;
    - `dataset` and `others`: where the values of `columns` must stand;
    - `age`: how old the newest value may be at the end of the interval;
    - `past`: which earlier intervals count; `limit`: how far from them, as a share of the usual rows (volume) or as the
      measure of `method`, "psi" or "ks" (drift).
    """

    kind: RuleKind
    columns: tuple[str, ...] = ()
    name: str = ""
    description: str = ""
    severity: Severity = Severity.ERROR
    values: tuple[str, ...] = ()
    low: str | None = None
    high: str | None = None
    pattern: str | None = None
    sql: str | None = None
    on_failure: OnFailure | None = field(default=None, repr=False)
    shortest: int | None = None
    longest: int | None = None
    threshold: Threshold | None = None
    dataset: str | None = None
    others: tuple[str, ...] = ()
    age: timedelta | None = None
    past: Past | None = None
    limit: float | None = None
    method: str | None = None
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """One column's promise. `type` is the DuckDB type; `personal` names the kind of personal data, if it is any.

    `formats` are the `strptime` forms in which a source's files write its dates or timestamps, if not as ISO 8601.
    `on_failure` is for the rules of this column that do not say it themselves. `not_personal` says that somebody looked
    and found it to be no personal data, whatever its name says.
    """

    name: str
    type: str
    description: str = ""
    required: bool = False
    key: bool = False
    personal: str | None = None
    formats: tuple[str, ...] = field(default=(), repr=False)
    on_failure: OnFailure | None = field(default=None, repr=False)
    not_personal: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One dataset's contract, as read from its ODCS file. `key` holds the columns that identify a row, if any do.

    `on_failure` is for the rules that neither say it themselves nor by their column; `max_quarantined` is the share of
    an attempt's rows that may be put aside. `retention` says for how long rows are kept, counted from the column
    `retention_column`, or from the interval's where it names none.
    """

    dataset: str
    file: str
    version: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    owner: str | None = None
    description: str = ""
    retention: str | None = None
    ready_by: str | None = None
    status: str = "active"
    on_failure: OnFailure = OnFailure.FAIL
    max_quarantined: Decimal = MOST_QUARANTINED
    retention_column: str | None = None

    @property
    def names_policies(self) -> bool:
        """Whether anything in it says that rows are put aside or values made NULL."""
        said = (self.on_failure, *(spec.on_failure for spec in self.columns), *(rule.on_failure for rule in self.rules))
        return any(one not in {None, OnFailure.FAIL} for one in said)

    @property
    def related(self) -> tuple[str, ...]:
        """The other datasets in which values of this one must stand, sorted."""
        return tuple(sorted({rule.dataset for rule in self.rules if rule.dataset and rule.dataset != self.dataset}))

    def column(self, name: str) -> ColumnSpec | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
