"""A change waits until every question has an answer."""

from __future__ import annotations

from policy_cases import discovery, question

from penstock.model.findings import Outcome
from penstock.policy.gates.open_questions import judge


def test_no_question_lets_the_change_go_on() -> None:
    assert judge(discovery()).outcome is Outcome.PASS


def test_each_open_question_is_waited_for_and_says_how_it_is_answered() -> None:
    verdict = judge(discovery(open_questions=(question("Q1"), question("Q2", "owner", line=None))))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.summary == "2 questions without an answer: Q1, Q2."
    first, second = verdict.findings
    assert first.message == "Q1: By when must it be ready?"
    assert (first.place.file, first.place.line) == ("stories/RETAIL-2.md", 7)
    assert first.expected == "a local time"
    assert first.remedy == 'penstock change answer RETAIL-2 Q1 "..."'
    assert second.place.line is None


def test_a_likely_answer_is_put_into_the_command() -> None:
    verdict = judge(discovery(open_questions=(question(suggestion="06:30"),)))
    assert verdict.findings[0].remedy == 'penstock change answer RETAIL-2 Q1 "06:30"'
