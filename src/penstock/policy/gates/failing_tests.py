"""A unit test on data fails on the branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.verdicts import carried, counted, judged

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import CommandFacts, ImplementationFacts

GATE = "failing_tests"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse while the recorded test run did not end well."""
    tests = facts.tests
    findings = carried(GATE, tests.findings)
    if not blocking(findings) and tests.exit_code != 0:
        findings = (*findings, _ended(tests, facts.story.id))
    cases = len(facts.project.tests) if facts.project else 0
    return judged(
        GATE,
        findings,
        good=f"{counted(cases, 'test')} of the project hold (output {tests.chunk}).",
        bad=f"The tests ended with {tests.exit_code} and {counted(len(blocking(findings)), 'fault')}"
        f" (output {tests.chunk}).",
    )


def _ended(tests: CommandFacts, change: str) -> Finding:
    command = " ".join(tests.argv)
    return Finding(
        code=f"gate.{GATE}",
        message=f"`{command}` ended with {tests.exit_code}",
        place=Place(file=f"chunk {tests.chunk}"),
        found=f"exit code {tests.exit_code}",
        expected="0",
        remedy=f"penstock change show {change} --chunk {tests.chunk}",
    )
