"""An engine over stores in memory: plan, run, promote; and a way to look at what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from penstock.engine.attempt import Job, Published, Tools, carry_out, record_of
from penstock.engine.executor import Executor, execute
from penstock.engine.lease import EXECUTOR, take_lease
from penstock.engine.run import Request, Running, RunReport
from penstock.ledger.facts import LeaseTaken
from penstock.plan.build import BuildPlan, coverage_of, plan_build
from penstock.sim.clock import EPOCH, VirtualClock
from penstock.sim.faults import Faults
from penstock.sim.files import MemoryFiles
from penstock.sim.journal import MemoryJournal
from penstock.sim.processes import MemoryProcesses
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.engine.ports.clock import Clock
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
        self.files = MemoryFiles(self.drive, self.missing, self.faults)
        self.processes = MemoryProcesses(self.drive, self.faults)
        self.tools = Tools(journal=self.journal, warehouse=self.warehouse, files=self.files, processes=self.processes)
        self.token = 0
        self.progress: list[tuple[str, str]] = []

    def lease(self) -> int:
        """Become the executor after the one before has died; what was left open is settled."""
        self.journal.lose_pending()
        self.token = take_lease(self.journal, self.warehouse, "test")
        return self.token

    def take_over(self) -> None:
        """Another process becomes the executor while this one still works, and dies at once."""
        self.token += 1
        self.journal.write(LeaseTaken(name=EXECUTOR, holder="another", token=self.token))
        self.warehouse.show_token(self.token)

    def plan(self, days: int) -> BuildPlan:
        """What is missing up to the end of the n-th day."""
        rows = self.journal.rows
        coverage = coverage_of(rows("coverage"), rows("stale"), rows("horizons"))
        return plan_build(self.project, coverage, day(days))

    def run(self, days: int = 1, purpose: str = "test") -> RunReport:
        """Build up to the end of the n-th day."""
        if not self.token:
            self.lease()
        request = Request(purpose=purpose, project=self.project, plan=self.plan(days))
        return execute(request, self.tools, self.clock, self.token, self.note)

    def executor(self, *, lanes: int = 1, clock: Clock | None = None, tools: Tools | None = None) -> Executor:
        """The executor of the present lease."""
        if not self.token:
            self.lease()
        return Executor(tools or self.tools, clock or self.clock, self.token, lanes=lanes)

    def admit(self, executor: Executor, days: int = 1, purpose: str = "test", queued: str = "") -> Running:
        """Hand an executor a run up to the end of the n-th day."""
        request = Request(purpose=purpose, project=self.project, plan=self.plan(days), queued=queued)
        return executor.admit(request, self.note)

    def job(self, days: int = 1) -> tuple[tuple[Work, ...], Job]:
        """The work of a plan and the constants of its run, for carrying out attempts by hand."""
        if not self.token:
            self.lease()
        plan = self.plan(days)
        job = Job(run="r1", purpose="test", project=self.project, versions=plan.versions, token=self.token)
        return plan.works, job

    def attempt(self, work: Work, number: int, job: Job) -> Published:
        """Carry out an attempt and record it as the executor does."""
        published = carry_out(work, number, job, self.tools)
        self.journal.append(record_of(work, number, job, published), token=self.token)
        return published

    def rows(self, dataset: str) -> tuple[Row, ...] | None:
        """The rows of a dataset's version, or None if it has none that anybody could see."""
        version = self.plan(0).versions[dataset]
        held = version.relation in self.warehouse.relations()
        return self.warehouse.rows(version.relation) if held else None

    def attempts(self, **equal: str | int) -> tuple[Mapping[str, Value], ...]:
        """The ledger's attempts."""
        rows = self.journal.rows("attempts")
        return tuple(row for row in rows if all(row[name] == value for name, value in equal.items()))

    def states(self) -> dict[str, list[str]]:
        """How each dataset's attempts ended: their states, or the codes of those that failed."""
        found: dict[str, list[str]] = {}
        for row in self.attempts():
            found.setdefault(str(row["dataset"]), []).append(str(row["code"] or row["state"]))
        return found

    def facts(self) -> list[str]:
        """The kinds of every fact, in order."""
        return [entry.kind for entry in self.journal.entries()]

    def note(self, work: Work, state: str) -> None:
        """Progress, as the executor tells it."""
        self.progress.append((str(work.slice), state))


def step_of(trace: list[str], name: str, occurrence: int = 0) -> int:
    """The number of the n-th durable step whose line holds a name."""
    return [int(line.split()[0]) for line in trace if name in line and line[0].isdigit()][occurrence]
