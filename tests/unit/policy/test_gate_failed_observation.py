"""An interval after the promotion holds, or the change goes back."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, check, finding, observation

from penstock.model.findings import Severity
from penstock.policy.budgets import burns
from penstock.policy.gates.failed_observation import judge


def test_an_interval_in_which_everything_holds_passes() -> None:
    verdict = judge(observation())
    assert_passes(verdict)
    assert verdict.summary == "2011-12-05/2011-12-06 held: 1 check of 1 and every objective."


def test_a_failed_run_fails() -> None:
    assert_fails(judge(observation(run_findings=(finding("run.failed"),))), "run.failed")


def test_a_failed_error_check_fails() -> None:
    verdict = judge(observation(checks=(check(), check(passed=False))))
    assert_fails(verdict, "check")
    assert verdict.findings[0].place.field == "country"
    assert verdict.findings[0].found == "3 of 1,200 rows (not_null:country)"


def test_an_objective_that_is_not_held_fails() -> None:
    assert_fails(judge(observation(objectives=(finding("quality.volume"),))), "quality.volume")


def test_all_that_failed_is_said_at_once() -> None:
    verdict = judge(
        observation(
            run_findings=(finding("run.failed"),),
            checks=(check(passed=False),),
            objectives=(finding("quality.volume"), finding("slo.runtime")),
        )
    )
    assert_fails(verdict, "run.failed", "check", "quality.volume", "slo.runtime")
    assert verdict.summary == "2011-12-05/2011-12-06 failed: 1 error, 1 failed check of 1, 2 objectives not held."


def test_warnings_are_shown_and_do_not_roll_back() -> None:
    verdict = judge(
        observation(
            run_findings=(finding("run.slow", Severity.WARNING),),
            checks=(check(passed=False, severity=Severity.WARNING),),
            objectives=(finding("slo.near", Severity.WARNING),),
        )
    )
    assert_passes(verdict)
    assert len(verdict.findings) == 3


def test_a_spent_budget_fails_and_one_that_burns_does_not() -> None:
    burning, spent = (burns({"runtime": 0.5}, [{"runs": 1, "slow": 1}], window)[0] for window in (7, 1))
    assert_passes(judge(observation(burns=(burning,))))
    verdict = judge(observation(burns=(burning, spent)))
    assert_fails(verdict, "budget")
    assert verdict.findings[0].found == "1 of 1 bad, 0.50 allowed over the window, burn rate 2.00"
