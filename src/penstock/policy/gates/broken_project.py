"""The project does not hold together on the branch: it cannot be read, or its lint fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.verdicts import carried, counted, judged

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "broken_project"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a branch whose files make no sound project."""
    findings = carried(GATE, facts.lint.findings)
    if not blocking(findings) and (facts.lint.exit_code != 0 or facts.project is None):
        findings = (*findings, _unsound(facts))
    datasets = len(facts.project.datasets) if facts.project else 0
    return judged(
        GATE,
        findings,
        good=f"{counted(datasets, 'dataset')} without a fault (output {facts.lint.chunk}).",
        bad=f"{counted(len(blocking(findings)), 'fault')} in the project (output {facts.lint.chunk}).",
    )


def _unsound(facts: ImplementationFacts) -> Finding:
    lint, unread = facts.lint, facts.project is None
    command = " ".join(lint.argv)
    return Finding(
        code=f"gate.{GATE}",
        message="the project cannot be read" if unread else f"`{command}` ended with {lint.exit_code}",
        place=Place(file=f"chunk {lint.chunk}"),
        found="no model of the project" if unread else f"exit code {lint.exit_code}",
        expected=f"`{command}` to end with 0",
        remedy=f"penstock change show {facts.story.id} --chunk {lint.chunk}",
    )
