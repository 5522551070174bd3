"""What a dataset promises its readers: columns, keys, personal data, quality, SLA, retention."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from penstock.model.findings import Severity

MOST_QUARANTINED = Decimal("0.1")
"""The share of an attempt's rows that may be put aside where the contract does not say."""


class RuleKind(StrEnum):
    """What a check looks for."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    RANGE = "range"
    PATTERN = "pattern"
    SQL = "sql"


class OnFailure(StrEnum):
    """What becomes of a row that offends a rule: its attempt fails, it is put aside, or its value is made NULL."""

    FAIL = "fail"
    QUARANTINE = "quarantine"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check on a dataset's rows.

    `columns` are those it looks at. `sql` rules hold a query that returns the offending rows, with `{table}` where
    the audited rows stand. `values`, `low`, `high` and `pattern` belong to their kinds; bounds are inclusive and
    written as SQL literals (numbers or ISO dates as text). `on_failure` is what the rule itself says becomes of
    offending rows; `contract.policies` says what holds where it says nothing.
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
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """One column's promise. `type` is the DuckDB type; `personal` names the kind of personal data, if it is any.

    `formats` are the `strptime` forms in which a source's files write its dates or timestamps, if not as ISO 8601.
    `on_failure` is for the rules of this column that do not say it themselves.
    """

    name: str
    type: str
    description: str = ""
    required: bool = False
    key: bool = False
    personal: str | None = None
    formats: tuple[str, ...] = field(default=(), repr=False)
    on_failure: OnFailure | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One dataset's contract, as read from its ODCS file. `key` holds the columns that identify a row, if any do.

    `on_failure` is for the rules that neither say it themselves nor by their column; `max_quarantined` is the share of
    an attempt's rows that may be put aside.
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

    @property
    def names_policies(self) -> bool:
        """Whether anything in it says that rows are put aside or values made NULL."""
        said = (self.on_failure, *(spec.on_failure for spec in self.columns), *(rule.on_failure for rule in self.rules))
        return any(one not in {None, OnFailure.FAIL} for one in said)

    def column(self, name: str) -> ColumnSpec | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
