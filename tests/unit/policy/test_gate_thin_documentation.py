"""Enough datasets and columns have a description."""

from __future__ import annotations

from decimal import Decimal

from policy_cases import assert_fails, assert_passes, implementation

from penstock.model.findings import Outcome
from penstock.policy.gates.thin_documentation import judge
from penstock.policy.rules import Policy


def test_exactly_what_policy_asks_for_passes() -> None:
    verdict = judge(implementation(documented=90, documentable=100))
    assert_passes(verdict)
    assert verdict.summary == "90 of 100 datasets and columns have a description (90.0%); policy asks for 90%."


def test_a_little_less_fails() -> None:
    verdict = judge(implementation(documented=8_999, documentable=10_000))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == "1,001 datasets and columns have no description"


def test_the_threshold_is_the_project_s_policy() -> None:
    assert_passes(judge(implementation(policy=Policy(documentation=Decimal(50)), documented=5, documentable=10)))
    assert_fails(judge(implementation(policy=Policy(documentation=Decimal(100)), documented=9, documentable=10)), "")


def test_where_nothing_can_be_described_nothing_is_judged() -> None:
    assert judge(implementation(documented=0, documentable=0)).outcome is Outcome.NOT_APPLICABLE
