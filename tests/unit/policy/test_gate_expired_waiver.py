"""A waiver that no longer counts when the change goes live stops it."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, deployment

from penstock.model.findings import Outcome
from penstock.policy.facts import WaiverFacts
from penstock.policy.gates.expired_waiver import judge


def waiver(fault: str = "") -> WaiverFacts:
    return WaiverFacts(
        gate="weak_tests",
        findings=frozenset({"0" * 64}),
        by="bo",
        reason="tests follow",
        until="2026-12-31",
        sha256="e" * 64,
        fault=fault,
    )


def test_without_waivers_there_is_nothing_to_judge() -> None:
    assert judge(deployment()).outcome is Outcome.NOT_APPLICABLE


def test_a_waiver_in_force_passes() -> None:
    verdict = judge(deployment(waivers=(waiver(),)))
    assert_passes(verdict)
    assert verdict.summary == "1 of 1 waiver in force."


def test_a_waiver_that_ended_fails_and_says_whose_it_was() -> None:
    verdict = judge(deployment(waivers=(waiver(), waiver("it ended on 2026-12-31"))))
    assert_fails(verdict, "")
    assert verdict.summary.startswith("1 of 2 waivers in force")
    finding = verdict.findings[0]
    assert finding.message == "the waiver of weak_tests by bo does not count: it ended on 2026-12-31"
    assert finding.found == "waived until 2026-12-31: tests follow"
