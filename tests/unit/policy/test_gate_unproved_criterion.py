"""The plan must say what will prove each criterion."""

from __future__ import annotations

import pytest
from policy_cases import assert_fails, assert_passes, criterion, design, story

from penstock.model.findings import Outcome
from penstock.policy.gates.unproved_criterion import judge

TWO = story(criteria=(criterion("A1"), criterion("A2")))


def test_criteria_with_planned_evidence_pass() -> None:
    verdict = judge(design(story=TWO, evidence_of={"A1": "its SQL", "A2": "a test"}))
    assert_passes(verdict)
    assert verdict.summary == "2 criteria with evidence planned."


@pytest.mark.parametrize("evidence", [{"A2": "a test"}, {"A1": " ", "A2": "a test"}])
def test_a_criterion_without_evidence_fails(evidence: dict[str, str]) -> None:
    verdict = judge(design(story=TWO, evidence_of=evidence))
    assert_fails(verdict, "")
    assert verdict.summary == "1 of 2 criteria without planned evidence: A1."
    assert verdict.findings[0].place.line == 20


def test_a_story_without_criteria_is_not_judged() -> None:
    assert judge(design()).outcome is Outcome.NOT_APPLICABLE
