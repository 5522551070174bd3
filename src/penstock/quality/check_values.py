"""Checks, the queries that judge them, and what came of it: values alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.quality.setting import PLAIN, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.contracts import Rule
    from penstock.model.findings import Severity
    from penstock.quality.setting import Profile

ROWS = "rows"
"""The id of the scan that checks share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule to be judged. `id` is stable: kind, columns, and a number where those repeat.

    `predicate` is true for offending rows (row-level rules only). `measures` are the numbers of the shared scan that
    it is judged by. `shown` are the contract's columns, of which `masked` hold personal data. `type` is that of the
    column it is about, if it is exactly one.
    """

    id: str
    name: str
    description: str
    rule: Rule
    predicate: str | None = None
    measures: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    type: str = ""

    @property
    def column(self) -> str | None:
        """The column it is about, if it is about exactly one."""
        return self.rule.columns[0] if len(self.rule.columns) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckQuery:
    """A query that returns exactly one row: for `ROWS` the plan's measures in order, for a check's id one number."""

    id: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """What to run on a relation to judge a contract's checks."""

    dataset: str
    relation: str
    checks: tuple[Check, ...]
    measures: tuple[str, ...]
    queries: tuple[CheckQuery, ...]
    setting: Setting = PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check found.

    `failed_rows` are the rows that offend, also when a threshold allows so many; of a unique check those that repeat an
    earlier one, of a check of the whole 1 if it fails. `found` is what was measured where that is no number of rows.
    What could not be judged yet passes, and counts nothing in a score.
    """

    id: str
    name: str
    column: str | None
    severity: Severity
    failed_rows: int
    total_rows: int
    passed: bool
    message: str
    found: str = ""
    judged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the checks found, and what later intervals will be held against; None if no check asks for that."""

    results: tuple[CheckResult, ...] = ()
    profile: Profile | None = None
    measures: Mapping[str, object] = field(default_factory=dict)
