"""The simulator's parts: a clock that only sleeping moves, faults that fire where asked, rows that tell origin."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from penstock.model.errors import TaskError
from penstock.sim.clock import EPOCH, VirtualClock
from penstock.sim.faults import Crash, Fault, Faults, draw_faults
from penstock.sim.projects import landed
from penstock.sim.rows import Row, evaluate
from penstock.sim.warehouse import MemoryWarehouse

UP = '"_versions"."sim__up__1"'
FIRST, SECOND = datetime(2011, 1, 1), datetime(2011, 1, 2)  # noqa: DTZ001 - the warehouse's moments carry no zone


def test_sleeping_advances_both_clocks_and_takes_no_time() -> None:
    clock = VirtualClock()
    clock.sleep(90)
    assert (clock.now(), clock.monotonic(), clock.slept) == (EPOCH + timedelta(seconds=90), 90.0, 90.0)


def test_a_jump_moves_the_wall_clock_alone() -> None:
    clock = VirtualClock()
    clock.jump(-3600)
    assert (clock.now(), clock.monotonic()) == (EPOCH - timedelta(hours=1), 0.0)


def test_jitter_follows_from_the_seed() -> None:
    one, same, other = (VirtualClock(seed) for seed in (1, 1, 2))
    drawn = [one.jitter() for _ in range(3)]
    assert drawn == [same.jitter() for _ in range(3)]
    assert drawn != [other.jitter() for _ in range(3)]
    assert all(0 <= number < 1 for number in drawn)


@pytest.mark.parametrize(("fault", "kept"), [(Fault.CRASH_BEFORE, []), (Fault.CRASH_AFTER, ["done"])])
def test_a_crash_falls_before_or_after_what_the_step_does(fault: Fault, kept: list[str]) -> None:
    faults, disk = Faults(steps={2: fault}), []
    with faults.step("first"):
        pass
    with pytest.raises(Crash), faults.step("second"):
        disk.append("done")
    assert disk == kept
    assert faults.fired == faults.asked == {fault: 1}


def test_nothing_of_ours_catches_a_crash() -> None:
    assert not issubclass(Crash, Exception)


def test_faults_are_drawn_within_what_a_run_reaches() -> None:
    for seed in range(50):
        faults = draw_faults(random.Random(seed), steps=6, commits=2)  # noqa: S311 - repeatable
        assert set(faults.steps) <= set(range(1, 7))
        assert set(faults.commits) <= {1, 2}
        assert faults.steps


def test_a_simulated_row_tells_what_it_was_made_of() -> None:
    bounds = {"interval_start": FIRST, "interval_end": SECOND}

    def made_of(*rows: Row) -> tuple[Row, ...]:
        return evaluate(f"SELECT moment FROM {UP} WHERE 1 = 1", bounds, lambda _name: rows)

    assert made_of() == ()
    assert made_of((FIRST, "a")) != made_of((FIRST, "b"))
    assert made_of((FIRST, "a"), (SECOND, "x")) == made_of((FIRST, "a"), (SECOND, "y"))


def test_the_simulated_warehouse_admits_what_it_cannot_answer() -> None:
    with MemoryWarehouse({}).session() as session, pytest.raises(TaskError, match="cannot answer"):
        session.fetch("SELECT sum(value) FROM staging")


def test_a_simulated_audit_says_what_it_was_told() -> None:
    with MemoryWarehouse({}, answer=lambda _sql: [(3,)]).session() as session:
        assert session.fetch("SELECT sum(value) FROM staging") == [(3,)]


def test_simulated_sources_land_a_file_a_day() -> None:
    assert str(landed("sim.raw", batch=2).interval) == "day(moment)"
