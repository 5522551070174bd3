"""What lies before a horizon is not missing and never built; what was made of it stays, and holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import Book, day, days, slices

from penstock.model.contracts import Contract
from penstock.model.intervals import Grain
from penstock.model.pipelines import IntervalBy, Materialization
from penstock.plan.backfill import plan_backfill, too_early
from penstock.plan.build import Reason
from penstock.plan.horizons import counted_from, first_to_build
from penstock.plan.versions import versions_of
from penstock.sim.projects import landed, merged, project_of, sliced, view, whole

if TYPE_CHECKING:
    from penstock.model.intervals import Interval
    from penstock.plan.build import BuildPlan

DAILY = project_of([landed("sim.raw"), sliced("sim.daily", "sim.raw")])
MONTHS = IntervalBy(grain=Grain.MONTH, column="moment", batch=1)
MONTHLY = project_of([landed("sim.raw"), replace(sliced("sim.seen", "sim.raw"), interval=MONTHS)])


def _mark(dataset: str, gap: Interval) -> tuple[str, str, str, str, str]:
    version = versions_of(DAILY)[dataset].fingerprint
    return (dataset, version, gap.start.date().isoformat(), gap.end.date().isoformat(), str(Reason.FILES_RESTATED))


def _actions(plan: BuildPlan) -> dict[str, list[str]]:
    return {step.dataset: [str(gap) for gap in step.missing] for step in plan.steps}


def test_what_expired_is_not_missing_whatever_is_built() -> None:
    book = Book().complete(DAILY, 6).expire("sim.raw", 3).expire("sim.daily", 3)
    assert slices(book.plan(DAILY, 6)) == []
    fresh = Book().expire("sim.raw", 3).expire("sim.daily", 3).plan(DAILY, 5)
    assert _actions(fresh) == {"sim.raw": ["2011-01-04/2011-01-06"], "sim.daily": ["2011-01-04/2011-01-06"]}
    assert fresh.unbuildable == frozenset()


def test_a_horizon_before_the_first_day_or_after_the_last_is_no_trouble() -> None:
    assert len(slices(Book().expire("sim.raw", -40).plan(DAILY, 2))) == 4
    assert slices(Book().expire("sim.raw", 9).expire("sim.daily", 9).plan(DAILY, 2)) == []


def test_what_was_made_of_rows_that_expired_stays_and_a_new_version_begins_where_there_is_something_to_read() -> None:
    book = Book().complete(DAILY, 6).expire("sim.raw", 3)
    assert slices(book.plan(DAILY, 6)) == []
    by_another = IntervalBy(grain=Grain.DAY, column="value", batch=2)
    edited = project_of([landed("sim.raw"), replace(sliced("sim.daily", "sim.raw"), interval=by_another)])
    plan = book.plan(edited, 6)
    assert _actions(plan)["sim.daily"] == ["2011-01-04/2011-01-07"]
    assert plan.unbuildable == {"sim.daily"}


def test_a_month_of_which_a_day_expired_is_not_built_and_a_built_one_stays() -> None:
    assert _actions(Book().expire("sim.raw", 3).plan(MONTHLY, 65))["sim.seen"] == ["2011-02-01/2011-03-01"]
    book = Book().complete(MONTHLY, 65).expire("sim.raw", 3)
    assert _actions(book.plan(MONTHLY, 65))["sim.seen"] == []


def test_what_is_stale_and_cannot_be_made_again_holds() -> None:
    book = Book().complete(DAILY, 6).expire("sim.raw", 3)
    book.mark([_mark("sim.daily", days(1, 5))])
    plan = book.plan(DAILY, 6)
    assert _actions(plan) == {"sim.raw": [], "sim.daily": ["2011-01-04/2011-01-06"]}
    assert slices(book.publish(plan.works).plan(DAILY, 6)) == []


def test_what_reads_through_a_view_begins_where_the_rows_beneath_do() -> None:
    project = project_of([landed("sim.raw"), view("sim.seen", "sim.raw"), sliced("sim.daily", "sim.seen")])
    assert first_to_build(project, project.datasets["sim.daily"], {"sim.raw": day(3)}) == day(3)
    assert _actions(Book().expire("sim.raw", 3).plan(project, 5))["sim.daily"] == ["2011-01-04/2011-01-06"]


def test_a_merge_goes_on_behind_its_horizon_and_is_not_merged_anew_for_what_expired() -> None:
    project = project_of([landed("sim.raw"), merged("sim.kept", "sim.raw")])
    book = Book().complete(project, 4).expire("sim.raw", 2).expire("sim.kept", 2)
    assert slices(book.plan(project, 4)) == []
    assert _actions(book.plan(project, 6))["sim.kept"] == ["2011-01-05/2011-01-07"]
    book = Book().complete(project, 4).expire("sim.raw", 2)
    key = versions_of(project)["sim.kept"].fingerprint
    book.mark([("sim.kept", key, "2011-01-01", "2011-01-05", str(Reason.FILES_RESTATED))])
    assert _actions(book.plan(project, 4))["sim.kept"] == ["2011-01-03/2011-01-05"]


def test_a_table_made_whole_is_made_anew_of_what_is_left() -> None:
    project = project_of([landed("sim.raw"), whole("sim.all", "sim.raw")])
    book = Book().complete(project, 4)
    assert slices(book.plan(project, 4)) == []
    assert slices(book.expire("sim.raw", 2).plan(project, 4)) == ["sim.all"]
    assert slices(book.complete(project, 4).plan(project, 4)) == []


@pytest.mark.parametrize(
    ("dataset", "start", "first"),
    [("sim.raw", 2, 3), ("sim.raw", 3, None), ("sim.daily", 2, 3), ("sim.daily", 3, None)],
)
def test_a_backfill_may_not_touch_what_is_gone_nor_what_was_made_of_it(
    dataset: str, start: int, first: int | None
) -> None:
    found = too_early(DAILY, [dataset], days(start, 5), {"sim.raw": day(3)})
    assert found == ({dataset: day(first)} if first is not None else {})


def test_a_backfill_leaves_out_of_its_readers_what_they_do_not_keep() -> None:
    book = Book().complete(DAILY, 6).expire("sim.daily", 4)
    rows, horizons = list(book.rows.values()), list(book.horizons.values())
    backfill = plan_backfill(DAILY, ["sim.raw"], days(2, 5), rows, [], until=day(6), horizons=horizons)
    assert slices(backfill.plan) == [
        "sim.raw[2011-01-03/2011-01-04]", "sim.raw[2011-01-04/2011-01-05]", "sim.raw[2011-01-05/2011-01-06]",
        "sim.daily[2011-01-05/2011-01-06]",
    ]  # fmt: skip


@settings(max_examples=40)
@given(st.integers(0, 8), st.integers(0, 8), st.integers(1, 8))
def test_nothing_before_a_horizon_is_ever_built_and_a_finished_plan_is_finished(raw: int, own: int, until: int) -> None:
    book = Book().complete(DAILY, until // 2).expire("sim.raw", raw).expire("sim.daily", own)
    plan = book.plan(DAILY, until)
    least = {"sim.raw": day(raw), "sim.daily": max(day(raw), day(own))}
    assert all(work.slice.interval and work.slice.interval.start >= least[work.slice.dataset] for work in plan.works)
    assert slices(book.publish(plan.works).plan(DAILY, until)) == []


def test_rows_are_counted_by_the_column_of_their_intervals_or_the_one_that_a_contract_names() -> None:
    contract = Contract(dataset="sim.d", file="c", version="1", columns=(), retention="1 y", retention_column="seen_at")
    assert counted_from(sliced("sim.d", "sim.raw")) == "moment"
    assert counted_from(sliced("sim.d", "sim.raw", contract=contract)) == "moment"
    assert counted_from(whole("sim.d", "sim.raw")) is None
    assert counted_from(whole("sim.d", "sim.raw", contract=contract)) == "seen_at"
    kept = merged("sim.d", "sim.raw")
    assert (kept.materialization, counted_from(kept)) == (Materialization.MERGE, "moment")
    assert counted_from(replace(kept, contract=contract)) == "seen_at"
