"""`plan`, `run`, `diff`, `query`: building the working tree into an environment, and looking at what is there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from penstock.adapters.duckdb.warehouse import PRODUCTION
from penstock.app.executing import Desk, Order
from penstock.app.runtime import EngineRuntime, outcome_of
from penstock.app.supervising import signalled, supervised
from penstock.app.wiring import operator
from penstock.delivery.ports import BuildOutcome
from penstock.engine.promotion import mapping_of
from penstock.engine.requests import MANUAL, RunRequest, has_ended, run_row
from penstock.engine.run import INTERRUPTED_RUN, RunReport
from penstock.engine.states import RunState
from penstock.model.errors import InputError, WaitingError
from penstock.model.findings import Finding
from penstock.plan.build import Action
from penstock.plan.versions import relation_of, versions_of
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value
    from penstock.model.errors import PenstockError
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Work
    from penstock.quality.comparison import DatasetDiff

FOLLOW_EVERY = 0.25
"""Seconds between two looks at a run that another process does."""
PATIENT_LOOKS = 4
"""For how many looks nobody has to execute before a follower does: a `penstock serve` that stands by goes first."""
HISTORY = 50
"""How many earlier attempts of a dataset an estimate looks at."""


class Follower(Protocol):
    """Who is told what happens in a run."""

    def begins(self, run: str, plan: BuildPlan, history: Mapping[str, Sequence[int]]) -> None:
        """A run begins, or waits for its turn; how long its datasets took before, in microseconds."""
        ...

    def progress(self, work: Work, state: str) -> None:
        """A piece of work came to a state."""
        ...

    def says(self, line: str) -> None:
        """A line for people."""
        ...


DEVELOPMENT = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants run: pipelines or datasets by name (none: everything), where, and of which time."""

    names: tuple[str, ...] = ()
    environment: str = DEVELOPMENT
    until: datetime | None = None
    window: Interval | None = None
    patient: bool = True
    """Whether to wait for a process that executes at the moment, or only to queue the run there."""


def plan(place: Workplace, wanted: Wanted) -> BuildPlan:
    """What a run would build."""
    project = place.project
    datasets = chosen(project, wanted.names)
    needed = project.narrowed(datasets) if datasets else project  # with what they read, as a run builds it
    until = wanted.until or place.clock.now()
    return EngineRuntime(place).plan(needed, until, frozenset(needed.datasets), wanted.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run did, and what the environment shows now."""

    outcome: BuildOutcome
    environment: str
    mapping: Mapping[str, str]

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
    request = ask(place, wanted, trigger=MANUAL)
    return Runner(place, follower, patient=wanted.patient).run(request)


def ask(place: Workplace, wanted: Wanted, *, trigger: str) -> RunRequest:
    """The request of a person at this moment."""
    now = place.clock.now()
    names = chosen(place.project, wanted.names)
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

    def __init__(self, place: Workplace, follower: Follower, *, patient: bool = True) -> None:
        self._place, self._follower, self._patient = place, follower, patient
        self._desk = Desk(place, follower.progress)

    def run(self, request: RunRequest) -> Ran:
        """Do one request, whoever does it.

        Raises:
            WaitingError: it was left in the queue: nobody is to wait for it, or somebody asked this process to stop.
        """
        if self._place.may_hold():
            return self._here(request)
        order = self._desk.order(request)
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
        if order.plan.works and self._place.token_is_new():  # what a dead executor had published is known only now
            order = self._desk.order(request)
        if not order.plan.works:
            return self._nothing(order)
        self._place.ledger.append(request.fact())
        self._follower.begins(request.run, order.plan, history(self._place, order.plan))
        executor = self._desk.runtime.executor(self._place.root, order.project)
        with supervised(executor, self._place.ledger):
            running = self._desk.take_up(order, executor)
            executor.drain()
        assert running.report is not None  # noqa: S101 - drained
        mapping = self._desk.finish(order, running)
        return Ran(outcome=outcome_of(order.plan, running.report), environment=request.environment, mapping=mapping)

    def _nothing(self, order: Order) -> Ran:
        """Nothing is to be built; the environment may still show something else."""
        holds = self._place.may_hold()
        environment, ledger = order.request.environment, self._place.ledger
        row = run_row(ledger, order.request.run)
        if holds and row is not None and not has_ended(row):
            self._desk.conclude(order)
        mapping = self._desk.show(order) if holds else mapping_of(ledger, environment)
        outcome = outcome_of(order.plan, RunReport(run=order.request.run))
        return Ran(outcome=outcome, environment=environment, mapping=mapping)

    def _elsewhere(self, order: Order) -> Ran:
        """Follow the process that executes; if it goes away before the run is over, go on with it here."""
        request, ledger = order.request, self._place.ledger
        self._follower.begins(request.run, order.plan, history(self._place, order.plan))
        self._follower.says(f"another process executes; run {request.run} is queued")
        free = 0
        with signalled() as stop:
            while not stop.is_set():
                free = 0 if self._place.is_held() else free + 1
                holds = free > PATIENT_LOOKS and self._place.may_hold()
                row = run_row(ledger, request.run)
                if row is not None and has_ended(row):
                    return self._reported(order, row)
                if holds:
                    return self._here(request)
                stop.wait(FOLLOW_EVERY)
        raise WaitingError(_left_queued(request.run))

    def _reported(self, order: Order, row: Mapping[str, Value]) -> Ran:
        """What the ledger says about a run that somebody else did."""
        ledger, request = self._place.ledger, order.request
        built = {step.dataset: 0 for step in order.plan.steps}
        rows: dict[str, int] = {}
        findings = []
        for attempt in ledger.rows("attempts", run=request.run):
            name = str(attempt["dataset"])
            if attempt["state"] == "published":
                built[name] = built.get(name, 0) + 1
                rows[name] = rows.get(name, 0) + int(attempt["rows"] or 0)
        if row["state"] not in {str(RunState.PUBLISHED), str(RunState.NOTHING)}:
            findings.append(_ended_otherwise(request.run, row))
        outcome = BuildOutcome(
            run=request.run, built=built, rows=rows, checks={}, findings=tuple(findings), seconds=0.0
        )
        return Ran(outcome=outcome, environment=request.environment, mapping=mapping_of(ledger, request.environment))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A query's answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def objects(self) -> list[dict[str, Any]]:
        """Each row as an object."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(place: Workplace, sql: str, environment: str) -> Rows:
    """The answer of a read-only query over an environment's datasets.

    Raises:
        InputError: the environment shows nothing, or the query is refused.
    """
    mapping = mapping_of(place.ledger, environment)
    if not mapping:
        raise InputError(_nothing_shown(place, environment))
    relations = {name: relation_of(name, version) for name, version in mapping.items()}
    rewritten = rewrite_adhoc(sql.strip().rstrip(";"), relations)
    names, rows = place.reading().query(rewritten)
    return Rows(columns=names, rows=tuple(rows))


def diff(place: Workplace, old: str, new: str) -> tuple[tuple[DatasetDiff, ...], tuple[str, ...], tuple[str, ...]]:
    """What two environments show differently: differences, datasets only in `new`, datasets only in `old`."""
    before, after = mapping_of(place.ledger, old), mapping_of(place.ledger, new)
    for environment, mapping in ((old, before), (new, after)):
        if not mapping and environment != PRODUCTION:
            raise InputError(_nothing_shown(place, environment))
    project = place.project
    place.hold()
    runtime = EngineRuntime(place)
    moved = sorted(name for name in set(before) & set(after) if before[name] != after[name])
    diffs = tuple(
        runtime.compare_relations(
            project.datasets[name], relation_of(name, before[name]), relation_of(name, after[name])
        )
        for name in moved
        if name in project.datasets
    )
    return diffs, tuple(sorted(set(after) - set(before))), tuple(sorted(set(before) - set(after)))


def chosen(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """The datasets that names of pipelines and datasets stand for; none for no names.

    Raises:
        InputError: a name is neither.
    """
    unknown = sorted(set(names) - set(project.datasets) - set(project.pipelines))
    if unknown:
        raise InputError(
            Finding(
                code="project.unknown_dataset",
                message=f"there is no dataset or pipeline {unknown[0]}",
                found=unknown[0],
                expected=", ".join([*project.pipelines, *project.datasets]) or "a dataset of this project",
                remedy="correct the name",
            )
        )
    return tuple(
        sorted(name for name, dataset in project.datasets.items() if name in names or dataset.pipeline in names)
    )


def history(place: Workplace, plan: BuildPlan) -> dict[str, list[int]]:
    """How long attempts at a plan's datasets took before, in microseconds, by dataset."""
    times: dict[str, list[int]] = {}
    for step in plan.steps:
        if step.action is Action.REUSE:
            continue
        for row in place.ledger.rows("attempts", dataset=step.dataset, state="published", limit=HISTORY):
            ran = json.loads(str(row["measured"] or "{}")).get("ran")
            if ran is not None:
                times.setdefault(step.dataset, []).append(int(ran))
    return times


def versions(project: Project) -> Mapping[str, str]:
    """Each dataset's version in the working tree."""
    return {name: version.fingerprint for name, version in versions_of(project).items()}


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


def _nothing_shown(place: Workplace, environment: str) -> Finding:
    others = sorted({str(row["environment"]) for row in place.ledger.rows("environments")})
    return Finding(
        code="environment.empty",
        message=f"the environment {environment} shows no dataset",
        found=environment,
        expected=" | ".join(others) or "an environment that something was built into",
        remedy=f"add --env {others[0]}"
        if others
        else "`penstock run` builds into dev; `penstock deliver` ships to prod",
    )
