"""Runs the work of a plan: in dependency order, several at once, with retries; the first failure stops its branch."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine.attempt import AGAIN, Job, Published, Tools, carry_out, publish_id_of
from penstock.engine.frontier import Frontier
from penstock.engine.retry import delay_before
from penstock.ledger.facts import AttemptFailed, RunFinished, RunStarted, VersionDefined
from penstock.model.errors import PenstockError, TaskError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.engine.ports import Clock
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Work

Progress = "Callable[[Work, str], None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A slice that could not be built, and why."""

    slice: str
    dataset: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did: what was published, what failed, what was left out because of it. `seconds` of wall time."""

    run: str
    published: tuple[Published, ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything was built."""
        return not self.failures

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that went wrong."""
        return tuple(finding for failure in self.failures for finding in failure.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run: a plan of a project's versions, and why. Equal requests are the same run."""

    purpose: str
    project: Project
    plan: BuildPlan

    @property
    def run(self) -> str:
        """The run's id."""
        return "r" + hashlib.sha256(f"{self.purpose}\n{self.plan.digest}".encode()).hexdigest()[:15]


def execute(
    request: Request, tools: Tools, clock: Clock, token: int, progress: Callable[[Work, str], None] | None = None
) -> RunReport:
    """Run a request to its end; an empty plan leaves no trace.

    Raises:
        LeaseLostError: another executor took over; what it finds it will finish.
    """
    works = request.plan.works
    if not works:
        return RunReport(run=request.run)
    began = clock.monotonic()
    job = Job(
        run=request.run,
        purpose=request.purpose,
        project=request.project,
        versions=request.plan.versions,
        token=token,
        spent=_spent(request.run, tools),
    )
    _open(request, tools, token)
    loop = _Loop(job, tools, clock, progress or (lambda _work, _state: None))
    loop.run(works, request.project.settings.parallel)
    state = "failed" if loop.failures else "published"
    reason = loop.failures[0].findings[0].message if loop.failures else ""
    tools.journal.append(RunFinished(run=job.run, state=state, reason=reason), token=token)
    return RunReport(
        run=job.run,
        published=tuple(loop.published),
        failures=tuple(loop.failures),
        skipped=tuple(str(work.slice) for work in loop.frontier.skipped()) if loop.frontier else (),
        seconds=clock.monotonic() - began,
    )


def _spent(run: str, tools: Tools) -> Counter[str]:
    """How often each slice was published when the same was asked before."""
    published = tools.journal.rows("attempts", run=run, state="published")
    return Counter(publish_id.partition(AGAIN)[0] for publish_id in {str(row["publish_id"]) for row in published})


def _open(request: Request, tools: Tools, token: int) -> None:
    known = {(row["dataset"], row["version"]) for row in tools.journal.rows("versions")}
    used = {work.version.dataset: work.version for work in request.plan.works}
    defined = [
        VersionDefined(
            dataset=version.dataset,
            version=version.fingerprint,
            relation=version.relation,
            materialization=str(request.project.datasets[name].materialization),
        )
        for name, version in used.items()
        if (version.dataset, version.fingerprint) not in known
    ]
    plan = request.plan
    started = RunStarted(run=request.run, purpose=request.purpose, plan=plan.digest, tasks=len(plan.works))
    tools.journal.append(*defined, started, token=token)


class _Loop:
    """One run's moving parts."""

    def __init__(self, job: Job, tools: Tools, clock: Clock, progress: Callable[[Work, str], None]) -> None:
        self.job, self.tools, self.clock, self.progress = job, tools, clock, progress
        self.published: list[Published] = []
        self.failures: list[Failure] = []
        self.frontier: Frontier | None = None
        self.attempts = {
            str(row["publish_id"]): int(row["attempt"] or 0) for row in tools.journal.rows("attempts", run=job.run)
        }

    def run(self, works: tuple[Work, ...], parallel: int) -> None:
        self.frontier = Frontier(works)
        if parallel <= 1:  # one after another in this thread: also what a simulator with a virtual clock needs
            while (work := self.frontier.take()) is not None:
                self._settle(work, self._finish(work))
            return
        with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="penstock") as pool:
            futures: dict[Future[Published | Failure], Work] = {}
            try:
                self._drain(pool, futures, parallel)
            except BaseException:
                self.frontier.stop()
                raise

    def _drain(self, pool: ThreadPoolExecutor, futures: dict[Future[Published | Failure], Work], parallel: int) -> None:
        assert self.frontier is not None  # noqa: S101 - set by run
        while True:
            while len(futures) < parallel and (work := self.frontier.take()) is not None:
                futures[pool.submit(self._finish, work)] = work
            if not futures:
                return
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                self._settle(futures.pop(future), future.result())

    def _settle(self, work: Work, outcome: Published | Failure) -> None:
        assert self.frontier is not None  # noqa: S101 - set by run
        if isinstance(outcome, Failure):
            self.failures.append(outcome)
            self.frontier.failed(work)
            self.progress(work, "failed")
        else:
            self.published.append(outcome)
            self.frontier.done(work)
            self.progress(work, "published")

    def _finish(self, work: Work) -> Published | Failure:
        """Attempts until one succeeds, one fails for good, or none is left."""
        dataset = self.job.project.datasets[work.slice.dataset]
        retry = dataset.retry or self.job.project.pipeline_of(dataset.name).retry
        publish_id = publish_id_of(self.job, work)
        first = self.attempts.get(publish_id, 0) + 1
        number = first
        while True:
            try:
                return carry_out(work, number, self.job, self.tools)
            except TransientError as error:
                wait_for = delay_before(number - first + 2, retry, self.clock.jitter())
                self._record_failure(publish_id, number, error, transient=wait_for is not None)
                if wait_for is None:
                    return Failure(slice=str(work.slice), dataset=dataset.name, findings=error.findings)
            except TaskError as error:
                self._record_failure(publish_id, number, error, transient=False)
                return Failure(slice=str(work.slice), dataset=dataset.name, findings=error.findings)
            self.progress(work, "retrying")
            self.clock.sleep(wait_for)
            number += 1

    def _record_failure(self, publish_id: str, number: int, error: PenstockError, *, transient: bool) -> None:
        finding = error.findings[0]
        failed = AttemptFailed(
            publish_id=publish_id, attempt=number, code=finding.code, message=finding.message, transient=transient
        )
        self.tools.journal.append(failed, token=self.job.token)
