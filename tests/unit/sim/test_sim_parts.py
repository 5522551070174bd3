"""The simulator's parts: a clock that only sleeping moves, faults that fire where asked, rows that tell origin."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from penstock.engine.ports.processes import Order
from penstock.model.errors import TaskError, TransientError
from penstock.model.intervals import Interval
from penstock.model.pipelines import Materialization, PythonTask, SqlTask
from penstock.model.sources import FileSource
from penstock.sim.clock import EPOCH, VirtualClock
from penstock.sim.faults import Crash, Fault, Faults, draw_faults
from penstock.sim.files import MemoryFiles
from penstock.sim.processes import MemoryProcesses
from penstock.sim.projects import coded, landed
from penstock.sim.rows import Drive, Row, evaluate
from penstock.sim.scenario import Asked, Built, Restated, draw_scenario
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
        faults = draw_faults(random.Random(seed), {"steps": 6, "commits": 2, "efforts": 3})  # noqa: S311 - repeatable
        assert set(faults.steps) <= set(range(1, 7))
        assert set(faults.commits) <= {1, 2}
        assert set(faults.efforts) <= {1, 2, 3}
        assert faults.steps


def test_an_effort_fails_as_it_was_asked_to() -> None:
    faults = Faults(efforts={2: Fault.PASSING, 3: Fault.BROKEN})
    faults.effort("first")
    with pytest.raises(TransientError):
        faults.effort("second")
    with pytest.raises(TaskError):
        faults.effort("third")
    assert faults.fired == faults.asked


def test_the_outside_acts_when_its_fault_fires_and_before_the_step() -> None:
    done: list[str] = []
    faults = Faults(steps={2: Fault.TAKEOVER}, on={Fault.TAKEOVER: lambda: done.append("taken")})
    for name in ("first", "second"):
        with faults.step(name):
            done.append(name)
    assert done == ["first", "taken", "second"]


def test_a_simulated_row_tells_what_it_was_made_of() -> None:
    bounds = {"interval_start": FIRST, "interval_end": SECOND}

    def made_of(*rows: Row) -> tuple[Row, ...]:
        return evaluate(f"SELECT moment FROM {UP} WHERE 1 = 1", bounds, lambda _name: rows)

    assert made_of() == ()
    assert made_of((FIRST, "a")) != made_of((FIRST, "b"))
    assert made_of((FIRST, "a"), (SECOND, "x")) == made_of((FIRST, "a"), (SECOND, "y"))


def test_a_simulated_append_sees_what_lies_after_its_offset() -> None:
    rows: tuple[Row, ...] = ((FIRST, "a"), (SECOND, "b"))
    sql = f"SELECT moment FROM {UP} WHERE $offset IS NULL OR moment > $offset"
    assert [moment for moment, _ in evaluate(sql, {"offset": None}, lambda _name: rows)] == [FIRST, SECOND]
    assert [moment for moment, _ in evaluate(sql, {"offset": FIRST}, lambda _name: rows)] == [SECOND]


def test_a_seat_is_taken_by_the_newest_of_the_days_that_share_it() -> None:
    days: tuple[Row, ...] = tuple((FIRST + timedelta(days=number), "x") for number in range(5))
    bounds = {"interval_start": FIRST, "interval_end": FIRST + timedelta(days=9)}
    made = evaluate(f"SELECT seat(moment) AS moment FROM {UP} WHERE 1 = 1", bounds, lambda _name: days)
    assert {moment: value.partition(" ")[0] for moment, value in made} == {FIRST: "2011-01-05", SECOND: "2011-01-04"}


def test_corrected_files_hold_other_rows_for_their_days_alone() -> None:
    drive: Drive = {}
    files, source = MemoryFiles(drive), landed("sim.raw").task
    assert isinstance(source, FileSource)
    days = [Interval(EPOCH + timedelta(days=number), EPOCH + timedelta(days=number + 1)) for number in range(2)]

    def landing() -> list[str]:
        with files.land(source, "sim.raw", days) as landed_rows:
            return [value for _, value in drive[landed_rows.path]]

    before = landing()
    files.correct("sim.raw", days[:1])
    assert [old == new for old, new in zip(before, landing(), strict=True)] == [False, True]
    assert drive == {}


def test_a_scenario_follows_from_its_seed() -> None:
    drawn = [draw_scenario(seed, random.Random(seed)) for seed in (1, 1, 2)]  # noqa: S311 - repeatable
    assert drawn[0] == drawn[1] != drawn[2]


def test_scenarios_hold_every_kind_of_dataset_and_of_act() -> None:
    drawn = [draw_scenario(seed, random.Random(seed)) for seed in range(80)]  # noqa: S311 - repeatable
    datasets = [dataset for scenario in drawn for dataset in scenario.project.datasets.values()]
    assert {dataset.materialization for dataset in datasets} == set(Materialization)
    assert {type(dataset.task) for dataset in datasets} == {FileSource, PythonTask, SqlTask}
    assert {type(act) for scenario in drawn for act in scenario.acts} == {Asked, Built, Restated}
    assert any(
        request.window
        for scenario in drawn
        for act in scenario.acts
        if isinstance(act, Asked)
        for request in act.requests
    )
    assert any(len(act.requests) > 1 for scenario in drawn for act in scenario.acts if isinstance(act, Asked))
    assert any(dataset.limits.pool for dataset in datasets)


def test_a_process_that_is_stopped_while_it_works_fails() -> None:
    drive: Drive = {}
    faults = Faults(efforts={1: Fault.CANCEL})
    processes = MemoryProcesses(drive, faults)
    faults.on[Fault.CANCEL] = lambda: processes.stop("r1")
    order = Order(
        run="r1", log="sim.made", dataset=coded("sim.made"), inputs={}, output=Path("/sim/out"), interval=None
    )
    with pytest.raises(TaskError, match="killed"):
        processes.run(order)
    processes.run(order)
    assert len(drive[Path("/sim/out")]) == 1


def test_the_simulated_warehouse_admits_what_it_cannot_answer() -> None:
    with MemoryWarehouse({}).session() as session, pytest.raises(TaskError, match="cannot answer"):
        session.fetch("SELECT sum(value) FROM staging")


def test_a_simulated_audit_says_what_it_was_told() -> None:
    with MemoryWarehouse({}, answer=lambda _sql: [(3,)]).session() as session:
        assert session.fetch("SELECT sum(value) FROM staging") == [(3,)]


def test_simulated_sources_land_a_file_a_day() -> None:
    assert str(landed("sim.raw", batch=2).interval) == "day(moment)"
