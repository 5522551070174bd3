"""A dataset that comes out otherwise from the same inputs is refused; what could not be built twice is said."""

from __future__ import annotations

from policy_cases import REVENUE, assert_fails, assert_passes, finding, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.unrepeatable_build import judge
from penstock.quality.rerunning import NoRepeat, Repeat, Rerun

FILE = "pipelines/sales/daily_revenue.sql"


def test_the_same_rows_twice_pass() -> None:
    judged = judge(review(reruns=(Rerun(dataset=REVENUE, file=FILE, repeat=Repeat.SAME, rows=100),)))
    assert_passes(judged)
    assert judged.summary == "1 dataset built again from the same inputs: the same rows."


def test_other_rows_fail_with_how_many_and_over_what() -> None:
    other = Rerun(dataset=REVENUE, file=FILE, repeat=Repeat.DIFFERENT, rows=100, differing=3, span="everything")
    judged = judge(review(reruns=(other,)))
    assert_fails(judged, "")
    assert judged.findings[0].found == "3 of 100 rows otherwise"
    assert "over everything" in judged.findings[0].message


def test_a_clock_in_the_query_fails_although_both_builds_agree() -> None:
    unstable = (finding("sql.nondeterministic", Severity.WARNING),)
    judged = judge(review(reruns=(Rerun(dataset=REVENUE, file=FILE, repeat=Repeat.SAME, unstable=unstable),)))
    assert_fails(judged, "sql.nondeterministic")
    assert judged.findings[0].severity is Severity.ERROR


def test_what_was_not_tried_is_named_and_does_not_block() -> None:
    untried = Rerun(dataset=REVENUE, file=FILE, repeat=Repeat.NOT_TRIED, why=NoRepeat.NOT_SQL)
    judged = judge(review(reruns=(untried,)))
    assert_passes(judged)
    assert judged.findings[0].code == "gate.unrepeatable_build.not_tried"
    assert judged.summary.endswith("; 1 dataset not tried.")


def test_a_query_that_fails_when_it_is_run_again_fails_it_with_the_cause() -> None:
    broken = Rerun(
        dataset=REVENUE, file=FILE, repeat=Repeat.NOT_TRIED, why=NoRepeat.FAILS, cause=finding(), span="everything"
    )
    judged = judge(review(reruns=(broken,)))
    assert_fails(judged, "fails")
    assert judged.summary == f"{REVENUE} cannot be built again."
    assert judged.findings[0].found == finding().message


def test_it_is_not_applicable_without_builds_or_after_a_failed_run() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    same = Rerun(dataset=REVENUE, file=FILE, repeat=Repeat.SAME)
    assert judge(review(reruns=(same,), run_findings=(finding(),))).outcome is Outcome.NOT_APPLICABLE
