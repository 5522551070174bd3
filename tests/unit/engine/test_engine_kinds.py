"""Ways of keeping rows, over a real DuckDB: merged by key, appended from an offset, built in lots, stopped in time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from duckdb_bench import ORDERS, SLOW, Shop, all_orders, newest_orders, orders, query, shops
from engine_bench import Bench, day, step_of

from penstock.engine.attempt import carry_out
from penstock.engine.run import CANCELLED
from penstock.model.errors import TransientError
from penstock.model.intervals import Interval
from penstock.model.pipelines import Materialization
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import appended, landed, merged, project_of
from penstock.sim.rows import SEATS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONG = 20.0
Make = "Callable[..., Shop]"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    with shops(tmp_path) as maker:
        yield maker


def _told(number: int) -> datetime:
    return day(number).replace(tzinfo=None)


# -- merged by key --------------------------------------------------------------------------------------------------


def test_a_merge_replaces_rows_of_the_same_key_and_keeps_the_others(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, newest_orders())
    shop.arrive(0, a="new", b="new")
    shop.arrive(1, b="paid", c="new")
    assert shop.run(days=2).ok
    assert shop.rows("sim.newest") == [("a", "new", _told(0)), ("b", "paid", _told(1)), ("c", "new", _told(1))]


def test_slices_of_a_merge_are_merged_in_order_by_however_many_lanes(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, newest_orders(), lanes=4)
    for number in range(6):
        shop.arrive(number, a=f"s{number}")
    assert shop.run(days=6).ok
    assert shop.rows("sim.newest") == [("a", "s5", _told(5))]


def test_a_merge_refuses_two_new_rows_of_one_key(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, newest_orders())
    shop.arrive(0, a="new paid", b="new")
    report = shop.run(days=1)
    (failure,) = report.failures
    assert (failure.dataset, failure.findings[0].code) == ("sim.newest", "engine.doubled_key")
    assert failure.findings[0].found == "('a',)"
    assert shop.rows("sim.newest") == []


def test_keys_without_a_value_are_equal_to_each_other(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, newest_orders(id_sql="NULL AS id"))
    shop.arrive(0, a="first")
    shop.arrive(1, a="second")
    assert shop.run(days=2).ok
    assert shop.rows("sim.newest", "id, state") == [(None, "second")]


def test_a_merge_that_fails_in_between_stops_the_later_slices_until_it_is_done(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, newest_orders())
    shop.arrive(0, a="s0")
    shop.arrive(1, a="s1 twice")
    shop.arrive(2, a="s2")
    report = shop.run(days=3)
    assert [failure.slice for failure in report.failures] == ["sim.newest[2011-01-02/2011-01-03]"]
    assert report.skipped == ("sim.newest[2011-01-03/2011-01-04]",)
    assert shop.rows("sim.newest", "id, state") == [("a", "s0")]


def test_days_merged_out_of_turn_end_as_if_they_had_been_merged_in_order(make: Callable[..., Shop]) -> None:
    """A run of one later day came first: the days before it must not take its rows' place for good."""
    shop = make(ORDERS, newest_orders())
    for number in range(3):
        shop.arrive(number, a=f"s{number}")
    assert shop.run(days=3, window=Interval(day(2), day(3))).ok
    assert shop.rows("sim.newest", "state") == [("s2",)]
    assert shop.run(days=3).ok
    assert shop.rows("sim.newest", "state") == [("s2",)]
    assert shop.plan(3).works == ()


def test_a_merge_of_the_simulator_keeps_the_newest_of_each_seat() -> None:
    bench = Bench(project_of((landed("sim.raw"), merged("sim.newest", "sim.raw", batch=3))))
    assert bench.run(days=7).ok
    values = [value for _, value in bench.rows("sim.newest") or ()]
    newest = sorted(value.partition(" ")[0] for value in values)
    assert newest == [str(day(number).date()) for number in range(7 - SEATS, 7)]


# -- appended from an offset ----------------------------------------------------------------------------------------


def test_an_append_goes_on_where_it_ended(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, all_orders())
    shop.arrive(0, a="new")
    assert shop.run(days=1).ok
    shop.arrive(1, a="paid", b="new")
    report = shop.run(days=2)
    assert {published.dataset: published.rows for published in report.published}["sim.told"] == 2
    assert shop.rows("sim.told") == [("a", "new", _told(0)), ("a", "paid", _told(1)), ("b", "new", _told(1))]


def test_an_append_that_finds_nothing_new_adds_nothing(make: Callable[..., Shop]) -> None:
    shop = make(orders(missing="empty"), all_orders())
    shop.arrive(0, a="new")
    assert shop.run(days=1).ok
    report = shop.run(days=2)
    assert {published.dataset: published.rows for published in report.published}["sim.told"] == 0
    assert shop.rows("sim.told", "id, state") == [("a", "new")]


def _in_between(shop: Shop, act: Callable[[], None]) -> None:
    """Something happens after an append's rows were made, and before they are published."""
    made = shop.warehouse.session

    def session(timeout: timedelta | None = None) -> Any:
        opened = made(timeout)

        class Watched:
            def __enter__(self) -> Any:
                inner = opened.__enter__()
                stage = inner.stage_query

                def staged(sql: str, params: Any) -> Any:
                    result = stage(sql, params)
                    if "offset" in params:
                        shop.warehouse.session = made  # type: ignore[method-assign]
                        act()
                    return result

                inner.stage_query = staged  # type: ignore[method-assign]
                return inner

            def __exit__(self, *error: Any) -> None:
                opened.__exit__(*error)

        return Watched()

    shop.warehouse.session = session  # type: ignore[method-assign]


def test_rows_that_somebody_else_added_meanwhile_are_not_added_twice(make: Callable[..., Shop]) -> None:
    """Two runs of one append at once: the second finds that it would repeat the first, and makes its rows anew."""
    shop = make(ORDERS, all_orders())
    shop.arrive(0, a="new")
    assert shop.run(days=1).ok
    shop.arrive(1, a="paid")
    beside = []
    _in_between(shop, lambda: beside.append(shop.run(days=2, purpose="beside")))
    assert shop.run(days=2).ok
    assert [report.ok for report in beside] == [True]
    assert shop.states()["sim.told"].count("engine.offset_moved") == 1
    assert shop.rows("sim.told", "id, state") == [("a", "new"), ("a", "paid")]


def test_the_simulators_append_is_refused_when_its_offset_moved() -> None:
    faults = Faults()
    bench = Bench(project_of((landed("sim.raw"), appended("sim.told", "sim.raw"))), faults=faults)
    (raw, told), job = bench.job()
    bench.attempt(raw, 1, job)
    faults.efforts = {faults.seen["efforts"] + 1: Fault.CANCEL}
    faults.on[Fault.CANCEL] = lambda: carry_out(told, 1, replace(job, run="r2"), bench.tools)
    with pytest.raises(TransientError) as caught:
        carry_out(told, 1, job, bench.tools)
    assert caught.value.findings[0].code == "engine.offset_moved"
    assert len(bench.rows("sim.told") or ()) == 1


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_an_append_adds_once_wherever_it_crashes(fault: Fault) -> None:
    project = project_of((landed("sim.raw"), appended("sim.told", "sim.raw")))
    calm = Bench(project)
    calm.run(days=2)
    begun = step_of(calm.faults.trace, "RunStarted")
    for step in range(begun, calm.faults.seen["steps"] + 1):
        bench = Bench(project, faults=Faults(steps={step: fault}))
        with pytest.raises(Crash):
            bench.run(days=2)
        assert bench.faults.fired == bench.faults.asked
        bench.lease()
        assert bench.run(days=2).ok
        assert [moment for moment, _ in bench.rows("sim.told") or ()] == [_told(0), _told(1)]


# -- built together, and stopped ------------------------------------------------------------------------------------


def _small(count: int) -> tuple[Any, ...]:
    base = query("sim.base", "SELECT range AS n FROM range(3)")
    chain = [query(f"sim.t{number}", f"SELECT n + {number} AS n FROM sim.base", "sim.base") for number in range(count)]
    return (base, *chain, query("sim.top", "SELECT count(*) AS n FROM sim.t0, sim.t1", "sim.t0", "sim.t1"))


def test_small_tables_chains_and_views_are_published_in_one_transaction(make: Callable[..., Shop]) -> None:
    seen = query("sim.seen", "SELECT n FROM sim.top", "sim.top", materialization=Materialization.VIEW)
    shop = make(*_small(5), seen, query("sim.end", "SELECT n FROM sim.seen", "sim.seen"))
    assert shop.run(days=0).ok
    assert shop.rows("sim.end") == shop.rows("sim.seen") == [(9,)]
    assert {(name, *states) for name, states in shop.states().items()} == {
        (dataset.name, "published") for dataset in shop.datasets
    }


def test_a_bad_query_among_small_ones_fails_alone_and_the_others_are_there(make: Callable[..., Shop]) -> None:
    bad = query("sim.bad", "SELECT CAST('x' AS INTEGER) AS n FROM sim.base", "sim.base")
    shop = make(*_small(4), bad, query("sim.after", "SELECT n FROM sim.bad", "sim.bad"))
    report = shop.run(days=0)
    assert [(failure.dataset, failure.findings[0].code) for failure in report.failures] == [
        ("sim.bad", "warehouse.refused")
    ]
    assert "Could not convert" in report.failures[0].findings[0].message
    assert report.skipped == ("sim.after",)
    assert {name for name, states in shop.states().items() if states[-1] == "published"} == {
        dataset.name for dataset in _small(4)
    }
    assert not shop.holds("sim.bad")


def test_a_table_that_may_take_only_so_long_is_stopped_and_holds_up_no_small_ones(make: Callable[..., Shop]) -> None:
    slow = query("sim.slow", SLOW, timeout=timedelta(milliseconds=50))
    shop = make(slow, *_small(3))
    report = shop.run(days=0)
    assert [(failure.dataset, failure.findings[0].code) for failure in report.failures] == [
        ("sim.slow", "engine.timeout")
    ]
    assert shop.states()["sim.top"] == ["published"]
    assert not shop.holds("sim.slow")


def _has_begun(shop: Shop, dataset: str) -> bool:
    """Whether an attempt is intended, on disk or not."""
    recorded = shop.journal.rows("attempts", dataset=dataset)
    return bool(recorded) or any(getattr(fact, "dataset", "") == dataset for fact in shop.journal.pending)


@pytest.mark.parametrize("alone", [False, True], ids=["in a lot", "alone"])
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_query_that_would_run_for_ever_is_interrupted_by_cancel(
    make: Callable[..., Shop], lanes: int, *, alone: bool
) -> None:
    slow = query("sim.slow", SLOW, timeout=timedelta(hours=1) if alone else None)
    shop = make(slow, query("sim.quick", "SELECT 1 AS n"), lanes=lanes)
    executor = shop.executor()
    running = shop.admit(executor, days=0)
    thread = threading.Thread(target=executor.drain)
    thread.start()
    waiting = threading.Event()
    while not _has_begun(shop, "sim.slow"):
        assert not waiting.wait(0.0005)
    assert executor.cancel(running.job.run)
    thread.join(LONG)
    assert not thread.is_alive(), "the query was not interrupted"
    assert shop.journal.rows("runs")[0]["state"] == "cancelled"
    assert shop.states()["sim.slow"] == [CANCELLED]
    assert not shop.holds("sim.slow")
    assert shop.warehouse.query("SELECT 1")[1] == [(1,)]


def test_two_runs_of_the_same_tables_at_once_end_as_one(make: Callable[..., Shop]) -> None:
    shop = make(*_small(12), lanes=4)
    executor = shop.executor()
    runs = [shop.admit(executor, days=0, purpose=f"p{number}") for number in range(3)]
    executor.drain()
    assert [running.report.ok for running in runs if running.report] == [True] * 3
    assert shop.rows("sim.top") == [(9,)]
