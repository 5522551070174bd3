"""Queued runs, from what was asked to what is shown: planned, taken up by an executor, and finished."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.adapters.connectors.secrets import look_up
from penstock.adapters.databases.addresses import address_findings
from penstock.adapters.sources.looking import look
from penstock.app import planning, restating
from penstock.app.alerting import tell_of_failures
from penstock.delivery.ports import BuildOutcome
from penstock.engine.promotion import mapping_of
from penstock.engine.requests import BACKFILL
from penstock.engine.run import Failure, Request
from penstock.engine.states import RunState
from penstock.ledger.facts import RunFinished, VersionDescribed, VersionHeld
from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place
from penstock.model.sources import FileSource
from penstock.plan.versions import described
from penstock.quality.standing import blocking_rules, held_of, held_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.app.wiring import Workplace
    from penstock.engine.executor import Executor
    from penstock.engine.requests import RunRequest
    from penstock.engine.run import Running, RunReport
    from penstock.ledger.journal import Value
    from penstock.model.contracts import Rule
    from penstock.model.errors import PenstockError
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Work
    from penstock.quality.checks import CheckResult

    _Said = Mapping[tuple[str, str], Mapping[str, Value]]
    """What the ledger knows of versions, by dataset and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request with all that follows from it: the datasets it is about, their versions, and what is to be built.

    `datasets` are those that something is built of.
    """

    request: RunRequest
    project: Project
    versions: Mapping[str, str]
    plan: BuildPlan
    datasets: frozenset[str]

    def engine_request(self) -> Request:
        """What the engine is asked to do."""
        return Request(purpose=_purpose(self.request), project=self.project, plan=self.plan, queued=self.request.run)


class Desk:
    """Turns requests into runs of one workplace, and runs into what an environment shows."""

    def __init__(self, place: Workplace, progress: Callable[[Work, str], None] | None = None) -> None:
        self._place = place
        self._progress = progress

    def order(self, request: RunRequest) -> Order:
        """What a request comes to now.

        Raises:
            RefusedError: production shows other versions than the working tree has; only a delivery may change that.
            InputError: it names what is not there, or a source file is broken or missing; nothing was recorded.
        """
        self._place.refuse_lost_warehouse()
        whole = self._place.project
        self._refuse_unknown(request, whole)
        project = whole.narrowed(self._names(request, whole))
        # a backfill builds what its digest was about, and nothing that merely stands above it
        select = request.datasets if request.trigger == BACKFILL else project.datasets
        ledger, root = self._place.ledger, self._place.root
        plan = planning.plan(ledger, root, project, request.until, frozenset(select), request.window)
        return self._ordered(request, project, plan)

    def restate(self, request: RunRequest) -> bool:
        """Record what files that changed make stale of a request's datasets, and of all that reads them; if any do."""
        whole = self._place.project
        self._refuse_unknown(request, whole)
        project = whole.narrowed(self._names(request, whole))
        return restating.record(self._place.ledger, self._place.root, project, request.until, self._place.token)

    def order_of(self, request: RunRequest, plan: BuildPlan) -> Order:
        """What a request comes to by a plan that was made already; raises as `order`."""
        whole = self._place.project
        return self._ordered(request, whole.narrowed(request.datasets), plan)

    def _ordered(self, request: RunRequest, project: Project, plan: BuildPlan) -> Order:
        versions = {name: plan.versions[name].fingerprint for name in project.datasets}
        if request.environment == PRODUCTION:
            self._refuse_undelivered(versions)
        built = frozenset(work.slice.dataset for work in plan.works)
        return Order(request=request, project=project, versions=versions, plan=plan, datasets=built)

    def look_at_sources(self, order: Order) -> tuple[str, ...]:
        """Look at every file that a plan will read before anything is recorded; their names and digests.

        Objects are only listed: what is in them shows when they are fetched.

        Raises:
            InputError: a file is missing or broken; all of them at once.
        """
        findings: list[Finding] = []
        seen: list[str] = []
        needed = {work.slice.dataset for work in order.plan.works}
        for step in order.plan.steps:
            if step.dataset not in needed:  # it may be a view downstream, which this project was narrowed without
                continue
            dataset = order.project.datasets[step.dataset]
            if isinstance(dataset.task, DatabaseSource):
                findings.extend(address_findings(dataset.task, self._place.root, dataset.name))
            if isinstance(dataset.task, ConnectorSource):
                findings.extend(look_up(dataset.task, self._place.root, os.environ, dataset.name)[1])
            if not isinstance(dataset.task, FileSource):
                continue
            by = dataset.interval
            pieces = tuple(p for gap in step.missing for p in gap.split(by.grain)) if by else None
            there, wrong = look(dataset.task, dataset.name, self._place.root, pieces)
            seen += [f"{name} {contents}" for name, contents in there]
            findings.extend(wrong)
        if findings:
            raise InputError(tuple(findings))
        return tuple(seen)

    def hold(self, order: Order) -> None:
        """Hold what is built to the checks that its contracts gained since, before anything shows it under them.

        Raises:
            RefusedError: rows do not keep them; nothing was recorded of these datasets.
        """
        said = self._said(order)
        gained = self._gained(order, said)
        if not gained:
            return
        from penstock.engine.holding import offences  # noqa: PLC0415 - starts the warehouse

        place, datasets = self._place, order.project.datasets
        built = {work.slice.dataset for work in order.plan.works}
        findings: list[Finding] = []
        for name, rules in gained.items():
            wrong = offences(place.ledger, place.warehouse, datasets[name], tuple(rules.values()), order.plan)
            findings += wrong
            if not wrong and name not in built:
                self._record_held(name, order, said)
        if findings:
            raise RefusedError(tuple(findings))

    def _gained(self, order: Order, said: _Said) -> dict[str, dict[str, Rule]]:
        """For each built dataset, the rules of its contract that not all of its rows are known to keep."""
        found: dict[str, dict[str, Rule]] = {}
        for name, version in order.versions.items():
            row, dataset = said.get((name, version)), order.project.datasets[name]
            if row is None or (row["held"] and row["described"] == described(dataset)):
                continue
            held = held_of(row["held"])
            rules = {digest: rule for digest, rule in blocking_rules(dataset.contract).items() if digest not in held}
            found |= {name: rules} if rules else {}
        return found

    def _record_held(self, name: str, order: Order, said: _Said) -> None:
        version, dataset = order.versions[name], order.project.datasets[name]
        held = held_of(said[name, version]["held"]) | set(blocking_rules(dataset.contract))
        fact = VersionHeld(dataset=name, version=version, held=held_text(held), reason="its rows keep them")
        self._place.ledger.append(fact, token=self._place.token())

    def _said(self, order: Order) -> _Said:
        rows = self._place.ledger.rows("versions")
        return {(str(row["dataset"]), str(row["version"])): row for row in rows if row["dataset"] in order.versions}

    def executor(self, project: Project) -> Executor:
        """An executor for a project's own code."""
        from penstock.app.machinery import executor_of  # noqa: PLC0415 - only when something is built

        return executor_of(self._place, self._place.root, project)

    def take_up(self, order: Order, executor: Executor) -> Running:
        """Begin a run on an executor; what it built is shown before its end is recorded."""

        def conclude(report: RunReport) -> None:
            if report.ok:
                self.show(order)

        return executor.admit(order.engine_request(), self._progress, conclude)

    def refuse(self, request: RunRequest, error: PenstockError) -> None:
        """Record that a queued run cannot be begun, and tell whom its failures are to be told."""
        self.record(request.run, RunState.FAILED, str(error))
        project = self._place.project
        failures = [
            Failure(slice=name, dataset=name, findings=(finding,))
            for finding in error.findings
            if (name := finding.place.dataset) is not None and name in project.datasets
        ]
        tell_of_failures(self._place, project, _purpose(request), failures)

    def conclude(self, order: Order) -> RunState:
        """Record the end of a run of which nothing is left to build; what it came to."""
        self.show(order)
        run = order.request.run
        published = self._place.ledger.rows("attempts", run=run, state="published", limit=1)
        state = RunState.PUBLISHED if published else RunState.NOTHING
        self.record(run, state)
        return state

    def record(self, run: str, state: RunState, reason: str = "") -> None:
        """Record the end of a run that is not under way."""
        self._place.ledger.append(RunFinished(run=run, state=str(state), reason=reason), token=self._place.token())

    def finish(self, order: Order, running: Running) -> Mapping[str, str]:
        """Tell of failures; what the environment shows now."""
        request, report = order.request, running.report
        assert report is not None  # noqa: S101 - only a run that is over is finished
        tell_of_failures(self._place, order.project, _purpose(request), report.failures)
        return mapping_of(self._place.ledger, request.environment)

    def shows(self, order: Order) -> bool:
        """Whether an order's environment shows its versions already, or never will by a run."""
        environment = order.request.environment
        shown = mapping_of(self._place.ledger, environment)
        return environment == PRODUCTION or all(shown.get(name) == version for name, version in order.versions.items())

    def show(self, order: Order) -> Mapping[str, str]:
        """Let an environment other than production show an order's versions, which were held; what it shows now."""
        environment = order.request.environment
        shown = mapping_of(self._place.ledger, environment)
        partial = bool(order.request.datasets or order.request.pipeline)
        known = self._place.project.datasets
        kept = {name: version for name, version in shown.items() if name in known or partial}
        mapping = {**kept, **order.versions}
        if environment != PRODUCTION and mapping != shown:
            from penstock.app.machinery import promote  # noqa: PLC0415 - only when something is to be shown

            promote(self._place, mapping, f"run of {environment}", environment)
        self._describe(order)
        return mapping_of(self._place.ledger, environment)

    def _describe(self, order: Order) -> None:
        """Record what is said of versions that are there, where it is something else than before."""
        ledger, datasets = self._place.ledger, order.project.datasets
        said = self._said(order)
        for name in self._gained(order, said):  # what was there was held to them, what was built now audited by them
            self._record_held(name, order, said)
        facts = [
            VersionDescribed(dataset=name, version=version, described=now)
            for name, version in order.versions.items()
            if (name, version) in said and (now := described(datasets[name])) != said[name, version]["described"]
        ]
        if facts:
            ledger.append(*facts, token=self._place.token())

    def _refuse_unknown(self, request: RunRequest, project: Project) -> None:
        """Names that stood in the queue for longer than in the project."""
        unknown = sorted({*request.datasets} - {*project.datasets})
        if request.pipeline and request.pipeline not in project.pipelines:
            unknown.append(request.pipeline)
        if unknown:
            raise InputError(
                Finding(
                    code="run.unknown_name",
                    message=f"run {request.run} is of {', '.join(unknown)}, which the project does not have",
                    found=", ".join(unknown),
                    expected="pipelines and datasets of the project as it is now",
                    remedy=f"penstock cancel {request.run}, or bring them back",
                )
            )

    def _names(self, request: RunRequest, project: Project) -> list[str]:
        """The datasets that a request is about: those of a pipeline, chosen ones, or in production what it shows."""
        if request.pipeline:
            names = [name for name, dataset in project.datasets.items() if dataset.pipeline == request.pipeline]
        elif request.datasets:
            return list(request.datasets)
        else:
            names = list(project.datasets)
        if request.environment != PRODUCTION:
            return names
        shown = mapping_of(self._place.ledger, PRODUCTION)
        return [name for name in names if name in shown or not shown]

    def _refuse_undelivered(self, versions: Mapping[str, str]) -> None:
        shown = mapping_of(self._place.ledger, PRODUCTION)
        other = sorted(name for name, version in versions.items() if shown.get(name) != version)
        if other:
            raise RefusedError(_not_delivered(other))


def outcome_of(plan: BuildPlan, report: RunReport) -> BuildOutcome:
    """What came of a plan, dataset by dataset."""
    built = {step.dataset: 0 for step in plan.steps}
    rows: dict[str, int] = {}
    checks: dict[str, tuple[CheckResult, ...]] = {}
    for published in report.published:
        built[published.dataset] += 1
        rows[published.dataset] = rows.get(published.dataset, 0) + published.rows
        checks[published.dataset] = (*checks.get(published.dataset, ()), *published.checks)
    findings = _each_once(report.findings)
    return BuildOutcome(
        run=report.run,
        built=built,
        rows=rows,
        checks=checks,
        findings=findings,
        seconds=report.seconds,
        quarantined=_summed((published.dataset, published.quarantined) for published in report.published),
        nulled=_summed((published.dataset, sum(published.nulled.values())) for published in report.published),
    )


def _summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts by dataset, of those that have any."""
    found: Counter[str] = Counter()
    for name, count in counts:
        found[name] += count
    return {name: count for name, count in found.items() if count}


def _each_once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What many slices fail of alike is said once, with how many they are."""
    counts = Counter(findings)
    return tuple(
        finding if count == 1 else replace(finding, message=f"{finding.message} (in {count} slices)")
        for finding, count in counts.items()
    )


def _purpose(request: RunRequest) -> str:
    return f"{request.trigger} run of {request.environment}"


def _not_delivered(names: list[str]) -> Finding:
    return Finding(
        code="run.not_delivered",
        message=f"production does not show the working tree's version of {', '.join(names)}",
        place=Place(dataset=names[0]),
        expected="versions that a delivered change promoted",
        remedy="`penstock deliver STORY` brings a change to production; `penstock run --env dev` tries it out",
    )
