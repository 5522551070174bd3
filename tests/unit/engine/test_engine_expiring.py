"""Rows expire once, whatever crashes or breaks; nobody counts on them from before the first of them goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from engine_bench import Bench

from penstock.engine.expiring import Due, expire
from penstock.plan.versions import versions_of
from penstock.sim.clock import EPOCH
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import landed, project_of, sliced

PROJECT = project_of([landed("sim.raw"), sliced("sim.daily", "sim.raw")])
VERSION = versions_of(PROJECT)["sim.daily"]
DUE = Due(
    dataset="sim.daily",
    before=EPOCH + timedelta(days=2),
    column="moment",
    why="a contract",
    versions=((VERSION, "moment"),),
)


def _bench(faults: Faults | None = None) -> Bench:
    bench = Bench(PROJECT, faults=faults or Faults())
    bench.run(4)
    return bench


def _steps() -> tuple[int, list[str]]:
    """How many durable steps a run takes, and those of an expiry after it."""
    bench = _bench()
    before = len(bench.faults.trace)
    expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
    return before, bench.faults.trace[before:]


BEFORE, STEPS = _steps()


def _rows(bench: Bench) -> int:
    return len([moment for moment, _ in bench.warehouse.rows(VERSION.relation) if moment is not None])


def test_what_expired_is_recorded_with_why_and_by_whom_and_is_planned_no_more() -> None:
    bench = _bench()
    held = _rows(bench)
    (done,) = expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
    assert (done.rows, _rows(bench)) == (2, held - 2)
    (row,) = bench.journal.rows("expiries")
    assert (row["state"], row["rows"], row["start"], row["before"]) == ("expired", 2, "2011-01-01", "2011-01-03")
    assert (row["why"], row["asked_by"]) == ("a contract", "ana")
    assert bench.run(4).ok
    assert _rows(bench) == held - 2


def test_a_horizon_moves_though_no_version_holds_anything() -> None:
    bench = _bench()
    due = replace(DUE, versions=())
    assert expire(bench.journal, bench.warehouse, due, by="ana", token=bench.token) == ()
    horizons = [(row["before"], row["counted_by"]) for row in bench.journal.rows("horizons")]
    assert horizons == [("2011-01-03", "moment")]
    assert bench.journal.rows("expiries") == ()


def test_each_expiry_has_an_id_of_its_own_though_horizon_versions_and_executor_are_the_same() -> None:
    bench = _bench()
    ids = set()
    for _ in range(3):  # rows may come again meanwhile, and a target does nothing twice for one id
        expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
        ids |= {row["expiry"] for row in bench.journal.rows("expiries")}
    assert len(ids) == 3


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("step", range(len(STEPS)), ids=lambda step: STEPS[step].split()[1])
def test_a_crash_at_any_step_is_settled_by_the_next_executor(step: int, fault: Fault) -> None:
    faults = Faults(steps={BEFORE + step + 1: fault})
    bench = _bench(faults)
    held = _rows(bench)
    with pytest.raises(Crash):
        expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
    assert faults.fired == faults.asked
    bench.lease()
    began = bool(bench.journal.rows("horizons"))
    assert began == (step > 0 or fault is Fault.CRASH_AFTER)
    assert {row["state"] for row in bench.journal.rows("expiries")} == ({"expired"} if began else set())
    assert [row["rows"] for row in bench.journal.rows("expiries")] == ([2] if began else [])
    assert _rows(bench) == (held - 2 if began else held)


@pytest.mark.parametrize("fault", [Fault.COMMIT_LOST, Fault.COMMIT_KEPT])
def test_a_commit_of_unknown_outcome_is_asked_for_again_and_done_once(fault: Fault) -> None:
    commits = _bench().faults.seen["commits"]
    faults = Faults(commits={commits + 1: fault})
    bench = _bench(faults)
    held = _rows(bench)
    (done,) = expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
    assert faults.fired == faults.asked
    assert (done.rows, _rows(bench)) == (2, held - 2)


def test_a_version_that_was_removed_meanwhile_is_recorded_as_having_nothing() -> None:
    faults = Faults(steps={BEFORE + 1: Fault.CRASH_AFTER})
    bench = _bench(faults)
    with pytest.raises(Crash):
        expire(bench.journal, bench.warehouse, DUE, by="ana", token=bench.token)
    assert faults.fired == faults.asked
    bench.warehouse.drop([VERSION], token=bench.token)
    bench.lease()
    assert [(row["state"], row["rows"]) for row in bench.journal.rows("expiries")] == [("expired", 0)]
