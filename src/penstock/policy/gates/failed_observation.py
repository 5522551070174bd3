"""Production does not hold what was promised in an interval after the promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.verdicts import carried, counted, judged

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.budgets import Burn
    from penstock.policy.facts import ObservationFacts
    from penstock.quality.checks import CheckResult

GATE = "failed_observation"


def judge(facts: ObservationFacts) -> Verdict:
    """Fail, and so roll back, on a failed run or check of severity error, an objective not held, a spent budget."""
    run = carried(GATE, facts.run_findings)
    objectives = (*carried(GATE, facts.objectives), *(_spent(burn) for burn in facts.burns if burn.spent))
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


def _spent(burn: Burn) -> Finding:
    return Finding(
        code=f"gate.{GATE}.budget",
        message=f"the error budget of {burn.objective} is spent",
        found=burn.words,
        expected=f"at most {burn.share:.1%} over {counted(burn.intervals, 'interval')}",
        remedy="the change is rolled back; look at what burnt it, or give the window another budget in the story",
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
