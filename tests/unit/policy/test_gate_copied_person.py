"""Data tests hold nobody's rows."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, finding, review

from penstock.model.findings import Finding, Outcome, Place
from penstock.policy.gates.copied_person import judge

COPIED = Finding(
    code="personal.copied_row",
    message="the case 'one' of crm.people holds a row of a person whom the real data has",
    place=Place(file="tests/crm.people.test.yaml", line=3),
    found="equal values in crm.people.name, crm.people.born_on",
    expected="persons that are made up",
)


def test_tests_without_rows_of_real_persons_pass() -> None:
    assert_passes(judge(review()))


def test_a_row_that_the_data_has_fails_with_its_columns() -> None:
    verdict = judge(review(copied=(COPIED,)))
    assert_fails(verdict, "personal.copied_row")
    assert verdict.summary == "1 case of data tests with rows of real persons, in tests/crm.people.test.yaml."


def test_a_shadow_run_that_failed_is_not_judged() -> None:
    assert judge(review(run_findings=(finding(),))).outcome is Outcome.NOT_APPLICABLE
