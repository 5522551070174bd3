"""The branch must hold a project that can be read and that lint finds nothing wrong with."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, command, finding, implementation

from penstock.model.findings import Severity
from penstock.policy.gates.broken_project import judge


def test_a_sound_project_passes() -> None:
    verdict = judge(implementation())
    assert_passes(verdict)
    assert verdict.summary == "1 dataset without a fault (output 0123456789ab)."


def test_each_finding_of_lint_fails() -> None:
    faults = (finding("project.cycle"), finding("sql.unknown_column"))
    verdict = judge(implementation(lint=command("check", exit_code=1, findings=faults)))
    assert_fails(verdict, "project.cycle", "sql.unknown_column")


def test_lint_that_ends_badly_without_a_finding_fails_and_names_its_output() -> None:
    verdict = judge(implementation(lint=command("check", exit_code=5)))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == "`penstock check` ended with 5"
    assert verdict.findings[0].found == "exit code 5"
    assert verdict.findings[0].remedy == "penstock change show RETAIL-2 --chunk 0123456789ab"


def test_lint_that_ends_badly_with_mere_warnings_fails() -> None:
    warned = command("check", exit_code=5, findings=(finding("sql.style", Severity.WARNING),))
    assert_fails(judge(implementation(lint=warned)), "sql.style", "")


def test_warnings_alone_do_not_block() -> None:
    warned = command("check", findings=(finding("sql.style", Severity.WARNING),))
    assert_passes(judge(implementation(lint=warned)))


def test_a_project_that_cannot_be_read_fails_whatever_lint_says() -> None:
    verdict = judge(implementation(project=None))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == "the project cannot be read"
    assert verdict.findings[0].found == "no model of the project"
