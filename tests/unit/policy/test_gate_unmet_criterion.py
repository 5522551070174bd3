"""Every acceptance criterion, of this story and of those that still stand, holds on the shadow data."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, criterion, met, review, story

from penstock.model.findings import Outcome
from penstock.policy.gates.unmet_criterion import judge

OWN = criterion("A1")
EARLIER = criterion("A1", story="RETAIL-1")


def test_criteria_that_no_row_contradicts_pass() -> None:
    verdict = judge(review(story=story(criteria=(OWN,), standing=(EARLIER,)), criteria=(met(OWN), met(EARLIER))))
    assert_passes(verdict)
    assert verdict.summary == "2 criteria measured on the shadow data, all met."


def test_a_criterion_that_rows_contradict_fails_with_their_number_and_examples() -> None:
    rows = ("day=1", "day=2", "day=3", "day=4")
    verdict = judge(review(story=story(criteria=(OWN,)), criteria=(met(OWN, 1200, rows),)))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == "RETAIL-2.A1 is not met: A1 holds."
    assert verdict.findings[0].found == "1,200 rows contradicting it, for instance day=1; day=2; day=3"
    assert verdict.findings[0].place.line == 20
    assert verdict.summary == "1 unmet and 0 unmeasured of 1 criterion: RETAIL-2.A1."


def test_a_criterion_without_examples_says_only_how_many() -> None:
    assert judge(review(criteria=(met(OWN, 1),))).findings[0].found == "1 row contradicting it"


def test_an_earlier_story_s_criterion_is_not_placed_in_this_story() -> None:
    verdict = judge(review(criteria=(met(EARLIER, 1),)))
    assert verdict.findings[0].place.file is None


def test_a_criterion_that_was_not_measured_fails() -> None:
    verdict = judge(review(story=story(criteria=(OWN, criterion("A2"))), criteria=(met(OWN),)))
    assert_fails(verdict, "unmeasured")
    assert verdict.summary == "0 unmet and 1 unmeasured of 2 criteria: RETAIL-2.A2."


def test_an_earlier_criterion_of_the_same_number_is_another_one() -> None:
    verdict = judge(review(story=story(criteria=(OWN,), standing=(EARLIER,)), criteria=(met(OWN),)))
    assert_fails(verdict, "unmeasured")
    assert verdict.findings[0].message == "RETAIL-1.A1 was not measured: A1 holds."


def test_without_criteria_nothing_is_judged() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
