"""A pipeline that would be late too often is refused, unless production is no better today."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from policy_cases import assert_fails, assert_passes, finding, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.facts import Readiness
from penstock.policy.gates.missed_sla import judge
from penstock.policy.rules import Policy


def ready(late: int, *, intervals: int = 90, worst: timedelta | None = timedelta(hours=1)) -> Readiness:
    first = "2026-11-24" if late else ""
    return Readiness(
        pipeline="sales", ready_by="06:30 UTC", intervals=intervals, late=late, first_late=first, worst=worst
    )


def test_in_time_passes_with_the_share() -> None:
    judged = judge(review(readiness=(ready(0),)))
    assert_passes(judged)
    assert judged.summary == "Played through 90 intervals to come: in time sales 100 %."


def test_late_too_often_fails_with_the_first_and_the_worst() -> None:
    judged = judge(review(readiness=(ready(90),)))
    assert_fails(judged, "")
    assert judged.findings[0].found == "90 of 90 intervals late, the first 2026-11-24, by up to 60 min; a run takes 0 s"
    never = judge(review(readiness=(ready(2, worst=None),))).findings[0]
    assert "would never come" in str(never.found)


def test_how_often_is_policy() -> None:
    assert_fails(judge(review(readiness=(ready(1),))), "")
    assert_passes(judge(review(policy=Policy(availability=Decimal(98)), readiness=(ready(1),))))


def test_what_is_as_late_today_is_a_note_and_what_becomes_worse_is_not() -> None:
    judged = judge(review(readiness=(ready(10),), readiness_before={"sales": ready(10)}))
    assert_passes(judged)
    assert [one.severity for one in judged.findings] == [Severity.NOTE]
    assert_fails(judge(review(readiness=(ready(10),), readiness_before={"sales": ready(9)})), "")


def test_it_is_not_applicable_without_a_promise_or_after_a_failed_run() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    assert judge(review(readiness=(ready(0),), run_findings=(finding(),))).outcome is Outcome.NOT_APPLICABLE
