"""Personal data is kept for a time that somebody said, and for no longer than before unless the story says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from policy_cases import REVENUE, assert_fails, assert_passes, codes, contract, dataset, implementation, project, story

from penstock.model.contracts import ColumnSpec
from penstock.model.findings import Outcome, Severity
from penstock.model.pipelines import Materialization
from penstock.policy.gates.missing_retention import judge

if TYPE_CHECKING:
    from penstock.model.pipelines import Project

EMAIL = (ColumnSpec(name="email", type="VARCHAR", personal="email"),)


def keeping(retention: str | None, *, personal: bool = True, **changes: Any) -> Project:
    columns: dict[str, Any] = {"columns": EMAIL} if personal else {}
    return project(dataset(contract=contract(retention=retention, **columns), **changes))


def test_personal_data_with_a_retention_passes() -> None:
    verdict = judge(implementation(base=None, project=keeping("90 days")))
    assert_passes(verdict)
    assert verdict.findings == ()


def test_new_personal_data_without_a_retention_fails() -> None:
    verdict = judge(implementation(base=None, project=keeping(None)))
    assert_fails(verdict, "absent")
    assert verdict.findings[0].place.file == f"contracts/{REVENUE}.odcs.yaml"


def test_other_data_without_a_retention_is_a_note() -> None:
    verdict = judge(implementation(base=None, project=keeping(None, personal=False)))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]


def test_personal_data_that_never_had_one_is_a_note_until_more_is_made() -> None:
    verdict = judge(implementation(base=keeping(None), project=keeping(None)))
    assert_passes(verdict)
    assert codes(verdict) == ["gate.missing_retention.absent"]
    assert_fails(judge(implementation(base=keeping(None, personal=False), project=keeping(None))), "absent")


def test_a_retention_that_is_taken_away_fails() -> None:
    verdict = judge(implementation(base=keeping("90 days"), project=keeping(None)))
    assert_fails(verdict, "absent")
    assert verdict.findings[0].expected == "90 days"


@pytest.mark.parametrize("after", ["91 days", "1 year", "for ever"])
def test_a_longer_one_fails_undeclared(after: str) -> None:
    facts = {"base": keeping("90 days"), "project": keeping(after)}
    assert_fails(judge(implementation(**facts)), "longer")
    assert_passes(judge(implementation(**facts, story=story(own={"retention": after}))))
    other = story(own={"retention": after}, pipeline="finance")
    assert_fails(judge(implementation(**facts, story=other)), "longer")


def test_a_longer_one_of_other_data_and_a_shorter_one_pass() -> None:
    longer = implementation(base=keeping("90 days", personal=False), project=keeping("1 year", personal=False))
    assert_passes(judge(longer))
    assert_passes(judge(implementation(base=keeping("90 days"), project=keeping("12 weeks"))))


def test_a_view_keeps_no_rows() -> None:
    facts = implementation(base=None, project=keeping(None, materialization=Materialization.VIEW))
    assert judge(facts).outcome is Outcome.NOT_APPLICABLE


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
