"""The unit tests on data must hold on the branch."""

from __future__ import annotations

from dataclasses import replace

from policy_cases import assert_fails, assert_passes, command, finding, implementation, project

from penstock.model.datatests import DataTest
from penstock.model.findings import Severity
from penstock.policy.gates.failing_tests import judge


def test_a_green_run_passes() -> None:
    case = DataTest(dataset="sales.x", name="x", file="tests/x.test.yaml", line=3, given={}, expect=())
    verdict = judge(implementation(project=replace(project(), tests=(case, case))))
    assert_passes(verdict)
    assert verdict.summary == "2 tests of the project hold (output 0123456789ab)."


def test_each_failing_test_fails() -> None:
    verdict = judge(implementation(tests=command("test", exit_code=1, findings=(finding("command.test"),))))
    assert_fails(verdict, "command.test")
    assert verdict.summary == "The tests ended with 1 and 1 fault (output 0123456789ab)."


def test_a_run_that_ends_badly_without_a_finding_fails() -> None:
    verdict = judge(implementation(tests=command("test", exit_code=3)))
    assert_fails(verdict, "")
    assert verdict.findings[0].found == "exit code 3"


def test_a_run_that_ends_badly_with_mere_warnings_fails() -> None:
    warned = command("test", exit_code=1, findings=(finding("test.slow", Severity.WARNING),))
    assert_fails(judge(implementation(tests=warned)), "test.slow", "")


def test_lint_is_no_matter_of_the_tests() -> None:
    assert_passes(judge(implementation(lint=command("check", exit_code=1))))


def test_a_project_that_cannot_be_read_still_has_its_test_run_judged() -> None:
    assert_fails(judge(implementation(project=None, tests=command("test", exit_code=2))), "")
