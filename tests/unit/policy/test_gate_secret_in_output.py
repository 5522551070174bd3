"""What is recorded and what runs shows no secret, and no finding repeats one."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, implementation

from penstock.model.findings import Place, Severity
from penstock.policy.facts import Leak
from penstock.policy.gates.secret_in_output import judge

LEAK = Leak(where="`penstock check`", kind="an AWS access key", length=20, place=Place(excerpt="key: •••"))


def test_nothing_shown_passes() -> None:
    assert_passes(judge(implementation()))


def test_a_secret_that_is_shown_fails_by_what_shows_it() -> None:
    verdict = judge(implementation(leaks=(LEAK,)))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == "`penstock check` shows what looks like an AWS access key"
    assert verdict.findings[0].found == "an AWS access key of 20 characters"
    assert verdict.summary == "1 secret shown by `penstock check`."


def test_one_that_its_line_says_is_none_is_noted() -> None:
    noted = Leak(where="the query of a.b", kind="an API key", length=30, place=Place(file="a.sql", line=2), noted=True)
    verdict = judge(implementation(leaks=(noted,)))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]
