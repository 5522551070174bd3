"""Slices that depend on their order are refused; what could not be tried, and what the text shows, is said."""

from __future__ import annotations

from policy_cases import REVENUE, assert_fails, assert_passes, diff, finding, review

from penstock.model.findings import Outcome, Severity
from penstock.model.intervals import Interval, parse_moment
from penstock.policy.gates.slices_differ import judge
from penstock.quality.slicing import Order, Scenario, SliceOutcome, SliceVerdict, Step, Trial, WhyNot

DAYS = Interval(parse_moment("2011-01-04"), parse_moment("2011-01-06"))


def trial(order: Order, added: int = 0) -> Trial:
    moved = diff(REVENUE, rows=(100, 100 + added), added=added)
    return Trial(scenario=Scenario(order=order, steps=(Step(interval=DAYS),)), window=DAYS, diff=moved)


def verdict(*trials: Trial, outcome: SliceOutcome, why: WhyNot | None = None, warned: bool = False) -> SliceVerdict:
    doubts = (finding("slices.window_over_edge", Severity.WARNING),) if warned else ()
    file = "pipelines/sales/daily_revenue.sql"
    return SliceVerdict(dataset=REVENUE, file=file, outcome=outcome, why=why, trials=trials, rows=100, doubts=doubts)


def test_slices_that_are_one_build_s_rows_pass() -> None:
    equal = verdict(trial(Order.NATURAL), trial(Order.LATE), outcome=SliceOutcome.EQUAL, warned=True)
    judged = judge(review(slices=(equal,)))
    assert_passes(judged)
    assert judged.summary == "1 dataset built slice by slice in up to 2 orders: as one build."
    assert [(found.code, found.severity) for found in judged.findings] == [
        ("gate.slices_differ.slices.window_over_edge", Severity.WARNING)
    ]


def test_slices_that_are_not_fail_with_the_order_and_the_rows() -> None:
    other = verdict(trial(Order.NATURAL, added=7), trial(Order.LATE), outcome=SliceOutcome.DIFFERENT)
    judged = judge(review(slices=(other,)))
    assert_fails(judged, "slices.different")
    assert judged.summary == f"{REVENUE} built slice by slice is not what one build makes."
    assert judged.findings[0].message.endswith("slice by slice, oldest first: 7 row(s) differ")


def test_what_could_not_be_tried_is_said_and_does_not_block() -> None:
    untried = verdict(outcome=SliceOutcome.NOT_TRIED, why=WhyNot.NO_ROWS)
    judged = judge(review(slices=(verdict(trial(Order.NATURAL), outcome=SliceOutcome.EQUAL), untried)))
    assert_passes(judged)
    assert judged.summary.endswith("; 1 dataset not tried.")
    assert judged.findings[0].code == "gate.slices_differ.slices.not_tried"


def test_it_is_not_applicable_without_slices_or_after_a_failed_run() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    equal = verdict(trial(Order.NATURAL), outcome=SliceOutcome.EQUAL)
    assert judge(review(slices=(equal,), run_findings=(finding(),))).outcome is Outcome.NOT_APPLICABLE
