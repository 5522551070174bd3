"""A finding was waived for a time, and that time is over before the change goes live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding
from penstock.policy.verdicts import counted, judged, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import DeploymentFacts, WaiverFacts

GATE = "expired_waiver"


def judge(facts: DeploymentFacts) -> Verdict:
    """Refuse a change that passed on waivers of which one no longer counts."""
    if not facts.waivers:
        return not_applicable(GATE, "Nothing is waived.")
    ended = [waiver for waiver in facts.waivers if waiver.fault]
    said = f"{len(facts.waivers) - len(ended):,} of {counted(len(facts.waivers), 'waiver')} in force"
    findings = tuple(_finding(waiver, facts.story.id) for waiver in ended)
    return judged(GATE, findings, good=f"{said}.", bad=f"{said}; the findings of the others stand again.")


def _finding(waiver: WaiverFacts, change: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"the waiver of {waiver.gate} by {waiver.by or 'nobody known'} does not count: {waiver.fault}",
        found=f"waived until {waiver.until}: {waiver.reason}",
        expected="a waiver that is in force when the change goes live, or no such finding",
        remedy=f"clear what {waiver.gate} found and deliver the story of {change} again, or have it waived anew then",
    )
