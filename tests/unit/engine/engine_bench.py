"""An engine over stores in memory: plan, run, promote; and a way to look at what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from penstock.engine.attempt import Job, Tools
from penstock.engine.executor import Request, RunReport, execute
from penstock.engine.lease import take_lease
from penstock.plan.build import BuildPlan, coverage_of, plan_build
from penstock.sim.clock import EPOCH, VirtualClock
from penstock.sim.faults import Faults
from penstock.sim.files import MemoryFiles
from penstock.sim.journal import MemoryJournal
from penstock.sim.python import MemoryPython
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.ledger.journal import Value
    from penstock.model.pipelines import Project
    from penstock.plan.build import Work
    from penstock.sim.rows import Drive, Row


def day(number: int) -> datetime:
    """The start of a day, counted from the first."""
    return EPOCH + timedelta(days=number)


@dataclass
class Bench:
    """One project's stores. `lease` makes the next executor."""

    project: Project
    faults: Faults = field(default_factory=Faults)
    missing: frozenset[str] = frozenset()
    answer: Callable[[str], list[tuple[Any, ...]] | None] = lambda _sql: None

    def __post_init__(self) -> None:
        self.clock = VirtualClock(seed=1)
        self.drive: Drive = {}
        self.journal = MemoryJournal(self.clock.stamp, self.faults)
        self.warehouse = MemoryWarehouse(self.drive, self.faults, self.answer)
        self.files = MemoryFiles(self.drive, self.missing)
        self.tools = Tools(
            journal=self.journal, warehouse=self.warehouse, files=self.files, python=MemoryPython(self.drive)
        )
        self.token = 0
        self.progress: list[tuple[str, str]] = []

    def lease(self) -> int:
        """Become the executor; what was left open is settled."""
        self.token = take_lease(self.journal, self.warehouse, "test")
        return self.token

    def plan(self, days: int) -> BuildPlan:
        """What is missing up to the end of the n-th day."""
        return plan_build(self.project, coverage_of(self.journal.rows("coverage")), day(days))

    def run(self, days: int = 1, purpose: str = "test") -> RunReport:
        """Build up to the end of the n-th day."""
        if not self.token:
            self.lease()
        request = Request(purpose=purpose, project=self.project, plan=self.plan(days))
        return execute(request, self.tools, self.clock, self.token, self._note)

    def job(self, days: int = 1) -> tuple[tuple[Work, ...], Job]:
        """The work of a plan and the constants of its run, for carrying out attempts by hand."""
        if not self.token:
            self.lease()
        plan = self.plan(days)
        job = Job(run="r1", purpose="test", project=self.project, versions=plan.versions, token=self.token)
        return plan.works, job

    def rows(self, dataset: str) -> tuple[Row, ...] | None:
        """The rows of a dataset's version, or None if it has none that anybody could see."""
        version = self.plan(0).versions[dataset]
        held = version.relation in self.warehouse.relations()
        return self.warehouse.rows(version.relation) if held else None

    def attempts(self, **equal: Value) -> tuple[Mapping[str, Value], ...]:
        """The ledger's attempts."""
        return self.journal.rows("attempts", **equal)

    def facts(self) -> list[str]:
        """The kinds of every fact, in order."""
        return [entry.kind for entry in self.journal.entries()]

    def _note(self, work: Work, state: str) -> None:
        self.progress.append((str(work.slice), state))
