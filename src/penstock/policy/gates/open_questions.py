"""The story leaves something open that only a person can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, listed, needs_person, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.stories import Question, Story
    from penstock.policy.facts import DiscoveryFacts

GATE = "open_questions"


def judge(facts: DiscoveryFacts) -> Verdict:
    """Wait while a question has no answer."""
    questions = facts.open_questions
    if not questions:
        return passed(GATE, "No question is open.")
    summary = f"{counted(len(questions), 'question')} without an answer: {listed(one.id for one in questions)}."
    return needs_person(GATE, summary, [_finding(question, facts.story) for question in questions])


def _finding(question: Question, story: Story) -> Finding:
    answer = question.suggestion or "..."
    return Finding(
        code=f"gate.{GATE}",
        message=f"{question.id}: {question.text}",
        place=Place(file=story.file, line=question.line),
        found=f"no answer for {question.path}",
        expected=question.expects,
        remedy=f'penstock change answer {story.id} {question.id} "{answer}"',
    )
