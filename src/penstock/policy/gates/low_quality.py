"""Checks of the contracts fail on the shadow data, or too few of them hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.policy.verdicts import counted, judged, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts
    from penstock.quality.checks import CheckResult

GATE = "low_quality"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a failed check of severity error, or a score below policy."""
    results = [(dataset, result) for dataset, checks in sorted(facts.checks.items()) for result in checks]
    if not results:
        return not_applicable(GATE, "No check was run.")
    failures = [(dataset, result) for dataset, result in results if not result.passed]
    findings = tuple(_finding(dataset, result, facts) for dataset, result in failures)
    if facts.score < facts.policy.quality_score:
        findings = (*findings, _score(facts))
    held = f"{len(results) - len(failures):,} of {counted(len(results), 'check')} hold, score {facts.score}%"
    errors = sum(1 for _, result in failures if result.severity is Severity.ERROR)
    return judged(
        GATE,
        findings,
        good=f"{held}; policy asks for {facts.policy.quality_score}%.",
        bad=f"{held} of the {facts.policy.quality_score}% of policy; {counted(errors, 'failure')} of severity error.",
    )


def _finding(dataset: str, result: CheckResult, facts: ReviewFacts) -> Finding:
    rows = f"{result.failed_rows:,} of {result.total_rows:,} rows"
    return Finding(
        code=f"gate.{GATE}.check",
        message=f"the check `{result.name}` fails on {dataset} in {rows}",
        severity=result.severity,
        place=Place(file=facts.files.get(dataset), dataset=dataset, field=result.column),
        found=f"{rows} ({result.id})",
        expected="no such row",
        remedy="look at those rows, then mend the query, keep such rows out, or change the promise in the contract",
    )


def _score(facts: ReviewFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}.score",
        message=f"the quality score is {facts.score}%",
        found=f"{facts.score}%",
        expected=f"{facts.policy.quality_score}% or more (`policy.quality_score`)",
        remedy="make the checks named above hold",
    )
