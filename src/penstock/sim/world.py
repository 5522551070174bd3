"""One simulated life of a project: built, killed, taken over, cancelled, restated, until everything is there.

Everything follows from the seed: the project, what is wanted of it, and the faults. What becomes of it is judged in
`judging`, by a life without faults and by one that began when everything had been corrected.
"""

from __future__ import annotations

import json
import random
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.engine.attempt import Tools
from penstock.engine.executor import Executor
from penstock.engine.lease import take_lease
from penstock.engine.promotion import promote
from penstock.engine.requests import BACKFILL, RETRY, RunRequest, queued, read_request, run_row
from penstock.engine.run import Request
from penstock.engine.states import RunState
from penstock.ledger.facts import BackfillRequested, LeaseTaken, RunCancelRequested, RunFinished
from penstock.ledger.journal import LeaseLostError
from penstock.model.errors import TaskError
from penstock.plan.backfill import plan_backfill
from penstock.plan.build import coverage_of, plan_build
from penstock.plan.versions import versions_of
from penstock.sim.clock import VirtualClock
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.files import MemoryFiles
from penstock.sim.journal import MemoryJournal
from penstock.sim.processes import MemoryProcesses
from penstock.sim.scenario import ENVIRONMENT, Asked, Built, Restated
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from penstock.engine.ports.publishing import Publication
    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Receipt
    from penstock.plan.build import BuildPlan, Coverage, Work
    from penstock.sim.rows import Drive, Row
    from penstock.sim.scenario import Act, Scenario

MOST_LIVES, MOST_TURNS = 60, 100
RESTLESS = 0.2
"""How often the disk is quicker than whoever submitted something."""
LOST = frozenset({str(RunState.FAILED), str(RunState.CANCELLED)})
DONE = frozenset({str(RunState.PUBLISHED), str(RunState.NOTHING)})


class RestlessJournal(MemoryJournal):
    """A journal that sometimes records what was submitted before anybody waits for it, as a real one does."""

    def __init__(self, now: Callable[[], str], faults: Faults, chance: random.Random) -> None:
        super().__init__(now, faults)
        self._chance = chance

    def submit(self, *facts: Fact, token: int | None = None) -> Receipt:
        """Hand facts in; see `Journal.submit`."""
        receipt = super().submit(*facts, token=token)
        if self._chance.random() < RESTLESS:
            self.flush()
        return receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilling:
    """What a person asks for with a backfill: the marks and the run, in one breath."""

    requested: BackfillRequested
    request: RunRequest


class World:
    """The stores of one life, which outlive its executors, and the people around it, who outlive them too.

    `seen_early` notes what became visible before the ledger had its intent and its audit on disk.
    """

    def __init__(self, scenario: Scenario, faults: Faults) -> None:
        self.scenario, self.faults = scenario, faults
        self.clock = VirtualClock(scenario.seed)
        self.chance = random.Random(scenario.seed)  # noqa: S311 - repeatable chance, not secrecy
        drive: Drive = {}
        self.journal = RestlessJournal(self.clock.stamp, faults, random.Random(scenario.seed))  # noqa: S311 - as above
        self.warehouse = MemoryWarehouse(drive, faults)
        self.files = MemoryFiles(drive, faults=faults)
        self.tools = Tools(
            journal=self.journal,
            warehouse=self.warehouse,
            files=self.files,
            processes=MemoryProcesses(drive, faults),
        )
        self.seen_early: list[str] = []
        self.warehouse.witness = self._witness
        self._acts: list[Act] = list(scenario.acts)
        self._act, self._turns = 0, 0
        self.restated: dict[str, Restated] = {}
        self._asked: dict[str, Backfilling] = {}
        self._executors: list[Executor] = []
        faults.on |= {
            Fault.TAKEOVER: self._take_over,
            Fault.OVERTAKEN: self._overtake,
            Fault.CANCEL: self._cancel,
            Fault.RESTATED: self._restate,
            Fault.CLOCK_JUMP: lambda: self.clock.jump(self.chance.choice((-7200, -1, 3600))),
        }

    # -- executors --------------------------------------------------------------------------------------------------

    def live(self) -> int:
        """Executors, one after the other, until one of them finds nothing left to do; how many it took.

        Raises:
            RuntimeError: they never come to an end.
        """
        for lives in range(1, MOST_LIVES):
            with suppress(Crash):
                if self._execute(f"executor {lives}"):
                    return lives
            self.journal.lose_pending()
        raise RuntimeError(f"seed {self.scenario.seed}: {MOST_LIVES} executors were not enough")

    def _execute(self, holder: str) -> bool:
        """One executor, until everything is done; False if another one replaced it.

        Raises:
            RuntimeError: it goes round in circles.
        """
        try:
            token = take_lease(self.journal, self.warehouse, holder)
            while self._act < len(self._acts):
                if not self.journal.beat(token):
                    return False
                self._turns += 1
                if self._turns > MOST_TURNS:
                    raise RuntimeError(f"seed {self.scenario.seed}: act {self._act} does not come to its end")
                number = self._act
                act = self._acts[number]
                if self._perform(act, token):
                    self._show(token)
                    self._act = max(self._act, number + 1)
        except LeaseLostError:
            return False
        except TaskError as error:
            if error.findings[0].code != "engine.fenced":
                raise
            return False
        return True

    def _perform(self, act: Act, token: int) -> bool:
        """Bring one act a step further; whether it is done."""
        if isinstance(act, Built):
            plan = self.plan(act.until)
            request = Request(purpose="simulated", project=self.scenario.project, plan=plan)
            with self._executor(token) as executor:
                running = executor.admit(request)
                executor.drain()
            return running.report is not None and running.report.ok
        wanted = [self._newest(request) for request in self._ask(act)]
        if all(self._state(request) in DONE for request in wanted):
            return True
        for newest in wanted:
            self._write_twice(newest.fact())
        self._do_what_is_queued(token)
        return False

    def _do_what_is_queued(self, token: int) -> None:
        """All runs that wait or were interrupted, at once, but for those that build what another one builds."""
        rows = [*self.journal.rows("runs", state=str(RunState.INTERRUPTED)), *queued(self.journal, MOST_LIVES)]
        taken: set[str] = set()
        with self._executor(token) as executor:
            for row in rows:
                request = read_request(row)
                plan = self.plan(request.until, request) if request is not None else None
                if request is None or plan is None or taken & (built := {work.slice.dataset for work in plan.works}):
                    continue
                taken |= built
                project = self.scenario.project.narrowed(request.datasets or self.scenario.project.datasets)
                executor.admit(
                    Request(purpose="simulated", project=project, plan=plan, queued=request.run),
                    self._watch(executor, request.run),
                )
            executor.drain()

    @contextmanager
    def _executor(self, token: int) -> Iterator[Executor]:
        executor = Executor(self.tools, self.clock, token)
        self._executors.append(executor)
        try:
            yield executor
        finally:
            self._executors.remove(executor)

    def _watch(self, executor: Executor, run: str) -> Callable[[Work, str], None]:
        """Between two pieces of work, look whether somebody wants the run cancelled."""

        def look(_work: Work, _state: str) -> None:
            row = run_row(self.journal, run)
            if row is not None and row["cancel"]:
                executor.cancel(run)

        return look

    def _show(self, token: int) -> None:
        """Let production show what was built."""
        mapping = {name: version.fingerprint for name, version in versions_of(self.scenario.project).items()}
        promote(self.journal, self.warehouse, environment=ENVIRONMENT, mapping=mapping, reason="simulated", token=token)

    def plan(self, until: datetime, request: RunRequest | None = None) -> BuildPlan:
        """What is missing up to a moment, of what a request is about."""
        project, select = self.scenario.project, None
        if request is not None and request.datasets:
            narrow = request.trigger == BACKFILL
            select = frozenset(request.datasets if narrow else project.narrowed(request.datasets).datasets)
        window = request.window if request else None
        return plan_build(project, self.coverage(), until, select, window=window)

    def coverage(self) -> Coverage:
        """What the ledger says is built and holds."""
        rows = self.journal.rows
        return coverage_of(rows("coverage"), rows("stale"), rows("horizons"))

    # -- people -----------------------------------------------------------------------------------------------------

    def _ask(self, act: Asked | Restated) -> tuple[RunRequest, ...]:
        """What people want with an act; a backfill is planned and requested once, when they first come to it."""
        if isinstance(act, Asked):
            return act.requests
        if act.key not in self._asked:
            self.correct(act)
            self._asked[act.key] = self._backfilling(act)
        backfilling = self._asked[act.key]
        self._write_twice(backfilling.requested, backfilling.request.fact())
        return (backfilling.request,)

    def _restate(self) -> None:
        """Somebody restates something, whatever is done just now, and sees to it that it is built in the end."""
        act = self.scenario.meanwhile
        if act.key not in self._asked:
            self._ask(act)
            self._acts.append(act)

    def correct(self, act: Restated) -> None:
        """Replace the files of a window, where it is sources that are to be built again."""
        self.restated[act.key] = act
        for name in act.datasets:
            by = self.scenario.project.datasets[name].interval
            if by is not None and not self.scenario.project.datasets[name].reads:
                self.files.correct(name, act.window.split(by.grain))

    def _backfilling(self, act: Restated) -> Backfilling:
        rows = self.journal.rows
        backfill = plan_backfill(
            self.scenario.project, act.datasets, act.window, rows("coverage"), rows("stale"), until=act.until
        )
        stale = json.dumps([list(mark) for mark in backfill.marks])
        requested = BackfillRequested(
            backfill=act.key, plan=backfill.digest, by="somebody", reason="files were corrected", stale=stale
        )
        request = RunRequest(
            trigger=BACKFILL,
            key=act.key,
            environment=ENVIRONMENT,
            until=act.until,
            datasets=backfill.datasets,
            window=backfill.window,
            by="somebody",
        )
        return Backfilling(requested=requested, request=request)

    def _newest(self, request: RunRequest) -> RunRequest:
        """The request itself, or the newest retry of it: one for each run that failed or was cancelled."""
        retries = 0
        latest = request
        while self._state(latest) in LOST:
            retries += 1
            latest = replace(request, trigger=RETRY, key=f"{request.run} {retries}")
        return latest

    def _state(self, request: RunRequest) -> str:
        row = run_row(self.journal, request.run)
        return str(row["state"]) if row is not None else ""

    def _write_twice(self, *facts: Fact) -> None:
        for _ in range(2):
            self.journal.write(*facts)

    def _cancel(self) -> None:
        """Somebody cancels every run that waits or is under way."""
        for row in (*self.journal.rows("runs", state="running"), *queued(self.journal, MOST_LIVES)):
            if row["trigger"] is None:
                continue
            run = str(row["run"])
            self.journal.write(RunCancelRequested(run=run, by="somebody"))
            if row["state"] == str(RunState.QUEUED):
                self.journal.write(RunFinished(run=run, state=str(RunState.CANCELLED), reason="cancelled"))
            for executor in self._executors[-1:]:
                executor.cancel(run)

    def _take_over(self) -> None:
        """Another executor appears and dies; the one at work does not know yet."""
        token = max((int(row["token"] or 0) for row in self.journal.rows("leases")), default=0) + 1
        self.journal.write(LeaseTaken(name="executor", holder="somebody else", token=token))
        self.warehouse.show_token(token)

    def _overtake(self) -> None:
        """Another executor appears and does what is left, while the one at work stands still."""
        self._execute("somebody quicker")

    def _witness(self, publication: Publication) -> None:
        """In the moment of a commit: is all of it on disk that has to be there before?"""
        rows = self.journal.tables["attempts"].items()
        states = [row["state"] for (publish_id, _), row in rows if publish_id == publication.publish_id]
        if states.count("audited") != 1 or "published" in states:
            self.seen_early.append(f"{publication.publish_id} was visible while its attempts were {states}")

    def rows(self) -> dict[str, tuple[Row, ...]]:
        """What production's readers see, dataset by dataset, sorted; what they cannot read is left out."""
        seen = {}
        for name in self.warehouse.environment(ENVIRONMENT):
            with suppress(TaskError):
                seen[name] = tuple(sorted(self.warehouse.shown(ENVIRONMENT, name), key=str))
        return seen
