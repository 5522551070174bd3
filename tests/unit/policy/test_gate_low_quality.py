"""Checks of severity error must all hold, and the score must reach policy."""

from __future__ import annotations

from decimal import Decimal

from policy_cases import REVENUE, assert_fails, assert_passes, check, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.low_quality import judge

WARNED = check(passed=False, severity=Severity.WARNING)


def test_checks_that_hold_pass() -> None:
    verdict = judge(review())
    assert_passes(verdict)
    assert verdict.summary == "1 of 1 check hold, score 100%; policy asks for 95%."


def test_a_failed_error_check_fails_even_at_a_full_score() -> None:
    verdict = judge(review(checks={REVENUE: (check(), check(passed=False))}))
    assert_fails(verdict, "check")
    found = verdict.findings[0]
    assert found.message == f"the check `country is never NULL` fails on {REVENUE} in 3 of 1,200 rows"
    assert (found.place.dataset, found.place.field) == (REVENUE, "country")
    assert found.place.file == "pipelines/sales/daily_revenue.sql"


def test_a_failed_warning_is_shown_and_does_not_block() -> None:
    verdict = judge(review(checks={REVENUE: (WARNED,)}))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.WARNING]


def test_the_score_must_reach_policy() -> None:
    assert_passes(judge(review(checks={REVENUE: (WARNED,)}, score=Decimal(95))))
    verdict = judge(review(checks={REVENUE: (WARNED,)}, score=Decimal("94.99")))
    assert_fails(verdict, "check", "score")
    assert verdict.findings[1].found == "94.99%"
    assert verdict.summary == "0 of 1 check hold, score 94.99% of the 95% of policy; 0 failures of severity error."


def test_where_no_check_was_run_nothing_is_judged() -> None:
    assert judge(review(checks={REVENUE: ()})).outcome is Outcome.NOT_APPLICABLE
