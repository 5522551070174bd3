"""An acceptance criterion does not say which rows would contradict it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, needs_person, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.stories import Criterion
    from penstock.policy.facts import DiscoveryFacts

GATE = "unmeasurable_criterion"


def judge(facts: DiscoveryFacts) -> Verdict:
    """Wait where a question asks how to measure a criterion; refuse where nothing asks and nothing measures."""
    criteria = facts.story.criteria
    if not criteria:
        return not_applicable(GATE, "The story has no acceptance criterion of its own.")
    vague = [criterion for criterion in criteria if not (criterion.sql or "").strip()]
    if not vague:
        return passed(GATE, f"{counted(len(criteria), 'acceptance criterion', 'acceptance criteria')} can be measured.")
    named = listed(criterion.id for criterion in vague)
    summary = f"{len(vague):,} of {counted(len(criteria), 'criterion', 'criteria')} cannot be measured: {named}."
    findings = [_finding(criterion, facts) for criterion in vague]
    asked = all(_question(criterion, facts) for criterion in vague)
    return needs_person(GATE, summary, findings) if asked else failed(GATE, summary, findings)


def _question(criterion: Criterion, facts: DiscoveryFacts) -> str | None:
    """The id of the open question that asks how to measure a criterion."""
    path = _path(criterion)
    return next((question.id for question in facts.open_questions if question.path == path), None)


def _path(criterion: Criterion) -> str:
    return f"acceptance.{criterion.id}.sql"


def _finding(criterion: Criterion, facts: DiscoveryFacts) -> Finding:
    story, question = facts.story, _question(criterion, facts)
    return Finding(
        code=f"gate.{GATE}",
        message=f"{criterion.id} cannot be measured: {criterion.text}",
        place=Place(file=story.file, line=story.lines.get(f"acceptance.{criterion.id}")),
        found="no sql",
        expected="one SELECT that returns the rows that contradict it, and none when it is met",
        remedy=f'penstock change answer {story.id} {question} "SELECT ..."'
        if question
        else f"write {_path(criterion)} in {story.file}",
    )
