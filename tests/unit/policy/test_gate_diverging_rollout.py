"""What is built beside production, or before chosen readers, holds and moves as declared, interval by interval."""

from __future__ import annotations

from typing import Any

from policy_cases import REVENUE, assert_fails, assert_passes, check, column, diff, finding, impact, rollout, story

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.diverging_rollout import judge


def moved(**changes: Any) -> Any:
    return diff(REVENUE, column("net", "1000.00", "900.00", changed=3), **changes)


def declared(bound: str) -> Any:
    return story(impact=impact(REVENUE, columns={"net": bound}))


def test_an_interval_that_moves_as_declared_passes() -> None:
    verdict = judge(rollout(story=declared("-20%..0%"), diffs=(moved(),)))
    assert_passes(verdict)
    assert verdict.summary.endswith("held: 1 of 1 check, 1 dataset compared with production, as declared.")


def test_movement_beyond_what_is_declared_fails() -> None:
    verdict = judge(rollout(story=declared("-5%..0%"), diffs=(moved(),)))
    assert_fails(verdict, "out_of_bounds")
    assert verdict.findings[0].place.dataset == REVENUE


def test_movement_that_nobody_declared_fails() -> None:
    assert_fails(judge(rollout(diffs=(moved(),))), "undeclared")


def test_movement_outside_of_the_declared_rows_fails() -> None:
    bounded = story(impact=impact(REVENUE, columns={"net": "any"}, where="country = 'France'"))
    assert_fails(judge(rollout(story=bounded, diffs=(moved(),), outside=(moved(),))), "outside")


def test_a_failed_run_check_or_objective_fails_and_all_are_said() -> None:
    verdict = judge(
        rollout(
            run_findings=(finding("run.failed"),),
            checks=(check(passed=False),),
            objectives=(finding("quality.volume"),),
        )
    )
    assert_fails(verdict, "run.failed", "check", "quality.volume")


def test_a_warning_is_shown_and_does_not_stop_it() -> None:
    verdict = judge(rollout(checks=(check(passed=False, severity=Severity.WARNING),)))
    assert verdict.outcome is Outcome.PASS
    assert [one.severity for one in verdict.findings] == [Severity.WARNING]


def test_where_production_itself_fails_a_person_has_to_look() -> None:
    verdict = judge(rollout(production_findings=(finding("run.failed"),), run_findings=(finding("run.failed"),)))
    assert verdict.outcome is Outcome.NEEDS_PERSON
