"""An approval is for the bytes that were reviewed, and for no others."""

from __future__ import annotations

from policy_cases import OLDER_REVIEW, approval, assert_fails, assert_passes, deployment

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.stale_approval import judge

OLD = approval("cy", "k-cy", envelope_sha256=OLDER_REVIEW)


def test_an_approval_of_the_last_review_passes() -> None:
    verdict = judge(deployment(approval()))
    assert_passes(verdict)
    assert verdict.summary == "0 of 1 approval for another review; every file is as reviewed."


def test_an_approval_of_another_review_fails() -> None:
    verdict = judge(deployment(OLD))
    assert_fails(verdict, "")
    assert verdict.summary == "1 of 1 approval for another review; 0 files changed since it."
    assert (verdict.findings[0].found, verdict.findings[0].expected) == ("review bbbbbbbbbbbb", "review aaaaaaaaaaaa")


def test_fresh_approvals_replace_stale_ones() -> None:
    verdict = judge(deployment(OLD, approval()))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]


def test_too_few_fresh_approvals_replace_nothing() -> None:
    assert_fails(judge(deployment(OLD, approval(), needed=2)), "")


def test_an_approval_whose_signature_is_bad_can_be_no_stale_one() -> None:
    forged = approval("eve", "", envelope_sha256="", valid_signature=False)
    assert judge(deployment(forged)).outcome is Outcome.NOT_APPLICABLE


def test_a_file_changed_since_the_review_fails_whatever_was_approved() -> None:
    verdict = judge(deployment(approval(), changed_since_review=("plan.json", "a.sql")))
    assert_fails(verdict, "changed", "changed")
    assert [one.place.file for one in verdict.findings] == ["a.sql", "plan.json"]
    assert verdict.summary == "0 of 1 approval for another review; 2 files changed since it: a.sql, plan.json."


def test_without_approvals_and_changes_nothing_is_judged() -> None:
    assert judge(deployment()).outcome is Outcome.NOT_APPLICABLE
    assert_fails(judge(deployment(changed_since_review=("a.sql",))), "changed")


def test_rows_that_are_not_those_reviewed_stop_the_change() -> None:
    verdict = judge(deployment(approval(), changed_versions=("sales.daily_revenue",)))
    assert_fails(verdict, "data")
    assert verdict.findings[0].place.dataset == "sales.daily_revenue"
    assert "0 files and 1 version changed since it" in verdict.summary
