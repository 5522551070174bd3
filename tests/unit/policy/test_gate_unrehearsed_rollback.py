"""Promotion and rollback were tried, and readers saw the same before and after."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, diff, review

from penstock.model.findings import Severity
from penstock.policy.facts import Rehearsal
from penstock.policy.gates.unrehearsed_rollback import judge


def rehearsal(before: str, promoted: str, after: str) -> Rehearsal:
    return Rehearsal(before=before, promoted=promoted, after=after, promote_ms=12, rollback_ms=9)


def test_a_rollback_that_restores_passes() -> None:
    verdict = judge(review(diffs=(diff(),)))
    assert_passes(verdict)
    assert verdict.findings == ()
    assert verdict.summary == (
        "Rehearsed: promoted in 12 ms and rolled back in 9 ms; readers see digest 111111111111 again."
    )


def test_no_rehearsal_fails() -> None:
    assert_fails(judge(review(rehearsal=None)), "missing")


def test_a_rollback_that_restores_something_else_fails() -> None:
    verdict = judge(review(rehearsal=rehearsal("1" * 64, "2" * 64, "3" * 64)))
    assert_fails(verdict, "not_restored")
    assert (verdict.findings[0].found, verdict.findings[0].expected) == ("digest 333333333333", "digest 111111111111")


def test_digests_are_compared_whole() -> None:
    assert_fails(judge(review(rehearsal=rehearsal("1" * 64, "2" * 64, "1" * 63 + "2"))), "not_restored")


def test_a_promotion_without_effect_is_noted_where_versions_moved() -> None:
    still = rehearsal("1" * 64, "1" * 64, "1" * 64)
    for moved in ({"diffs": (diff(),)}, {"new_datasets": ("sales.products",)}):
        verdict = judge(review(rehearsal=still, **moved))
        assert_passes(verdict)
        assert [(one.code, one.severity) for one in verdict.findings] == [
            ("gate.unrehearsed_rollback.no_effect", Severity.NOTE)
        ]


def test_a_promotion_without_effect_is_as_it_should_be_where_nothing_moved() -> None:
    assert judge(review(rehearsal=rehearsal("1" * 64, "1" * 64, "1" * 64))).findings == ()
