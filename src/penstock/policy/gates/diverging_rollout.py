"""An interval that was built beside production, or before chosen readers, is not what the story promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.movements import contradictions, outside
from penstock.policy.verdicts import carried, counted, failed, needs_person, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.policy.facts import RolloutFacts
    from penstock.policy.movements import Contradiction
    from penstock.quality.checks import CheckResult

GATE = "diverging_rollout"


def judge(facts: RolloutFacts) -> Verdict:
    """Refuse a failed run or check, an objective not held, and movement against production that was not declared.

    Where production itself cannot be built there is nothing to compare with, and a person has to look.
    """
    if blocking(facts.production_findings):
        findings = carried(GATE, facts.production_findings)
        return needs_person(GATE, f"{facts.interval} cannot be compared: production itself failed.", findings)
    moved = tuple(_moved(facts))
    findings = (
        *carried(GATE, facts.run_findings),
        *(_check(result, facts) for result in facts.checks if not result.passed),
        *carried(GATE, facts.objectives),
        *moved,
    )
    wrong = blocking(findings)
    compared = counted(len(facts.diffs), "dataset")
    if wrong:
        text = f"{facts.interval} failed: {counted(len(wrong), 'finding')}, {len(moved):,} against the declared impact."
        return failed(GATE, text, findings)
    held = sum(result.passed for result in facts.checks)
    summary = f"{facts.interval} held: {held:,} of {counted(len(facts.checks), 'check')}"
    return passed(GATE, f"{summary}, {compared} compared with production, as declared.", findings)


def _moved(facts: RolloutFacts) -> Iterator[Finding]:
    impact = facts.story.impact
    for diff in facts.diffs:
        yield from (_movement(one, facts) for one in contradictions(diff, impact.get(diff.dataset)))
    for diff in facts.outside:
        yield from (_movement(one, facts) for one in outside(diff, impact[diff.dataset]))


def _movement(one: Contradiction, facts: RolloutFacts) -> Finding:
    thing = f"{one.column} of {one.dataset}" if one.column else f"the row count of {one.dataset}"
    return Finding(
        code=f"gate.{GATE}.{one.fault}",
        message=f"with {facts.interval}, {thing} is not as the story declares it",
        place=Place(dataset=one.dataset, field=one.column),
        found=one.figures,
        expected=f"{one.declared}, as the story's impact has it",
        remedy="the change has gone back; look at those rows before it is delivered again",
    )


def _check(result: CheckResult, facts: RolloutFacts) -> Finding:
    rows = f"{result.failed_rows:,} of {result.total_rows:,} rows"
    return Finding(
        code=f"gate.{GATE}.check",
        message=f"the check `{result.name}` fails in {rows} of {facts.interval}",
        severity=result.severity,
        place=Place(field=result.column),
        found=f"{rows} ({result.id})",
        expected="no such row",
        remedy="the change has gone back; look at those rows before it is delivered again",
    )
