"""Production does not hold what was promised in an interval after the promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.verdicts import carried, counted, judged

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ObservationFacts
    from penstock.quality.checks import CheckResult

GATE = "failed_observation"


def judge(facts: ObservationFacts) -> Verdict:
    """Fail, and so roll back, on a failed run, a failed check of severity error, or an objective not held."""
    run, objectives = carried(GATE, facts.run_findings), carried(GATE, facts.objectives)
    checks = tuple(_finding(result, facts.interval) for result in facts.checks if not result.passed)
    errors = [counted(len(blocking(group)), word) for group, word in ((run, "error"), (checks, "failed check"))]
    held = counted(len(facts.checks) - len(checks), "check")
    return judged(
        GATE,
        (*run, *checks, *objectives),
        good=f"{facts.interval} held: {held} of {len(facts.checks):,} and every objective.",
        bad=f"{facts.interval} failed: {', '.join(errors)} of {len(facts.checks):,},"
        f" {counted(len(blocking(objectives)), 'objective')} not held.",
    )


def _finding(result: CheckResult, interval: str) -> Finding:
    rows = f"{result.failed_rows:,} of {result.total_rows:,} rows"
    return Finding(
        code=f"gate.{GATE}.check",
        message=f"the check `{result.name}` fails in {rows} of {interval}",
        severity=result.severity,
        place=Place(field=result.column),
        found=f"{rows} ({result.id})",
        expected="no such row",
        remedy="the change is rolled back; look at those rows before it is delivered again",
    )
