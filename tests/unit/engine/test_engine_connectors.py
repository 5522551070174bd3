"""Sources that connectors bring: crashes, conflicts and unknown commits neither lose rows nor repeat them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from engine_bench import Bench, day

from penstock.engine.attempt import carry_out
from penstock.model.errors import TaskError
from penstock.model.pipelines import Materialization
from penstock.plan.build import BuildPlan, coverage_of, plan_build
from penstock.sim.connectors import MemoryConnectors
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import brought, project_of

if TYPE_CHECKING:
    from penstock.model.pipelines import Dataset

FEED = brought("sim.feed")
MERGED = brought("sim.feed", materialization=Materialization.MERGE, key=("moment",))
LOADS = (3, 0, 4)
"""How many rows come before each load."""


class Reading(Bench):
    """A bench with a connector, whose loads are due whenever the day is another one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.connectors = MemoryConnectors(self.drive, self.faults)
        self.tools = replace(self.tools, connectors=self.connectors)

    def plan(self, days: int) -> BuildPlan:
        coverage = coverage_of(self.journal.rows("coverage"), self.journal.rows("stale"))
        return plan_build(self.project, coverage, day(days), arrived={"sim.feed": str(days)})

    def live(self) -> None:
        """Every load of `LOADS`; one that crashes is begun anew by another executor, until it is done."""
        for number, more in enumerate(LOADS, 1):
            self.connectors.there += more
            while not self._loaded(number):
                self.token = 0

    def _loaded(self, number: int) -> bool:
        try:
            return self.run(number).ok
        except Crash:
            return False

    def numbers(self) -> list[str]:
        return sorted(value for _, value in self.rows("sim.feed") or ())


def _bench(dataset: Dataset = FEED, faults: Faults | None = None) -> Reading:
    return Reading(project_of((dataset,)), faults=faults or Faults())


ALL = [f"row {number}" for number in range(sum(LOADS))]


def test_each_load_goes_on_from_the_state_of_the_one_before() -> None:
    bench = _bench()
    bench.live()
    assert bench.connectors.asked == [None, "3", "3"]
    assert bench.numbers() == ALL


@pytest.mark.parametrize("dataset", [FEED, MERGED], ids=["append", "merge"])
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_a_crash_at_any_step_neither_loses_rows_nor_repeats_them(dataset: Dataset, fault: Fault) -> None:
    calm = _bench(dataset)
    calm.live()
    steps = calm.faults.seen["steps"]
    assert steps > 10
    for step in range(1, steps + 1):
        bench = _bench(dataset, Faults(steps={step: fault}))
        bench.live()
        assert bench.faults.fired == bench.faults.asked, step
        assert bench.numbers() == ALL, bench.faults.trace


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.COMMIT_LOST, Fault.COMMIT_KEPT])
@pytest.mark.parametrize("commit", [1, 2, 3])
def test_a_commit_of_unknown_outcome_neither_loses_rows_nor_repeats_them(fault: Fault, commit: int) -> None:
    bench = _bench(faults=Faults(commits={commit: fault}))
    bench.live()
    assert bench.faults.fired == {fault: 1}
    assert bench.numbers() == ALL


def test_two_reads_from_one_state_publish_once() -> None:
    bench = _bench()
    bench.connectors.there = 3
    ((work,), job) = bench.job(1)
    bench.attempt(work, 1, job)
    bench.connectors.there = 5
    assert carry_out(work, 2, job, bench.tools).rows == 3
    assert bench.numbers() == ALL[:3]


def test_without_anything_that_runs_connectors_an_attempt_says_so() -> None:
    bench = _bench()
    ((work,), job) = bench.job(1)
    with pytest.raises(TaskError) as caught:
        carry_out(work, 1, job, replace(bench.tools, connectors=None))
    assert caught.value.findings[0].code == "source.no_reader"
