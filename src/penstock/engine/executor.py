"""Runs the work of plans: in dependency order, several at once within limits, with retries; failures stop their branch.

Invariants: a piece of work is in the hands of at most one lane; a run is recorded as finished only when nothing of it
runs any more; when an executor is stopped, cancelled or replaced, everything it had not published is undone.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.engine.attempt import Published, Tools, publish_id_of, record_of
from penstock.engine.beginning import is_unwanted, opening_facts, running_of
from penstock.engine.crew import Crew
from penstock.engine.frontier import Frontier
from penstock.engine.limits import bounds_of, limits_of
from penstock.engine.retry import delay_before, given_up
from penstock.engine.run import CANCELLED, INTERRUPTED, UNDONE, Failure, Request, Running, RunReport
from penstock.engine.states import RunState, TaskState
from penstock.ledger.facts import AttemptFailed, RunFinished
from penstock.model.errors import PenstockError, TransientError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.engine.attempt import Job
    from penstock.engine.frontier import Item, Key
    from penstock.engine.ports.clock import Clock
    from penstock.model.pipelines import Dataset
    from penstock.plan.build import Work

Progress = "Callable[[Work, str], None]"
NAP = 0.1
"""Seconds that an executor of one lane sleeps at most before it looks again."""


class Executor:
    """The runs of one holder of the executor lease. `lanes` bounds how much is built at once, `limits` what of."""

    def __init__(
        self, tools: Tools, clock: Clock, token: int, *, lanes: int = 1, limits: Mapping[Key, int] | None = None
    ) -> None:
        self.tools, self.clock, self.token = tools, clock, token
        self._turn = threading.Condition()
        self._crew = Crew(self, self._turn, lanes)
        self._frontier = Frontier(limits)
        self._runs: dict[str, Running] = {}
        self._broken: BaseException | None = None
        self._staying = False
        self._ending: str | None = None

    # -- runs -------------------------------------------------------------------------------------------------------

    def admit(
        self,
        request: Request,
        notice: Callable[[Work, str], None] | None = None,
        conclude: Callable[[RunReport], None] | None = None,
    ) -> Running:
        """Take a run up; it is done by `drain`, or by lanes that stay. An empty plan leaves no trace but its end.

        `conclude` is done before the run's end is recorded: a run that is over has been shown.
        """
        journal = self.tools.journal
        running = running_of(journal, request, self.token, self.clock.monotonic())
        running.notice, running.conclude = notice or running.notice, conclude or running.conclude
        if not request.plan.works:
            running.report = RunReport(run=request.run)
            if request.queued:
                journal.append(RunFinished(run=request.run, state=str(RunState.NOTHING)), token=self.token)
            return running
        begun = journal.append(*opening_facts(journal, request), token=self.token)
        running.job = replace(running.job, since=request.plan.since or begun[-1].seq)
        try:
            if request.queued and is_unwanted(journal, request.run):  # `cancel` relies on this look after the start
                running.report = RunReport(run=request.run, state=RunState.CANCELLED)
                journal.append(RunFinished(run=request.run, state=str(RunState.CANCELLED)), token=self.token)
                return running
        except PenstockError as error:  # it is recorded as running, and nobody here would go on with it
            self.fail(error)
            raise
        with self._turn:
            self._runs[request.run] = running
            self._frontier.limit(limits_of(request.project))
            self._frontier.admit(
                request.run,
                request.plan.works,
                lambda work: bounds_of(request.project, work),
                now=self.clock.monotonic(),
            )
            if self._ending is not None:
                running.stopped, running.reason = RunState.INTERRUPTED, self._ending
                self._frontier.cancel(request.run)
            self._turn.notify_all()
        self._close_if_over(request.run)
        return running

    def drain(self) -> None:
        """Work in this thread, and in others where it pays, until nothing is left.

        Raises:
            LeaseLostError: another executor took over; what it finds it will finish.
        """
        self._crew.work()
        if self._broken is not None:
            raise self._broken

    def stay(self) -> None:
        """Let `drain` wait for further runs until `leave`."""
        self._staying = True

    def leave(self) -> None:
        """Let `drain` return once nothing is left."""
        with self._turn:
            self._staying = False
            self._turn.notify_all()

    def cancel(self, run: str) -> bool:
        """Stop a run: nothing of it begins any more, what runs is interrupted; False if it is not under way here.

        When the run is recorded as cancelled, nothing of it runs.
        """
        return self._stop(run, RunState.CANCELLED)

    def interrupt(self, reason: str = "") -> None:
        """Stop everything; every run is recorded as interrupted, and why, for `resume` to take up.

        A run that is admitted later is, too, before anything of it begins.
        """
        for run in self._end(reason):
            self._stop(run, RunState.INTERRUPTED, reason)
        self.leave()

    def wind_down(self, reason: str = "") -> None:
        """Let what runs come to its end, and nothing else begin; unfinished runs are recorded as interrupted."""
        for run in self._end(reason):
            self._stop(run, RunState.INTERRUPTED, reason, gently=True)
        self.leave()

    def give_up(self, error: BaseException) -> None:
        """Stop at once without recording anything: another executor may have taken over."""
        self.fail(error)
        with self._turn:
            self._crew.interrupt()
        self.tools.processes.stop()

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs under way."""
        return tuple(self._runs)

    # -- for lanes --------------------------------------------------------------------------------------------------

    def take(self, *, wait: bool) -> Item | None:
        """The next piece of work; None if nothing is ready, or, having waited, if nothing is left."""
        with self._turn:
            while self._broken is None:
                item = self._frontier.take(self.clock.monotonic())
                if item is not None or not wait:
                    return item
                if self._frontier.idle and not self._staying:
                    return None
                self._wait()
            return None

    def take_ahead(self, built: list[Item], suits: Callable[[Item], bool]) -> Item | None:
        """Work that waits for nothing but what a lane has built in its open transaction."""
        with self._turn:
            return None if self._broken else self._frontier.ahead(built, self.clock.monotonic(), suits)

    def put_back(self, item: Item) -> None:
        """What an item was built upon came to nothing: the attempt is over, and it waits anew or is skipped."""
        running = self._runs[item.run]
        fact = AttemptFailed(
            publish_id=publish_id_of(running.job, item.work),
            attempt=self.attempt_of(item),
            code=UNDONE,
            message="what it was built upon, in the same transaction, was undone",
            transient=True,
        )
        self.tools.journal.submit(fact, token=self.token)
        with self._turn:
            self._frontier.put_back(item)
            self._turn.notify_all()
        self._close_if_over(item.run)

    def drop(self, item: Item) -> None:
        """Let go of an item that had not begun when its run was stopped."""
        with self._turn:
            self._frontier.drop(item)
            self._turn.notify_all()
        self._close_if_over(item.run)

    def job_of(self, item: Item) -> Job:
        """The constants of an item's run."""
        return self._runs[item.run].job

    def is_cancelled(self, run: str) -> bool:
        """Whether a run was stopped, or everything was."""
        return self._broken is not None or self._runs[run].stopped is not None

    def published(self, item: Item, outcome: Published) -> None:
        """A lane published a piece of work: record it, and let what waits for it begin."""
        running = self._runs[item.run]
        outcome = replace(outcome, measured={**outcome.measured, **self._measured(item)})
        fact = record_of(item.work, self.attempt_of(item), running.job, outcome)
        self.tools.journal.submit(fact, token=self.token)
        with self._turn:
            running.published.append(outcome)
            self._frontier.finish(item, self.clock.monotonic())
            self._turn.notify_all()
        running.notice(item.work, str(TaskState.PUBLISHED))
        self._close_if_over(item.run)

    def told(self, item: Item, line: str) -> None:
        """A piece of work tells how far it is."""
        self._runs[item.run].notice(item.work, line)

    def failed(self, item: Item, error: PenstockError) -> None:
        """An attempt failed: record it, and try again later, or leave out what waits for it."""
        if self._broken is not None:  # whoever comes next settles what this executor left
            return
        running = self._runs[item.run]
        wait_for = None if running.stopped else self._wait_before_next(running, item, error)
        if running.stopped:
            error = _stopped(running.stopped, item)
        finding = error.findings[0]
        fact = AttemptFailed(
            publish_id=publish_id_of(running.job, item.work),
            attempt=self.attempt_of(item),
            code=finding.code,
            message=finding.message,
            transient=wait_for is not None,
            measured=self._measured(item),
        )
        self.tools.journal.append(fact, token=self.token)
        with self._turn:
            self._settle_failed(running, item, error, wait_for)
            self._turn.notify_all()
        running.notice(item.work, str(running.stopped or ("failed" if wait_for is None else "retrying")))
        self._close_if_over(item.run)

    def attempt_of(self, item: Item) -> int:
        """The number of an item's attempt in the ledger, where earlier executors' count too."""
        running = self._runs[item.run]
        return running.attempts.get(publish_id_of(running.job, item.work), 0) + item.attempts

    def cpu(self) -> float | None:
        """Processor seconds used so far, if one lane alone is using them."""
        return self.clock.cpu() if len(self._crew.lanes) == 1 else None

    def call_help(self) -> None:
        """A lane begins something that may take long: open another one if something is ready."""
        with self._turn:
            self._crew.help()

    def has_ready(self) -> bool:
        """Whether a further lane would find something to do at once; the turn is held."""
        return self._broken is None and self._frontier.has_ready(self.clock.monotonic())

    def fail(self, error: BaseException) -> None:
        """Something that no attempt answers for: nothing begins any more, and `drain` raises the first of these."""
        with self._turn:
            self._broken = self._broken or error
            self._turn.notify_all()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Until something may have changed. One lane alone sleeps by the clock, which may be a virtual one."""
        at = self._frontier.next_at()
        if self._crew.most > 1 or self._staying:
            self._turn.wait(None if at is None else max(0.0, at - self.clock.monotonic()))
            return
        if at is None:
            raise RuntimeError("work is left, but nothing can begin")
        self._turn.release()
        try:  # in naps: whoever cancels the run meanwhile is not to wait for its next attempt
            self.clock.sleep(min(NAP, max(0.0, at - self.clock.monotonic())))
        finally:
            self._turn.acquire()

    def _end(self, reason: str) -> tuple[str, ...]:
        """Admit nothing more to be done; what was admitted."""
        with self._turn:
            self._ending = reason
            return tuple(self._runs)

    def _stop(self, run: str, state: RunState, reason: str = "", *, gently: bool = False) -> bool:
        """Let nothing of a run begin any more and, unless gently, interrupt what is in hand."""
        with self._turn:
            running = self._runs.get(run)
            if running is None:
                return False
            if running.stopped is None:
                running.stopped, running.reason = state, reason
            held = set(map(id, self._frontier.cancel(run)))
            if not gently:
                self._crew.interrupt(held)
            self._turn.notify_all()
        if not gently:
            self.tools.processes.stop(run)
        self._close_if_over(run)
        return True

    def _wait_before_next(self, running: Running, item: Item, error: PenstockError) -> float | None:
        """Seconds until the next attempt, or None when there is none."""
        if not isinstance(error, TransientError):
            return None
        dataset = running.job.project.datasets[item.work.slice.dataset]
        retry = dataset.retry or running.job.project.pipeline_of(dataset.name).retry
        return delay_before(item.attempts - item.excused + 1, retry, self.clock.jitter())

    def _settle_failed(self, running: Running, item: Item, error: PenstockError, wait_for: float | None) -> None:
        if running.stopped:  # perhaps while the failure was being recorded
            self._frontier.drop(item)
            return
        if wait_for is not None:
            self._frontier.again(item, self.clock.monotonic() + wait_for)
            return
        dataset = running.job.project.datasets[item.work.slice.dataset]
        findings = tuple(_placed(finding, dataset) for finding in error.findings)
        if isinstance(error, TransientError):
            findings = tuple(given_up(finding, item.attempts - item.excused) for finding in findings)
        running.failures.append(Failure(slice=str(item.work.slice), dataset=dataset.name, findings=findings))
        self._frontier.fail(item)

    def _measured(self, item: Item) -> dict[str, int]:
        now = self.clock.monotonic()
        return {"queued": _micro(item.taken_at - item.queued_at), "ran": _micro(now - item.taken_at)}

    def _close_if_over(self, run: str) -> None:
        """Record a run's end once nothing of it is left, in hand or waiting."""
        with self._turn:
            running = self._runs.get(run)
            if running is None or running.closing or self._broken or not self._frontier.over(run):
                return
            running.closing = True
            items = self._frontier.close(run)
            state = _state_at_end(running, items)
            report = RunReport(
                run=run,
                state=state,
                published=tuple(running.published),
                failures=tuple(running.failures),
                skipped=tuple(str(item.work.slice) for item in items.values() if item.state is TaskState.SKIPPED),
                seconds=self.clock.monotonic() - running.began,
            )
        reason = running.failures[0].findings[0].message if running.failures else running.reason
        reason = "" if state is RunState.PUBLISHED else reason  # it was to be stopped, and was done before
        try:
            running.conclude(report)
            self.tools.journal.append(RunFinished(run=run, state=str(state), reason=reason), token=self.token)
        except PenstockError as error:  # nobody here will try again: whoever comes next settles it
            self.fail(error)
            raise
        with self._turn:
            running.report = report
            del self._runs[run]
            self._turn.notify_all()


def execute(
    request: Request, tools: Tools, clock: Clock, token: int, progress: Callable[[Work, str], None] | None = None
) -> RunReport:
    """Run a request to its end; an empty plan leaves no trace.

    Raises:
        LeaseLostError: another executor took over; what it finds it will finish.
    """
    executor = Executor(tools, clock, token, lanes=request.project.settings.parallel)
    running = executor.admit(request, progress)
    executor.drain()
    assert running.report is not None  # noqa: S101 - drained
    return running.report


def _state_at_end(running: Running, items: Mapping[int, Item]) -> RunState:
    """What a run that is over came to. One that was to be stopped when all of it was done already, is done."""
    if running.failures and running.stopped is None:
        return RunState.FAILED
    if running.stopped is None or all(item.state is TaskState.PUBLISHED for item in items.values()):
        return RunState.PUBLISHED
    return running.stopped


def _stopped(state: RunState, item: Item) -> TransientError:
    """Why an attempt of a stopped run ended."""
    cancelled = state is RunState.CANCELLED
    return TransientError(
        Finding(
            code=CANCELLED if cancelled else INTERRUPTED,
            message="the run was cancelled" if cancelled else "the executor was stopped",
            place=Place(dataset=item.work.slice.dataset),
            remedy="penstock retry RUN" if cancelled else "penstock resume",
        )
    )


def _placed(finding: Finding, dataset: Dataset) -> Finding:
    """A finding that says which dataset it is about, and where that is defined."""
    if finding.place.file is not None:
        return finding
    return replace(
        finding, place=replace(finding.place, file=dataset.file, dataset=finding.place.dataset or dataset.name)
    )


def _micro(seconds: float) -> int:
    return int(seconds * 1_000_000)
