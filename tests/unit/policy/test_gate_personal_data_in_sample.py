"""Examples hold nobody's values."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, implementation

from penstock.model.findings import Finding, Outcome, Place, Severity
from penstock.policy.gates.personal_data_in_sample import judge

SAMPLE = Finding(
    code="personal.sample",
    message="tests/a.test.yaml:3 holds what looks like a value of persons (email)",
    severity=Severity.WARNING,
    place=Place(file="tests/a.test.yaml", line=3),
    found="j••@g••, email",
    expected="values that are made up",
    remedy="write such values instead",
)


def test_examples_without_values_of_persons_pass() -> None:
    assert_passes(judge(implementation()))


def test_a_value_that_looks_like_somebodys_fails() -> None:
    verdict = judge(implementation(samples=(SAMPLE,)))
    assert_fails(verdict, "")
    assert verdict.summary == "What looks like persons' values stands in 1 file: tests/a.test.yaml."


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
