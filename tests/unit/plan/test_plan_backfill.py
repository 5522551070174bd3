"""A backfill builds again what was named and all that reads it, says so before, and does nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ledger_rows import Book, day, days, slices

from penstock.model.intervals import Grain, Interval
from penstock.model.pipelines import Dataset, IntervalBy, Materialization
from penstock.plan.backfill import Backfill, plan_backfill
from penstock.plan.build import Reason
from penstock.plan.versions import versions_of
from penstock.sim.projects import appended, landed, merged, project_of, sliced, view, whole

RAW, DAILY, OTHER = landed("sim.raw"), sliced("sim.daily", "sim.raw"), landed("sim.other")
SEEN, BEST = view("sim.seen", "sim.daily"), whole("sim.best", "sim.seen")
PROJECT = project_of((RAW, DAILY, SEEN, BEST, OTHER))


def _backfill(
    *asked: str, window: Interval | None = None, until: int = 4, project: Any = PROJECT, book: Book | None = None
) -> Backfill:
    book = book or Book().complete(project, until)
    rows, stale = list(book.rows.values()), list(book.stale.values())
    return plan_backfill(project, asked, window or days(1, 2), rows, stale, until=day(until))


def _marks(backfill: Backfill) -> dict[str, tuple[str, str, str]]:
    return {dataset: (start, end, reason) for dataset, _, start, end, reason in backfill.marks}


ASKED, UPSTREAM = str(Reason.ASKED_AGAIN), str(Reason.UPSTREAM_AGAIN)


def test_what_is_named_and_all_that_reads_it_is_built_again() -> None:
    backfill = _backfill("sim.raw")
    assert slices(backfill.plan) == ["sim.raw[2011-01-02/2011-01-03]", "sim.daily[2011-01-02/2011-01-03]", "sim.best"]
    assert backfill.datasets == ("sim.raw", "sim.daily", "sim.best")
    assert _marks(backfill) == {
        "sim.raw": ("2011-01-02", "2011-01-03", ASKED),
        "sim.daily": ("2011-01-02", "2011-01-03", UPSTREAM),
        "sim.best": ("", "", UPSTREAM),
    }


def test_marks_name_the_versions_that_the_project_has() -> None:
    versions = versions_of(PROJECT)
    assert {(dataset, version) for dataset, version, *_ in _backfill("sim.raw").marks} == {
        (name, versions[name].fingerprint) for name in ("sim.raw", "sim.daily", "sim.best")
    }


def test_what_nothing_was_restated_of_is_left_alone() -> None:
    backfill = _backfill("sim.daily")
    assert {work.slice.dataset for work in backfill.plan.works} == {"sim.daily", "sim.best"}
    assert "sim.raw" not in _marks(backfill)


def test_every_dataset_that_was_named_was_asked_for() -> None:
    marks = _marks(_backfill("sim.raw", "sim.best"))
    assert {name: reason for name, (_, _, reason) in marks.items()} == {
        "sim.raw": ASKED,
        "sim.daily": UPSTREAM,
        "sim.best": ASKED,
    }


def test_what_is_missing_elsewhere_is_no_part_of_a_backfill() -> None:
    backfill = _backfill("sim.raw", until=6, book=Book().complete(PROJECT, 4))
    assert slices(backfill.plan)[:2] == ["sim.raw[2011-01-02/2011-01-03]", "sim.daily[2011-01-02/2011-01-03]"]


def test_what_was_never_built_within_the_window_is_built_too() -> None:
    backfill = _backfill("sim.raw", window=days(1, 3), book=Book().complete(PROJECT, 2), until=4)
    assert slices(backfill.plan)[:2] == ["sim.raw[2011-01-02/2011-01-03]", "sim.raw[2011-01-03/2011-01-04]"]


def test_once_requested_any_run_builds_it_and_once_built_nothing_is_left() -> None:
    book = Book().complete(PROJECT, 4)
    backfill = _backfill("sim.raw", book=book)
    book.request(backfill)
    assert slices(book.plan(PROJECT, 4)) == slices(backfill.plan)
    first, *rest = backfill.plan.works
    book.publish([first])
    assert slices(book.plan(PROJECT, 4)) == [str(work.slice) for work in rest]
    assert book.publish(rest).plan(PROJECT, 4).works == ()


def test_a_window_may_hold_several_slices_cut_as_always() -> None:
    batched = project_of((landed("sim.raw", batch=2),))
    backfill = _backfill("sim.raw", window=days(1, 4), until=6, project=batched)
    assert slices(backfill.plan) == ["sim.raw[2011-01-02/2011-01-04]", "sim.raw[2011-01-04/2011-01-05]"]


def _hourly(dataset: Dataset, grain: Grain) -> Dataset:
    return replace(dataset, interval=IntervalBy(grain=grain, column="moment", batch=24))


def test_a_coarser_reader_is_built_again_for_every_interval_that_the_window_touches() -> None:
    project = project_of(
        (
            _hourly(RAW, Grain.HOUR),
            DAILY,
            replace(sliced("sim.monthly", "sim.daily"), interval=_hourly(RAW, Grain.MONTH).interval),
        )
    )
    hours = Interval(day(1) + timedelta(hours=22), day(2) + timedelta(hours=1))
    backfill = _backfill("sim.raw", window=hours, until=40, project=project)
    assert _marks(backfill) == {
        "sim.raw": ("2011-01-02T22:00:00Z", "2011-01-03T01:00:00Z", ASKED),
        "sim.daily": ("2011-01-02", "2011-01-04", UPSTREAM),
        "sim.monthly": ("2011-01-01", "2011-02-01", UPSTREAM),
    }
    assert slices(backfill.plan) == [
        "sim.raw[2011-01-02T22:00:00Z/2011-01-03]",
        "sim.raw[2011-01-03/2011-01-03T01:00:00Z]",
        "sim.daily[2011-01-02/2011-01-03]",
        "sim.daily[2011-01-03/2011-01-04]",
        "sim.monthly[2011-01-01/2011-02-01]",
    ]
    assert backfill.window == Interval(day(0), day(31))


def test_a_merge_is_made_again_from_the_window_to_its_end() -> None:
    """The days after it were merged upon what is restated."""
    project = project_of((RAW, merged("sim.newest", "sim.raw")))
    backfill = _backfill("sim.newest", project=project)
    assert _marks(backfill) == {"sim.newest": ("2011-01-02", "2011-01-05", ASKED)}
    assert slices(backfill.plan) == [f"sim.newest[2011-01-0{number}/2011-01-0{number + 1}]" for number in (2, 3, 4)]


def test_an_append_and_what_reads_it_are_left_as_they_are_and_said_to_be() -> None:
    """What was added is never made again: to call it built again would be to lose the correction without a word."""
    project = project_of((RAW, appended("sim.all", "sim.raw"), whole("sim.sum", "sim.all")))
    backfill = _backfill("sim.raw", project=project)
    assert set(_marks(backfill)) == {"sim.raw"}
    assert backfill.left_as_they_are == ("sim.all",)


def test_a_view_stores_nothing_that_could_be_stale() -> None:
    assert "sim.seen" not in _marks(_backfill("sim.raw"))
    assert _backfill("sim.seen", project=project_of((RAW, DAILY, SEEN))).marks == ()


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(lambda: _backfill("sim.raw", window=days(1, 3)), id="another window"),
        pytest.param(lambda: _backfill("sim.daily"), id="another dataset"),
        pytest.param(lambda: _backfill("sim.raw", "sim.daily"), id="one more dataset"),
        pytest.param(
            lambda: _backfill(
                "sim.raw",
                project=project_of(
                    (RAW, replace(DAILY, materialization=Materialization.TABLE, interval=None), SEEN, BEST, OTHER)
                ),
            ),
            id="another definition",
        ),
        pytest.param(
            lambda: _backfill(
                "sim.raw", project=project_of((RAW, DAILY, SEEN, BEST, OTHER, whole("sim.top", "sim.best")))
            ),
            id="another reader",
        ),
        pytest.param(lambda: _backfill("sim.raw", book=Book().complete(PROJECT, 1)), id="less was built"),
        pytest.param(
            lambda: _backfill("sim.raw", book=Book().complete(PROJECT, 2).complete(PROJECT, 3), until=5), id="more data"
        ),
    ],
)
def test_the_digest_is_another_when_anything_it_rests_on_is(moved: Any) -> None:
    assert moved().digest != _backfill("sim.raw").digest


def test_the_digest_is_the_same_when_nothing_moved() -> None:
    assert _backfill("sim.raw").digest == _backfill("sim.raw").digest
