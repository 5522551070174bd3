"""What checks found, as the ledger keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.quality.check_values import CheckResult

PASSED, FAILED, UNJUDGED = "passed", "failed", "unjudged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check found in one audit; `rows` offend, `found` is what was measured where that is no row count."""

    check: str
    severity: Severity
    state: str
    rows: int
    found: str = ""


def results_text(results: Iterable[CheckResult]) -> str:
    """Results as JSON, a row each; nothing of nothing."""
    rows = [
        [one.id, str(one.severity), _state(one), one.failed_rows, one.found] if one.found else
        [one.id, str(one.severity), _state(one), one.failed_rows]
        for one in results
    ]  # fmt: skip
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False) if rows else ""


def read_results(text: object) -> tuple[Outcome, ...]:
    """What `results_text` wrote."""
    rows = json.loads(str(text)) if text else ()
    return tuple(
        Outcome(check=check, severity=Severity(severity), state=state, rows=int(count), found=more[0] if more else "")
        for check, severity, state, count, *more in rows
    )


def _state(result: CheckResult) -> str:
    if not result.judged:
        return UNJUDGED
    return PASSED if result.passed else FAILED
