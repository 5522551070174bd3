"""`plan` and `run`: what the working tree lacks in an environment, and building it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from penstock.app import planning, restating
from penstock.app.drifting import drift
from penstock.app.executing import Desk, Order, outcome_of
from penstock.app.export_outcome import Done
from penstock.app.supervising import signalled, supervised
from penstock.app.wiring import operator
from penstock.delivery.ports import BuildOutcome
from penstock.engine.promotion import mapping_of
from penstock.engine.requests import MANUAL, RunRequest, has_ended, run_row
from penstock.engine.run import INTERRUPTED_RUN, RunReport
from penstock.engine.states import RunState
from penstock.model.environments import DEVELOPMENT
from penstock.model.errors import InputError, RefusedError, WaitingError
from penstock.model.findings import Finding
from penstock.model.sources import Corrections
from penstock.plan.build import Action, Reason, Step, plan_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value
    from penstock.model.errors import PenstockError
    from penstock.model.intervals import Interval
    from penstock.plan.build import BuildPlan, Work
    from penstock.plan.estimate import Estimate, Past
    from penstock.plan.movement import ColumnMovement
    from penstock.quality.file_drift import Drifted

FOLLOW_EVERY = 0.25
"""Seconds between two looks at a run that another process does."""
SHORTEST_DIGEST = 12
"""How many digits of a plan's digest must be given."""
PATIENT_LOOKS = 4
"""For how many looks nobody has to execute before a follower does: a `penstock serve` that stands by goes first."""


class Follower(Protocol):
    """Who is told what happens in a run."""

    def begins(self, run: str, plan: BuildPlan, history: Mapping[str, Sequence[Past]]) -> None:
        """A run begins, or waits for its turn; what its datasets' slices took before."""
        ...

    def progress(self, work: Work, state: str) -> None:
        """A piece of work came to a state."""
        ...

    def says(self, line: str) -> None:
        """A line for people."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants run: pipelines or datasets by name (none: everything), where, and of which time."""

    names: tuple[str, ...] = ()
    environment: str = DEVELOPMENT
    until: datetime | None = None
    window: Interval | None = None
    patient: bool = True
    """Whether to wait for a process that executes at the moment, or only to queue the run there."""
    digest: str | None = None
    """The plan that was looked at, or how its digest begins: another one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run would do: its steps, which columns that moves in its environment, what it takes and how long.

    `digest` names all of it; `steps` are those of the build with what the environment has to show and loses.
    """

    build: BuildPlan
    digest: str
    steps: tuple[Step, ...]
    columns: Mapping[str, Mapping[str, ColumnMovement]]
    estimates: Mapping[str, Estimate]
    seconds: float | None
    corrected: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    """As in `Ran`."""


def preview(place: Workplace, wanted: Wanted) -> Planned:
    """What a run would do, against what its environment shows now."""
    from penstock.plan.estimate import estimates, seconds_of  # noqa: PLC0415 - a run does not need it
    from penstock.plan.movement import as_shown, moved_columns  # noqa: PLC0415 - as above

    now = place.clock.now()
    build, shown = plan(place, wanted), planning.shown_in(place.ledger, wanted.environment)
    datasets = place.project.datasets
    gone = () if wanted.names else tuple(sorted(set(shown) - set(place.project.datasets)))
    found = estimates(build, planning.history(place.ledger, build))
    removed = tuple(
        Step(dataset=name, version=shown[name].version, action=Action.REMOVE, reasons=(Reason.NO_FILE,))
        for name in gone
    )
    return Planned(
        build=build,
        digest=plan_digest(build, place.project, wanted.environment, mapping_of(place.ledger, wanted.environment)),
        steps=(*(as_shown(step, datasets[step.dataset], shown, build) for step in build.steps), *removed),
        columns=moved_columns(place.project, build.versions, shown),
        estimates=found,
        seconds=seconds_of(build, found, place.project.settings.parallel),
        corrected=restating.changed(place.ledger, place.root, place.project, Corrections.TELL, build.until or now),
    )


def plan(place: Workplace, wanted: Wanted) -> BuildPlan:
    """What a run would build."""
    project = place.project
    datasets = planning.chosen(project, wanted.names)
    needed = project.narrowed(datasets) if datasets else project  # with what they read, as a run builds it
    until = wanted.until or place.clock.now()
    return planning.plan(place.ledger, place.root, needed, until, frozenset(needed.datasets), wanted.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run did, and what the environment shows now."""

    outcome: BuildOutcome
    environment: str
    mapping: Mapping[str, str]
    before: Mapping[str, str] | None = None
    """What the environment showed before, where nothing was built and it was looked at."""
    drifted: Mapping[str, tuple[Drifted, ...]] = field(default_factory=dict)
    """What is another in the files that it landed than in those before them, by source."""
    corrected: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    """Intervals whose files are others than those read in, of sources that do not take corrections by themselves."""
    exports: Done = field(default_factory=Done)
    """What became of the exports that the project declares for the environment."""

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped with the process that did it, and may go on."""
        return any(finding.code == INTERRUPTED_RUN for finding in self.outcome.findings)


def run(place: Workplace, wanted: Wanted, follower: Follower) -> Ran:
    """Build what is missing of the working tree's versions; outside production the environment then shows them.

    The run is queued in the ledger and done here, or by whoever executes at the moment.

    Raises:
        RefusedError: production shows other versions than the working tree has; only a delivery may change that.
        InputError: a source file is broken or missing; nothing was recorded.
    """
    if wanted.digest is not None and re.fullmatch(f"[0-9a-f]{{{SHORTEST_DIGEST},64}}", wanted.digest) is None:
        raise InputError(_no_digest(wanted.digest))
    request = ask(place, wanted, trigger=MANUAL)
    return Runner(place, follower, patient=wanted.patient, digest=wanted.digest).run(request)


def ask(place: Workplace, wanted: Wanted, *, trigger: str) -> RunRequest:
    """The request of a person at this moment."""
    now = place.clock.now()
    names = planning.chosen(place.project, wanted.names)
    return RunRequest(
        trigger=trigger,
        key=f"{now.isoformat()} {os.getpid()}",
        environment=wanted.environment,
        until=wanted.until or now,
        datasets=names,
        window=wanted.window,
        by=operator(),
    )


class Runner:
    """Does requests in this process, or follows whoever does them. `follower` is told what happens."""

    def __init__(
        self, place: Workplace, follower: Follower, *, patient: bool = True, digest: str | None = None
    ) -> None:
        self._place, self._follower, self._patient, self._digest = place, follower, patient, digest
        self._desk = Desk(place, follower.progress)

    def run(self, request: RunRequest) -> Ran:
        """Do one request, whoever does it.

        Raises:
            WaitingError: it was left in the queue: nobody is to wait for it, or somebody asked this process to stop.
        """
        if self._place.may_hold():
            return self._exported(self._here(request))
        order = self._desk.order(request)
        self._refuse_stale(order)
        self._desk.look_at_sources(order)
        if not order.plan.works and self._desk.shows(order):
            return self._nothing(order)
        self._place.ledger.append(request.fact())
        if not self._patient:
            raise WaitingError(_left_queued(request.run))
        return self._elsewhere(order)

    def refused(self, request: RunRequest, error: PenstockError) -> Ran:
        """Record that a request that waited cannot be begun."""
        self._desk.refuse(request, error)
        outcome = BuildOutcome(run=request.run, built={}, rows={}, checks={}, findings=error.findings, seconds=0.0)
        mapping = mapping_of(self._place.ledger, request.environment)
        return Ran(outcome=outcome, environment=request.environment, mapping=mapping)

    def _here(self, request: RunRequest) -> Ran:
        """Do it in this process, which holds the lock."""
        self._place.settle()
        order = self._desk.order(request)
        self._desk.look_at_sources(order)
        if self._desk.restate(request):
            order = self._desk.order(request)
        if order.plan.works and self._place.token_is_new():  # what a dead executor had published is known only now
            order = self._desk.order(request)
        self._refuse_stale(order)
        self._desk.hold(order)
        if not order.plan.works:
            return self._nothing(order)
        self._place.ledger.append(request.fact())
        self._follower.begins(request.run, order.plan, planning.history(self._place.ledger, order.plan))
        executor = self._desk.executor(order.project)
        with supervised(executor, self._place.ledger):
            running = self._desk.take_up(order, executor)
            executor.drain()
        assert running.report is not None  # noqa: S101 - drained
        mapping = self._desk.finish(order, running)
        outcome = outcome_of(order.plan, running.report)
        return Ran(
            outcome=outcome,
            environment=request.environment,
            mapping=mapping,
            drifted=self._drifted(request.run),
            corrected=self._corrected(order),
        )

    def _exported(self, ran: Ran) -> Ran:
        """What the environment shows now is brought to where its exports go; that this fails undoes nothing."""
        declared = any(one.environment == ran.environment for one in self._place.project.exports.values())
        if ran.outcome.findings or not declared:
            return ran
        from penstock.app.exporting import follow  # noqa: PLC0415 - starts the warehouse

        return replace(ran, exports=follow(self._place, ran.environment))

    def _corrected(self, order: Order) -> dict[str, tuple[Interval, ...]]:
        place = self._place
        return restating.changed(place.ledger, place.root, order.project, Corrections.TELL, order.request.until)

    def _drifted(self, run: str) -> dict[str, tuple[Drifted, ...]]:
        return {name: told for name, told in drift(self._place, (), run).items() if told}

    def _refuse_stale(self, order: Order) -> None:
        """Refuse to do another plan than the one that was looked at."""
        if self._digest is None:
            return
        shown = mapping_of(self._place.ledger, order.request.environment)
        now = plan_digest(order.plan, order.project, order.request.environment, shown)
        if not now.startswith(self._digest):
            raise RefusedError(_stale(self._digest, now, order.request))

    def _nothing(self, order: Order) -> Ran:
        """Nothing is to be built; the environment may still show something else."""
        holds = self._place.may_hold()
        environment, ledger = order.request.environment, self._place.ledger
        row = run_row(ledger, order.request.run)
        if holds and row is not None and not has_ended(row):
            self._desk.conclude(order)
        before = mapping_of(ledger, environment)
        mapping = self._desk.show(order) if holds else before
        outcome = outcome_of(order.plan, RunReport(run=order.request.run))
        return Ran(
            outcome=outcome,
            environment=environment,
            mapping=mapping,
            before=before,
            corrected=self._corrected(order),
        )

    def _elsewhere(self, order: Order) -> Ran:
        """Follow the process that executes; if it goes away before the run is over, go on with it here."""
        request, ledger = order.request, self._place.ledger
        self._follower.begins(request.run, order.plan, planning.history(self._place.ledger, order.plan))
        free = 0
        with signalled() as stop:
            self._follower.says(f"another process executes; run {request.run} is queued")
            while not stop.is_set():
                free = 0 if self._place.is_held() else free + 1
                holds = free > PATIENT_LOOKS and self._place.may_hold()
                row = run_row(ledger, request.run)
                if row is not None and has_ended(row):
                    return self._reported(order, row)
                if holds:
                    return self._exported(self._here(request))
                stop.wait(FOLLOW_EVERY)
        raise WaitingError(_left_queued(request.run))

    def _reported(self, order: Order, row: Mapping[str, Value]) -> Ran:
        """What the ledger says about a run that somebody else did."""
        ledger, request = self._place.ledger, order.request
        built = {step.dataset: 0 for step in order.plan.steps}
        rows: dict[str, int] = {}
        quarantined: dict[str, int] = {}
        nulled: dict[str, int] = {}
        findings = []
        for attempt in ledger.rows("attempts", run=request.run):
            name = str(attempt["dataset"])
            if attempt["state"] == "published":
                built[name] = built.get(name, 0) + 1
                rows[name] = rows.get(name, 0) + int(attempt["rows"] or 0)
                if aside := int(attempt["quarantined"] or 0):
                    quarantined[name] = quarantined.get(name, 0) + aside
                if values := sum(json.loads(str(attempt["nulled"] or "{}")).values()):
                    nulled[name] = nulled.get(name, 0) + values
        if row["state"] not in {str(RunState.PUBLISHED), str(RunState.NOTHING)}:
            findings.append(_ended_otherwise(request.run, row))
        outcome = BuildOutcome(
            run=request.run,
            built=built,
            rows=rows,
            checks={},
            findings=tuple(findings),
            seconds=0.0,
            quarantined=quarantined,
            nulled=nulled,
        )
        return Ran(
            outcome=outcome,
            environment=request.environment,
            mapping=mapping_of(ledger, request.environment),
            drifted=self._drifted(request.run),
        )


def _no_digest(text: str) -> Finding:
    return Finding(
        code="plan.bad_digest",
        message=f"{text!r} is no digest of a plan",
        found=text,
        expected=f"{SHORTEST_DIGEST} to 64 digits of 0-9 and a-f, as penstock plan prints them",
        remedy="penstock plan shows the plan and its digest",
    )


def _stale(looked_at: str, now: str, request: RunRequest) -> Finding:
    return Finding(
        code="plan.stale",
        message="what would be done is not what was looked at: the project, its files or what is built changed since",
        found=now[:SHORTEST_DIGEST],
        expected=looked_at,
        remedy=f"look at it anew: penstock plan --env {request.environment}, with the same names and --until",
    )


def _left_queued(run: str) -> Finding:
    return Finding(
        code="run.left_queued",
        message=f"run {run} stays queued; whoever executes will do it",
        remedy=f"penstock runs shows it, penstock cancel {run} takes it back",
    )


def _ended_otherwise(run: str, row: Mapping[str, Value]) -> Finding:
    return Finding(
        code=f"run.{row['state']}",
        message=f"run {run} ended as {row['state']}: {row['reason'] or 'no reason was recorded'}",
        remedy=f"penstock retry {run} builds what is left",
    )
