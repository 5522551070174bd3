"""Several lanes at once, in real threads: what may run together does, what may not never does, and everything stops.

Nothing here is timed: threads meet at events, and a limit of some seconds only ends a test that would hang.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from engine_bench import Bench
from fault_cases import Named

from penstock.adapters.clock import SystemClock
from penstock.engine.attempt import Tools
from penstock.engine.run import CANCELLED
from penstock.ledger.journal import LeaseLostError
from penstock.model.errors import TransientError
from penstock.model.findings import Finding
from penstock.model.pipelines import Limits, Retry
from penstock.sim.files import MemoryFiles
from penstock.sim.projects import landed, project_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.engine.executor import Executor
    from penstock.engine.ports.arrivals import Landing
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.model.sources import FileSource

LONG = 20.0
"""Seconds after which a test gives up: only a hang lasts that long."""
QUICKLY = Retry(attempts=3, delay=0.01, cap=0.02)


class Gate:
    """A place where threads wait for each other; `reach` fails if nobody opens it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.reached = threading.Event()

    def reach(self) -> None:
        self.reached.set()
        assert self.event.wait(LONG), "nobody opened the gate"


class SlowFiles(MemoryFiles):
    """Files whose landing does whatever a test says, dataset by dataset, and counts how many land at once."""

    doing: dict[str, Callable[[], object]]

    def prepare(self) -> SlowFiles:
        self.doing = {}
        self.now, self.most = 0, 0
        self.lock = threading.Lock()
        return self

    @contextmanager
    def land(
        self,
        source: FileSource,
        dataset: str,
        intervals: Sequence[Interval] | None,
        is_unwanted: Callable[[], bool] = lambda: False,
    ) -> Iterator[Landing]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self.doing.get(dataset, lambda: None)()
            with super().land(source, dataset, intervals) as landing:
                yield landing
        finally:
            with self.lock:
                self.now -= 1


class LaneBench(Bench):
    """A bench whose executor has real lanes, a real clock, and files that tests hold back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.slow = SlowFiles(self.drive).prepare()
        self.tools = replace(self.tools, files=self.slow)

    def start(self, lanes: int) -> tuple[Executor, Draining]:
        executor = self.executor(lanes=lanes, clock=SystemClock())
        return executor, Draining(executor)


class Draining:
    """An executor that drains in a thread of its own, until the block is left."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._drain)

    def _drain(self) -> None:
        try:
            self.executor.drain()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self.error = error

    def __enter__(self) -> Draining:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()

    def join(self) -> None:
        self.thread.join(LONG)
        assert not self.thread.is_alive(), "drain does not come to its end"


def _until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    pause = threading.Event()
    for _ in range(int(LONG / 0.01)):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never held")


def _sources(count: int, **changes: Any) -> tuple[Dataset, ...]:
    return tuple(landed(f"sim.s{number}", **changes) for number in range(count))


def _bench(*datasets: Dataset, pools: dict[str, int] | None = None) -> LaneBench:
    return LaneBench(project_of(datasets, pools=pools, retry=QUICKLY))


def test_work_that_takes_long_runs_beside_other_work() -> None:
    """Three landings wait for each other: only together can they go on."""
    bench = _bench(*_sources(3))
    barrier = threading.Barrier(3)
    for number in range(3):
        bench.slow.doing[f"sim.s{number}"] = lambda: barrier.wait(LONG)
    executor, draining = bench.start(lanes=3)
    running = bench.admit(executor)
    with draining:
        pass
    assert draining.error is None
    assert running.report is not None
    assert running.report.ok
    assert bench.slow.most == 3


def test_a_pool_is_never_exceeded_by_lanes() -> None:
    bench = _bench(*_sources(12, limits=Limits(pool="disk")), pools={"disk": 2})
    met = threading.Barrier(2)
    for number in range(12):
        bench.slow.doing[f"sim.s{number}"] = lambda: met.wait(LONG)
    executor, draining = bench.start(lanes=6)
    running = bench.admit(executor)
    with draining:
        pass
    assert running.report is not None
    assert running.report.ok
    assert bench.slow.most == 2


def test_no_more_lanes_than_allowed_work_at_once() -> None:
    bench = _bench(*_sources(8))
    met = threading.Barrier(2)
    for number in range(8):
        bench.slow.doing[f"sim.s{number}"] = lambda: met.wait(LONG)
    executor, draining = bench.start(lanes=2)
    bench.admit(executor)
    with draining:
        pass
    assert bench.slow.most == 2


def test_work_that_is_due_again_does_not_wait_for_a_busy_lane() -> None:
    """The one lane takes something long while a failed piece waits for its second attempt: another lane is opened."""
    bench = _bench(*_sources(2))
    gate, failures = Gate(), iter((True,))

    def fail_once() -> None:
        if next(failures, False):
            raise TransientError(Finding(code="test.passing", message="not yet"))
        gate.event.set()

    bench.slow.doing = {"sim.s0": fail_once, "sim.s1": gate.reach}
    executor, draining = bench.start(lanes=2)
    running = bench.admit(executor)
    with draining:
        pass
    assert draining.error is None
    assert running.report is not None
    assert running.report.ok
    assert bench.states() == {"sim.s0": ["test.passing", "published"], "sim.s1": ["published"]}


def test_runs_are_taken_up_while_others_are_under_way() -> None:
    bench = _bench(*_sources(2))
    gate = Gate()
    bench.slow.doing["sim.s0"] = gate.reach
    executor, draining = bench.start(lanes=2)
    executor.stay()
    everything = bench.project
    with draining:
        bench.project = everything.narrowed(["sim.s0"])
        slow = bench.admit(executor, purpose="slow")
        assert gate.reached.wait(LONG)
        bench.project = everything.narrowed(["sim.s1"])
        quick = bench.admit(executor, purpose="quick")
        _until(lambda: quick.report is not None)
        assert slow.report is None
        gate.event.set()
        executor.leave()
    assert draining.error is None
    assert [running.report and running.report.ok for running in (slow, quick)] == [True, True]


def test_an_executor_that_stays_waits_for_work_and_leaves_when_told() -> None:
    bench = _bench(*_sources(1))
    executor, draining = bench.start(lanes=1)
    executor.stay()
    with draining:
        running = bench.admit(executor)
        _until(lambda: running.report is not None)
        assert draining.thread.is_alive()
        executor.leave()
    assert draining.error is None


def test_a_lane_that_dies_ends_the_drain_with_its_error() -> None:
    bench = _bench(*_sources(2))
    gate = Gate()

    def die() -> None:
        assert gate.reached.wait(LONG)
        gate.event.set()
        raise RuntimeError("a fault of ours")

    bench.slow.doing = {"sim.s0": gate.reach, "sim.s1": die}
    executor, draining = bench.start(lanes=2)
    bench.admit(executor)
    with draining:
        pass
    assert str(draining.error) == "a fault of ours"
    assert bench.journal.rows("runs")[0]["state"] == "running"
    bench.lease()
    bench.slow.doing.clear()
    assert bench.run().ok
    assert set(bench.warehouse.applied.values()) == {1}


def test_ctrl_c_does_not_wait_for_other_lanes() -> None:
    bench = _bench(*_sources(2))
    gate = Gate()

    def interrupt() -> None:
        assert gate.reached.wait(LONG)
        raise KeyboardInterrupt

    bench.slow.doing = {"sim.s0": interrupt, "sim.s1": gate.reach}
    executor, draining = bench.start(lanes=2)
    bench.admit(executor)
    draining.thread.start()
    draining.thread.join(LONG / 4)
    waited = draining.thread.is_alive()
    gate.event.set()
    draining.join()
    assert not waited
    assert isinstance(draining.error, KeyboardInterrupt)


def test_a_lost_lease_stops_every_lane() -> None:
    bench = _bench(*_sources(4))
    barrier = threading.Barrier(2)

    def lose() -> None:
        if barrier.wait(LONG) == 0:
            bench.take_over()
        barrier.wait(LONG)

    bench.slow.doing = dict.fromkeys(("sim.s0", "sim.s1"), lose)
    executor, draining = bench.start(lanes=2)
    bench.admit(executor)
    with draining:
        pass
    assert isinstance(draining.error, LeaseLostError)
    assert bench.warehouse.applied == {}
    bench.slow.doing.clear()
    bench.lease()
    assert bench.run().ok


def test_cancelling_a_run_leaves_the_lane_of_another_alone() -> None:
    bench = _bench(*_sources(2))
    mine, yours = Gate(), Gate()
    bench.slow.doing = {"sim.s0": mine.reach, "sim.s1": yours.reach}
    executor, draining = bench.start(lanes=2)
    everything = bench.project
    bench.project = everything.narrowed(["sim.s0"])
    first = bench.admit(executor, purpose="mine")
    bench.project = everything.narrowed(["sim.s1"])
    second = bench.admit(executor, purpose="yours")
    with draining:
        assert mine.reached.wait(LONG)
        assert yours.reached.wait(LONG)
        assert executor.cancel(first.job.run)
        mine.event.set()
        yours.event.set()
    bench.project = everything
    assert first.report is not None
    assert second.report is not None
    assert (str(first.report.state), str(second.report.state)) == ("cancelled", "published")
    assert bench.states() == {"sim.s0": [CANCELLED], "sim.s1": ["published"]}


def test_cancelled_a_run_is_recorded_only_when_its_last_piece_has_ended() -> None:
    bench = _bench(*_sources(2), whole("sim.top", "sim.s0", "sim.s1"))
    gate = Gate()
    bench.slow.doing = {"sim.s0": gate.reach}
    executor, draining = bench.start(lanes=2)
    running = bench.admit(executor)
    with draining:
        assert gate.reached.wait(LONG)
        executor.cancel(running.job.run)
        assert running.report is None
        assert bench.journal.rows("runs")[0]["state"] == "running"
        gate.event.set()
    assert bench.journal.rows("runs")[0]["state"] == "cancelled"
    entries = list(bench.journal.entries())
    assert entries[-1].kind == "RunFinished"


def test_a_wait_for_a_retry_ends_when_the_run_is_cancelled() -> None:
    """Nobody waits out a backoff of an hour for a run that is over."""
    patient = replace(landed("sim.s0"), retry=Retry(attempts=3, delay=3600.0, cap=3600.0))
    bench = LaneBench(project_of((patient,)), faults=Named(passing={"sim.s0": 1}))
    bench.tools = Tools(journal=bench.journal, warehouse=bench.warehouse, files=bench.files, processes=bench.processes)
    executor, draining = bench.start(lanes=1)
    running = bench.admit(executor)
    retrying = threading.Event()
    running.notice = lambda _work, state: retrying.set() if state == "retrying" else None
    with draining:
        assert retrying.wait(LONG)
        assert executor.cancel(running.job.run)
    assert draining.error is None
    assert bench.journal.rows("runs")[0]["state"] == "cancelled"


@pytest.mark.parametrize("lanes", [1, 4])
def test_many_small_tables_and_lanes_end_as_one_lane_does(lanes: int) -> None:
    datasets = [*_sources(3), *(whole(f"sim.t{number}", f"sim.s{number % 3}") for number in range(40))]
    datasets += [whole(f"sim.u{number}", f"sim.t{number}", f"sim.t{39 - number}") for number in range(40)]
    bench = _bench(*datasets)
    executor, draining = bench.start(lanes=lanes)
    running = bench.admit(executor, days=2)
    with draining:
        pass
    assert draining.error is None
    assert running.report is not None
    assert running.report.ok
    assert set(bench.warehouse.applied.values()) == {1}
    alone = Bench(bench.project)
    alone.run(days=2)
    assert all(bench.rows(dataset.name) == alone.rows(dataset.name) for dataset in datasets[3:])
