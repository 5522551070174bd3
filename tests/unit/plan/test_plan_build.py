"""What must be built up to a moment: exactly what is missing, cut in the same places, in an order that can be run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import Book

from penstock.model.intervals import Interval, merge
from penstock.model.pipelines import Materialization
from penstock.model.sources import FileSource
from penstock.plan.build import Action, BuildPlan, Coverage, Reason, Work, coverage_of, plan_build
from penstock.sim.clock import EPOCH
from penstock.sim.projects import brought, landed, project_of, sliced, view, whole

if TYPE_CHECKING:
    from penstock.model.pipelines import Dataset, Project

NOTHING = Coverage(intervals={}, inputs={})


def _day(number: int) -> datetime:
    return EPOCH + timedelta(days=number)


def _days(start: int, end: int) -> Interval:
    return Interval(_day(start), _day(end))


def _built(coverage: Coverage, works: tuple[Work, ...]) -> Coverage:
    """Coverage after this work was published."""
    intervals, inputs = dict(coverage.intervals), dict(coverage.inputs)
    for work in works:
        key = (work.version.dataset, work.version.fingerprint)
        if work.slice.interval is None:
            inputs[key] = work.inputs
        else:
            intervals[key] = (*intervals.get(key, ()), work.slice.interval)
    return Coverage(intervals=intervals, inputs=inputs)


def _complete(project: Project, until: int, select: frozenset[str] | None = None, on: Coverage = NOTHING) -> Coverage:
    return _built(on, plan_build(project, on, _day(until), select).works)


def _slices(plan: BuildPlan) -> list[str]:
    return [str(work.slice) for work in plan.works]


def _reasons(plan: BuildPlan) -> dict[str, tuple[Action, Reason]]:
    return {step.dataset: (step.action, step.reasons[0]) for step in plan.steps}


def _project(*datasets: Dataset, **pipeline: datetime) -> Project:
    return project_of(datasets, **pipeline)  # type: ignore[arg-type]


def test_a_new_project_is_built_from_its_first_day_to_the_last_whole_one() -> None:
    plan = plan_build(_project(landed("sim.raw", batch=31)), NOTHING, _day(2) + timedelta(hours=23))
    assert _slices(plan) == ["sim.raw[2011-01-01/2011-01-03]"]
    assert _reasons(plan) == {"sim.raw": (Action.BUILD, Reason.NEW_VERSION)}


def test_before_its_first_day_there_is_nothing_to_build() -> None:
    assert plan_build(_project(landed("sim.raw")), NOTHING, EPOCH).works == ()


def test_a_pipeline_that_ended_is_not_built_beyond_its_end() -> None:
    plan = plan_build(_project(landed("sim.raw", batch=31), end=_day(3)), NOTHING, _day(10))
    assert _slices(plan) == ["sim.raw[2011-01-01/2011-01-04]"]


def test_only_gaps_are_built() -> None:
    project = _project(landed("sim.raw"))
    version = plan_build(project, NOTHING, _day(1)).versions["sim.raw"]
    key = (version.dataset, version.fingerprint)
    held = Coverage(intervals={key: (_days(0, 2), _days(3, 5))}, inputs={})
    plan = plan_build(project, held, _day(6))
    assert _slices(plan) == ["sim.raw[2011-01-03/2011-01-04]", "sim.raw[2011-01-06/2011-01-07]"]
    assert _reasons(plan) == {"sim.raw": (Action.BACKFILL, Reason.MISSING)}
    assert plan.steps[0].missing == (_days(2, 3), _days(5, 6))


def test_what_is_complete_is_left_alone() -> None:
    project = _project(landed("sim.raw"), sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily"))
    plan = plan_build(project, _complete(project, 4), _day(4))
    assert plan.works == ()
    assert set(_reasons(plan).values()) == {(Action.REUSE, Reason.UP_TO_DATE)}


def test_slices_hold_at_most_a_batch_and_begin_where_batches_begin() -> None:
    plan = plan_build(_project(landed("sim.raw", batch=3)), NOTHING, _day(8))
    lengths = [(work.slice.interval.end - work.slice.interval.start).days for work in plan.works if work.slice.interval]
    assert sum(lengths) == 8
    assert max(lengths) == 3
    assert all(length == 3 for length in lengths[1:-1])


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(1, 12), st.data())
def test_what_was_interrupted_is_planned_again_in_the_same_places(batch: int, days: int, data: st.DataObject) -> None:
    project = _project(landed("sim.raw", batch=batch), sliced("sim.daily", "sim.raw", batch=batch))
    whole_plan = plan_build(project, NOTHING, _day(days))
    done = data.draw(st.sets(st.sampled_from(range(len(whole_plan.works)))))
    held = _built(NOTHING, tuple(work for work in whole_plan.works if work.number in done))
    rest = plan_build(project, held, _day(days))
    expected = [str(work.slice) for work in whole_plan.works if work.number not in done]
    assert _slices(rest) == expected


@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 12))
def test_a_plan_that_goes_on_later_cuts_where_a_plan_from_the_beginning_cuts(batch: int, first: int, more: int) -> None:
    project = _project(landed("sim.raw", batch=batch))
    later = plan_build(project, _complete(project, first), _day(first + more))
    fresh = plan_build(project, NOTHING, _day(first + more))
    assert _ends(later) <= _ends(fresh) | {_day(first)}


def _ends(plan: BuildPlan) -> set[datetime]:
    return {work.slice.interval.end for work in plan.works if work.slice.interval}


@settings(max_examples=40)
@given(st.integers(1, 4), st.lists(st.integers(1, 15), min_size=1, max_size=4))
def test_coverage_grows_without_gap_or_overlap_however_days_arrive(batch: int, untils: list[int]) -> None:
    project = _project(landed("sim.raw", batch=batch))
    held = NOTHING
    for until in untils:
        held = _complete(project, until, on=held)
    ((_, spans),) = held.intervals.items()
    assert merge(spans) == (_days(0, max(untils)),)
    assert sum((span.end - span.start).days for span in spans) == max(untils)


def test_a_slice_waits_for_exactly_the_slices_it_reads() -> None:
    project = _project(landed("sim.raw", batch=1), sliced("sim.daily", "sim.raw", batch=1))
    plan = plan_build(project, NOTHING, _day(3))
    waits = {str(work.slice): [str(plan.works[number].slice) for number in work.after] for work in plan.works}
    assert waits["sim.daily[2011-01-02/2011-01-03]"] == ["sim.raw[2011-01-02/2011-01-03]"]
    assert waits["sim.raw[2011-01-02/2011-01-03]"] == []


def test_a_whole_table_waits_for_every_slice_it_reads() -> None:
    plan = plan_build(_project(landed("sim.raw"), whole("sim.best", "sim.raw")), NOTHING, _day(3))
    assert plan.works[-1].slice.dataset == "sim.best"
    assert plan.works[-1].after == (0, 1, 2)


def test_what_reads_a_view_waits_for_the_slices_beneath_it() -> None:
    """Once the view is made it has no work of its own, and what reads it must not run ahead of its rows."""
    project = _project(
        landed("sim.raw"), view("sim.seen", "sim.raw"), view("sim.again", "sim.seen"), whole("sim.best", "sim.again"),
        sliced("sim.daily", "sim.again"),
    )  # fmt: skip
    plan = plan_build(project, _complete(project, 2), _day(4))
    waits = {str(work.slice): [str(plan.works[number].slice) for number in work.after] for work in plan.works}
    assert waits["sim.best"] == ["sim.raw[2011-01-03/2011-01-04]", "sim.raw[2011-01-04/2011-01-05]"]
    assert waits["sim.daily[2011-01-04/2011-01-05]"] == ["sim.raw[2011-01-04/2011-01-05]"]


def test_work_comes_after_all_it_waits_for() -> None:
    project = _project(
        landed("sim.raw"), sliced("sim.b", "sim.raw"), sliced("sim.a", "sim.b", "sim.raw"), view("sim.v", "sim.a")
    )
    plan = plan_build(project, NOTHING, _day(4))
    assert [work.number for work in plan.works] == list(range(len(plan.works)))
    assert all(number < work.number for work in plan.works for number in work.after)


def test_a_table_is_built_again_when_what_it_reads_has_grown() -> None:
    project = _project(landed("sim.raw"), whole("sim.best", "sim.raw"))
    plan = plan_build(project, _complete(project, 2), _day(3))
    assert _slices(plan) == ["sim.raw[2011-01-03/2011-01-04]", "sim.best"]
    assert _reasons(plan)["sim.best"] == (Action.BUILD, Reason.INPUTS_MOVED)


def test_a_table_over_a_table_or_a_view_is_built_again_too() -> None:
    project = _project(
        landed("sim.raw"), view("sim.seen", "sim.raw"), whole("sim.best", "sim.seen"), whole("sim.top", "sim.best")
    )
    plan = plan_build(project, _complete(project, 2), _day(3))
    assert _slices(plan) == ["sim.raw[2011-01-03/2011-01-04]", "sim.best", "sim.top"]


def test_what_is_asked_again_is_not_said_to_have_grown() -> None:
    """An API may have no news: nobody knows before it was read, and of its readers no more is known."""
    project = _project(brought("sim.api"), view("sim.seen", "sim.api"), whole("sim.best", "sim.seen"))
    before = _built(NOTHING, plan_build(project, NOTHING, _day(2), arrived={"sim.api": "monday"}).works)
    same = plan_build(project, before, _day(2), arrived={"sim.api": "monday"})
    assert {reason for _, reason in _reasons(same).values()} == {Reason.UP_TO_DATE}
    again = _reasons(plan_build(project, before, _day(2), arrived={"sim.api": "tuesday"}))
    assert (again["sim.api"][1], again["sim.best"][1]) == (Reason.READ_AGAIN, Reason.READS_AGAIN)


def test_of_a_file_that_is_another_it_is_said_so() -> None:
    prices = brought("sim.prices", task=FileSource(path="prices.csv", columns=("value",)))
    prices = replace(prices, materialization=Materialization.TABLE)
    project = _project(prices)
    before = _built(NOTHING, plan_build(project, NOTHING, _day(2), arrived={"sim.prices": "a"}).works)
    again = plan_build(project, before, _day(2), arrived={"sim.prices": "b"})
    assert _reasons(again)["sim.prices"] == (Action.BUILD, Reason.FILES_RESTATED)


def test_a_view_is_made_once() -> None:
    project = _project(landed("sim.raw"), view("sim.seen", "sim.raw"))
    assert _slices(plan_build(project, NOTHING, _day(1)))[-1] == "sim.seen"
    assert _slices(plan_build(project, _complete(project, 1), _day(2))) == ["sim.raw[2011-01-02/2011-01-03]"]


def test_a_selection_plans_nothing_else() -> None:
    project = _project(landed("sim.raw"), sliced("sim.a", "sim.raw"), sliced("sim.b", "sim.raw"))
    plan = plan_build(project, NOTHING, _day(1), select=frozenset({"sim.raw", "sim.a"}))
    assert [work.slice.dataset for work in plan.works] == ["sim.raw", "sim.a"]
    assert set(_reasons(plan)) == {"sim.raw", "sim.a"}


def test_a_table_built_over_unfinished_inputs_is_built_again_when_they_are_there() -> None:
    """Selecting the table alone must not make it look as new as what it did not see."""
    project = _project(landed("sim.raw"), whole("sim.best", "sim.raw"))
    held = _complete(project, 2, frozenset({"sim.raw"}))
    held = _complete(project, 5, frozenset({"sim.best"}), on=held)
    assert _slices(plan_build(project, held, _day(5)))[-1] == "sim.best"


def test_a_selected_table_over_finished_inputs_is_up_to_date_for_the_whole_plan() -> None:
    project = _project(landed("sim.raw"), whole("sim.mid", "sim.raw"), whole("sim.best", "sim.mid"))
    held = _complete(project, 3, frozenset({"sim.raw"}))
    held = _complete(project, 3, frozenset({"sim.mid"}), on=held)
    held = _complete(project, 3, frozenset({"sim.best"}), on=held)
    assert plan_build(project, held, _day(3)).works == ()


def test_equal_plans_have_equal_digests_and_others_do_not() -> None:
    project = _project(landed("sim.raw"), whole("sim.best", "sim.raw"))
    one, same = (plan_build(project, NOTHING, _day(2)).digest for _ in range(2))
    assert one == same
    assert len({one, plan_build(project, NOTHING, _day(3)).digest, plan_build(project, NOTHING, _day(0)).digest}) == 3


def test_the_ledgers_rows_read_back_as_coverage() -> None:
    rows: list[dict[str, str | int | None]] = [
        {"dataset": "a", "version": "1", "start": "2011-01-01", "end": "2011-01-03", "inputs": "", "seq": 4},
        {"dataset": "a", "version": "1", "start": "2011-01-03", "end": "2011-01-04", "inputs": None, "seq": None},
        {"dataset": "t", "version": "2", "start": "", "end": "", "inputs": "abc", "seq": 7},
    ]
    coverage = coverage_of(rows)
    assert coverage.intervals == {("a", "1"): (_days(0, 2), _days(2, 3))}
    assert coverage.inputs == {("t", "2"): "abc"}


def test_intervals_that_rest_on_an_earlier_state_of_a_whole_input_are_told_and_left_alone() -> None:
    project = project_of(
        (
            landed("sim.raw"),
            replace(landed("sim.list"), interval=None, materialization=Materialization.TABLE),
            sliced("sim.daily", "sim.raw", "sim.list"),
        )
    )
    book = Book()
    first = plan_build(project, book.coverage, _day(2), arrived={"sim.list": "a"})
    book.publish(first.works)
    assert first.outdated == frozenset()
    assert plan_build(project, book.coverage, _day(2), arrived={"sim.list": "a"}).outdated == frozenset()
    moved = plan_build(project, book.coverage, _day(2), arrived={"sim.list": "b"})
    assert moved.outdated == {"sim.daily"}
    assert [str(work.slice) for work in moved.works] == ["sim.list"]
