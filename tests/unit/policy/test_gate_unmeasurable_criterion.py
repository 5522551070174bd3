"""A criterion that no query measures proves nothing."""

from __future__ import annotations

import pytest
from policy_cases import assert_fails, criterion, discovery, question, story

from penstock.model.findings import Outcome
from penstock.policy.gates.unmeasurable_criterion import judge


def test_criteria_with_queries_pass() -> None:
    verdict = judge(discovery(story=story(criteria=(criterion(), criterion("A2")))))
    assert verdict.outcome is Outcome.PASS
    assert verdict.summary == "2 acceptance criteria can be measured."


def test_a_story_without_criteria_is_not_judged() -> None:
    assert judge(discovery()).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("sql", [None, "", "  \n"])
def test_a_criterion_without_query_that_nothing_asks_about_fails(sql: str | None) -> None:
    verdict = judge(discovery(story=story(criteria=(criterion("A1", sql), criterion("A2")))))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.line == 20
    assert verdict.findings[0].remedy == "write acceptance.A1.sql in stories/RETAIL-2.md"


def test_a_criterion_that_a_question_asks_about_is_waited_for() -> None:
    asked = (question("Q3", "acceptance.A1.sql"),)
    verdict = judge(discovery(story=story(criteria=(criterion("A1", None),)), open_questions=asked))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.findings[0].remedy == 'penstock change answer RETAIL-2 Q3 "SELECT ..."'


def test_one_unasked_criterion_among_asked_ones_still_fails() -> None:
    vague = story(criteria=(criterion("A1", None), criterion("A2", None)))
    assert_fails(judge(discovery(story=vague, open_questions=(question("Q1", "acceptance.A1.sql"),))), "", "")
