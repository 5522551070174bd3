"""What GateBench makes of verdicts: rates that count what they say, intervals, and controls at both ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gatebench.cases import Case, Label
from gatebench.measures import Rate, by_kind, measure, report, table
from gatebench.trial import Trial, Verdict, blank


def a_case(label: Label, kind: str = "fix", *, held_out: bool = False) -> Case:
    return Case(
        name=f"star/{kind}",
        folder=Path("nowhere"),
        base="star",
        label=label,
        kind=kind,
        why="because",
        held_out=held_out,
        change="STAR-1",
    )


def trial(label: Label, verdict: Verdict, kind: str = "fix") -> Trial:
    return blank(a_case(label, kind), verdict)


def test_a_bad_change_is_caught_if_production_never_showed_it() -> None:
    verdicts = (Verdict.REFUSED, Verdict.WAITING, Verdict.ACCEPTED, Verdict.ROLLED_BACK)
    found = measure([trial(Label.BAD, verdict) for verdict in verdicts])
    assert found.catch == Rate(hits=2, of=4)
    assert found.rolled_back == Rate(hits=1, of=4)
    assert found.false_alarms == Rate(hits=0, of=0)


def test_a_good_change_that_is_not_in_production_is_a_false_alarm() -> None:
    verdicts = (Verdict.REFUSED, Verdict.WAITING, Verdict.ACCEPTED, Verdict.ROLLED_BACK)
    assert measure([trial(Label.GOOD, verdict) for verdict in verdicts]).false_alarms == Rate(hits=3, of=4)


def test_a_trial_that_broke_is_a_wrong_verdict_of_either_label() -> None:
    found = measure([trial(Label.GOOD, Verdict.BROKEN), trial(Label.BAD, Verdict.BROKEN)])
    assert (found.broken, found.catch, found.false_alarms) == (2, Rate(hits=0, of=1), Rate(hits=1, of=1))


def test_a_pass_is_vacuous_if_nothing_went_through_the_change() -> None:
    accepted = trial(Label.GOOD, Verdict.ACCEPTED)
    some = [replace(accepted, exercised=went) for went in (True, False, None)]
    assert measure([*some, replace(trial(Label.BAD, Verdict.REFUSED), exercised=False)]).vacuous == Rate(hits=1, of=2)


def test_rollbacks_are_counted_where_they_were_tried() -> None:
    accepted = trial(Label.GOOD, Verdict.ACCEPTED)
    some = [replace(accepted, rollback_equal=equal) for equal in (True, False, None)]
    assert measure(some).rollback == Rate(hits=1, of=2)


def test_seconds_are_the_median_and_the_95th_of_a_hundred() -> None:
    some = [replace(trial(Label.GOOD, Verdict.ACCEPTED), seconds=float(second), work=1.0) for second in range(1, 101)]
    found = measure(some)
    assert (found.median_seconds, found.p95_seconds, found.p95_work) == (50.0, 95.0, 1.0)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(97, 100, 0.9155, 0.9897), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)]
)
def test_intervals_are_those_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    interval = Rate(hits=hits, of=of).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=1e-3)


def test_the_controls_are_as_good_and_as_bad_as_they_can_be() -> None:
    cases = [a_case(Label.GOOD), a_case(Label.BAD, "unit"), a_case(Label.BAD, "secret")]
    yes = measure([blank(case, Verdict.ACCEPTED) for case in cases])
    no = measure([blank(case, Verdict.REFUSED) for case in cases])
    assert (yes.catch, yes.false_alarms) == (Rate(hits=0, of=2), Rate(hits=0, of=1))
    assert (no.catch, no.false_alarms) == (Rate(hits=2, of=2), Rate(hits=1, of=1))


def test_kinds_are_counted_apart_good_ones_first() -> None:
    some = [
        trial(Label.BAD, Verdict.ACCEPTED, "unit"),
        trial(Label.BAD, Verdict.REFUSED, "unit"),
        trial(Label.GOOD, Verdict.ACCEPTED, "feature"),
    ]
    assert by_kind(some) == [("good: feature", 1, 1), ("bad: unit", 1, 2)]


def test_held_out_cases_are_measured_by_themselves() -> None:
    seen = trial(Label.BAD, Verdict.ACCEPTED)
    figures = report([seen, replace(seen, held_out=True, verdict=Verdict.REFUSED)])
    assert figures["seen"]["catch"]["share"] == 0.0
    assert figures["held_out"]["catch"]["share"] == 1.0
    assert "held out" in table({"penstock": [replace(seen, held_out=True)]})
