"""A run that handles many times the rows of production's is refused; what is small, or as before, is not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from policy_cases import REVENUE, assert_fails, assert_passes, finding, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.costlier_run import SMALL, judge
from penstock.policy.rules import Policy
from penstock.quality.rerunning import Effort, Repeat, Rerun


def run(rows: int, before: int | None = None, *, read: int = 1000, seconds: float = 0.1) -> Rerun:
    return Rerun(
        dataset=REVENUE,
        file="pipelines/sales/daily_revenue.sql",
        repeat=Repeat.SAME,
        span="everything",
        rows=100,
        effort=Effort(rows=rows, seconds=seconds, read=read),
        before=None if before is None else Effort(rows=before, seconds=0.1, read=read),
    )


def test_the_same_effort_passes_with_the_ratio() -> None:
    judged = judge(review(reruns=(run(12_000, 10_000),)))
    assert_passes(judged)
    assert judged.summary.endswith("at most 1.20 times as many rows as today.")


@pytest.mark.parametrize(
    ("rows", "before", "refused"),
    [
        (500_000, 100_000, False),
        (500_001, 100_000, True),
        (SMALL + 10, 10, False),
        (SMALL + 11, 10, True),
        (100_000, 1_000_000, False),
    ],
)
def test_it_refuses_beyond_the_ratio_and_beyond_what_is_small(rows: int, before: int, refused: bool) -> None:
    judged = judge(review(reruns=(run(rows, before),)))
    assert (judged.outcome is Outcome.FAIL) is refused


def test_the_ratio_is_policy() -> None:
    lenient = Policy(cost_ratio=Decimal(20))
    assert_passes(judge(review(policy=lenient, reruns=(run(1_000_000, 100_000),))))
    judged = judge(review(reruns=(run(1_000_000, 100_000),)))
    assert_fails(judged, "")
    assert judged.findings[0].expected == "at most 5 times (policy.cost_ratio)"


def test_a_new_query_is_refused_only_if_it_swells_what_it_reads() -> None:
    assert_passes(judge(review(reruns=(run(90_000_000, read=1_000_000),))))
    assert_fails(judge(review(reruns=(run(2_000_000, read=1_000),))), "")
    assert_passes(judge(review(reruns=(run(900_000, read=1_000),))))


def test_seconds_are_told_and_block_nothing() -> None:
    judged = judge(review(reruns=(run(10_000, 10_000, seconds=9.0),)))
    assert_passes(judged)
    assert [(one.code, one.severity) for one in judged.findings] == [("gate.costlier_run.slower", Severity.NOTE)]


def test_it_is_not_applicable_where_nothing_was_measured() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    assert judge(review(reruns=(run(1, 1),), run_findings=(finding(),))).outcome is Outcome.NOT_APPLICABLE
