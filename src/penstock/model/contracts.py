"""What a dataset promises its readers: columns, keys, personal data, quality, SLA, retention."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from penstock.model.findings import Severity


class RuleKind(StrEnum):
    """What a check looks for."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    RANGE = "range"
    PATTERN = "pattern"
    SQL = "sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check on a dataset's rows.

    `columns` are those it looks at. `sql` rules hold a query that returns the offending rows, with `{table}` where
    the audited rows stand. `values`, `low`, `high` and `pattern` belong to their kinds; bounds are inclusive and
    written as SQL literals (numbers or ISO dates as text).
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
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """One column's promise. `type` is the DuckDB type; `personal` names the kind of personal data, if it is any."""

    name: str
    type: str
    description: str = ""
    required: bool = False
    key: bool = False
    personal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One dataset's contract, as read from its ODCS file. `key` holds the columns that identify a row, if any do."""

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

    def column(self, name: str) -> ColumnSpec | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
