"""The plan does not say what will prove an acceptance criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.stories import Criterion, Story
    from penstock.policy.facts import DesignFacts

GATE = "unproved_criterion"


def judge(facts: DesignFacts) -> Verdict:
    """Refuse until every criterion of the story has its evidence in the plan."""
    criteria = facts.story.criteria
    if not criteria:
        return not_applicable(GATE, "The story has no acceptance criterion of its own.")
    missing = [criterion for criterion in criteria if not facts.evidence_of.get(criterion.id, "").strip()]
    total = counted(len(criteria), "criterion", "criteria")
    if not missing:
        return passed(GATE, f"{total} with evidence planned.")
    named = listed(criterion.id for criterion in missing)
    findings = [_finding(criterion, facts.story) for criterion in missing]
    return failed(GATE, f"{len(missing):,} of {total} without planned evidence: {named}.", findings)


def _finding(criterion: Criterion, story: Story) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"nothing in the plan will prove {criterion.id}: {criterion.text}",
        place=Place(file=story.file, line=story.lines.get(f"acceptance.{criterion.id}")),
        found="no evidence planned",
        expected="a query, a check or a test that will prove it",
        remedy=f"give {criterion.id} a `sql` under `acceptance` in {story.file}, and deliver again",
    )
