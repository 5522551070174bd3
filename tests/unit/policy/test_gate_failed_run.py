"""A shadow run that fails stops the change."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, diff, finding, review

from penstock.model.findings import Severity
from penstock.policy.gates.failed_run import judge


def test_a_run_without_findings_passes() -> None:
    verdict = judge(review(diffs=(diff(),), new_datasets=("sales.products",)))
    assert_passes(verdict)
    assert verdict.summary == "The shadow run built 2 changed datasets with 0 remarks."


def test_each_error_of_the_run_fails() -> None:
    verdict = judge(review(run_findings=(finding("run.failed"), finding("run.slow", Severity.WARNING))))
    assert_fails(verdict, "run.failed", "run.slow")
    assert verdict.summary == "The shadow run failed with 1 error."


def test_warnings_alone_do_not_block() -> None:
    assert_passes(judge(review(run_findings=(finding("run.slow", Severity.WARNING),))))
