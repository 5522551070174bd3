"""`serve`: the one process that starts what schedules and triggers ask for, and does whatever is queued.

Invariants: however many are started, one executes, and the others stand by; what is queued is done once; nothing begins
after a signal to stop, and what did not end is recorded as interrupted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.adapters.watching import SourceFolder, fingerprint_of_files
from penstock.app.claiming import Claims, Ended
from penstock.app.executing import Desk
from penstock.app.expiring import Daily
from penstock.app.export_following import ExportFollower
from penstock.app.leading import lead
from penstock.engine.lease import LEASE_SECONDS
from penstock.engine.promotion import mapping_of
from penstock.engine.requests import BACKFILL, MANUAL, RETRY
from penstock.engine.scheduling import definitions_of
from penstock.engine.starting import Starter
from penstock.engine.states import RunState
from penstock.engine.triggers import sight_of_files, sight_of_value
from penstock.ledger.facts import Promoted, RunQueued
from penstock.ledger.journal import LeaseLostError, stale_lease
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError, PenstockError, RunError, WaitingError
from penstock.model.findings import Severity
from penstock.model.pipelines import FilesTrigger
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.app.executing import Order
    from penstock.app.supervising import StopRequest
    from penstock.app.wiring import Workplace
    from penstock.engine.executor import Executor
    from penstock.engine.run import Running
    from penstock.engine.triggers import Look
    from penstock.ledger.journal import Entry
    from penstock.model.pipelines import Pipeline

AT_ONCE = 32
"""How many runs are under way at most; what they build at once is bounded by `parallel`, pools and limits."""
IDLE_LOOK, BUSY_LOOK = 0.5, 0.02
"""Seconds between two looks at the queue."""
REST_AFTER = 2.0
"""Seconds without work after which the warehouse is closed, so that other programs may read it."""
FILES_EVERY, FILES_SHARE = 2.0, 0.005
"""Seconds between two looks at the project's files; more, if looking would take more than this share of a core."""
STOPPED = "penstock serve was stopped"


class Server:
    """One process that may become, and then is, the executor of a project's environment."""

    def __init__(self, place: Workplace, environment: str, say: Callable[[str], None]) -> None:
        self._place, self._environment, self._say = place, environment, say
        self._desk = Desk(place)
        self._claims = Claims(place.ledger, self._desk)
        self._daily = Daily(place, say)
        self._starter: Starter | None = None
        self._seen = 0
        place.role = f", serving {environment}"
        self._files = ""
        self._files_at = 0.0
        self._held_up, self._faltered = "", False
        self._go_on_at = 0.0
        self._executor: Executor | None = None
        self._thread: threading.Thread | None = None
        self._failed: list[BaseException] = []
        self._under_way: list[tuple[Order, Running]] = []
        self._exports = ExportFollower(place, environment, say)
        self._worked_at = 0.0
        self.done: dict[str, int] = {}

    def serve(self, stop: StopRequest, *, grace: float) -> None:
        """Serve until `stop` is set; `grace` is how many seconds what runs then gets to come to its end.

        Raises:
            LeaseLostError: another process took over.
        """
        first = self._place.may_hold()
        if not first and not lead(self._place, stop, self._say, self._place.lease or LEASE_SECONDS):
            return
        try:
            self._begin(stop, first=first)
            while not stop.is_set():
                self._refuse_to_go_on()
                stop.wait(self._pause() if self._turn() else IDLE_LOOK)
        except LeaseLostError as error:
            if self._executor is not None:
                self._executor.give_up(error)
            raise
        finally:
            self._end(grace)

    # -- beginning and end ------------------------------------------------------------------------------------------

    def _begin(self, stop: StopRequest, *, first: bool) -> None:
        """Take the lease and the project up. Who takes over waits for files that can be read; who is first says no.

        Raises:
            InputError: the project's files are broken, and no other process served them before.
        """
        while not stop.is_set():
            try:
                self._place.token()
                self._place.rest()
                self._adopt()
                self._exports.ask()
            except WaitingError as busy:
                self._starter = None
                self._wait_for(busy)
            except InputError as error:
                if first:
                    raise
                self._wait_for(error)
                self._wait_for_other_files(stop)
            else:
                self._held_up = ""
                break
            stop.wait(IDLE_LOOK)
        if self._starter is not None:
            at = self._starter.scheduler.next_wake(self._place.clock.now())
            fire = f"; the next fire is at {at.isoformat()}" if at else ""
            self._say(f"serving {self._environment}: {len(self._pipelines())} pipeline(s){fire}")
            if not self._pipelines() and self._place.project.pipelines:
                self._say(
                    "nothing was delivered to prod yet: penstock deliver STORY; --env dev serves the working tree"
                )

    def _wait_for_other_files(self, stop: StopRequest) -> None:
        while not stop.wait(FILES_EVERY) and self._look_at_files() == self._files:
            pass

    def _wait_for(self, error: PenstockError) -> None:
        """Say once what holds everything up, and look again in a while."""
        if (why := _brief(error)) != self._held_up:
            self._held_up = why
            self._say(f"held up: {why}")
        self._go_on_at = self._place.clock.monotonic() + IDLE_LOOK

    def _end(self, grace: float) -> None:
        """Let what runs end, then interrupt it; record what became of it."""
        if self._executor is not None and self._thread is not None:
            self._executor.wind_down(STOPPED)
            self._thread.join(grace)
            if self._thread.is_alive():
                self._say("what still runs is interrupted")
                self._executor.interrupt(STOPPED)
                self._thread.join()
            if not self._failed:
                self._finish()
        self._exports.end(grace)
        self._close()

    def _adopt(self) -> None:
        """Take the project up as its files are now, and the ledger as it stands."""
        place, clock = self._place, self._place.clock
        self._files = self._look_at_files()
        pipelines = self._pipelines()
        names = [name for name, dataset in place.project.datasets.items() if dataset.pipeline in pipelines]
        versions = versions_of(place.project.narrowed(names))
        definitions = definitions_of({name: version.fingerprint for name, version in versions.items()})
        if self._starter is None:
            self._seen = place.ledger.newest()
            self._starter = Starter(place.ledger, self._environment)
        self._starter.adopt(pipelines, definitions, clock.now(), clock.monotonic(), token=place.token())

    def _look_at_files(self) -> str:
        """A digest of the project's files as they are now; plans the next look."""
        clock = self._place.clock
        began = clock.monotonic()
        files = fingerprint_of_files(self._place.root)
        ended = clock.monotonic()
        self._files_at = ended + max(FILES_EVERY, (ended - began) / FILES_SHARE)
        return files

    def _pipelines(self) -> Mapping[str, Pipeline]:
        """The pipelines that run here: all of them, or in production those of which it shows something."""
        pipelines = self._place.project.pipelines
        if self._environment != PRODUCTION:
            return pipelines
        shown = {name.partition(".")[0] for name in mapping_of(self._place.ledger, PRODUCTION)}
        return {name: pipeline for name, pipeline in pipelines.items() if name in shown}

    # -- one turn ---------------------------------------------------------------------------------------------------

    def _refuse_to_go_on(self) -> None:
        """Raise what ended the executor, or that another process took its place."""
        if self._place.has_lost_lease():
            raise stale_lease(self._place.token(), self._place.ledger.pulse()[0])
        if failed := (*self._failed, *self._exports.failed):
            raise failed[0]

    def _turn(self) -> bool:
        """Look once; False if the ledger or the warehouse could not be used, which may pass: then it is said once.

        What was due and could not be recorded is due again for a new starter, which begins with what the ledger has.
        """
        try:
            self._look_around()
        except (WaitingError, RunError) as error:
            self._starter, self._faltered = None, True
            self._wait_for(error)
            return False
        if self._faltered:
            self._faltered, self._held_up = False, ""
        return True

    def _look_around(self) -> None:
        """Look at clocks, triggers, the queue and the runs under way, once."""
        if self._starter is None:
            self._adopt()
        self._observe()
        self._reload_if_changed()
        self._start_what_is_due()
        self._cancel()
        self._claim()
        self._finish()
        self._exports.turn()
        self._expire_if_idle()
        self._rest_if_idle()

    def _pause(self) -> float:
        assert self._starter is not None  # noqa: S101 - begun
        clock = self._place.clock
        most = BUSY_LOOK if self._under_way else IDLE_LOOK
        return self._starter.wait(clock.now(), clock.monotonic(), most)

    def _reload_if_changed(self) -> None:
        """Take up the project's files if they are others than before; broken ones are told of, and left aside."""
        if self._place.clock.monotonic() < self._files_at or self._exports.is_busy:
            return
        files = self._look_at_files()
        if files == self._files:
            return
        self._files = files
        try:
            self._place.reload()
        except PenstockError as error:
            self._say(f"the project changed and cannot be read; the one before stays: {_brief(error)}")
            return
        self._adopt()
        self._say("the project changed and was read again")

    def _start_what_is_due(self) -> None:
        assert self._starter is not None  # noqa: S101 - begun
        clock = self._place.clock
        self._observe()
        self._starter.queue(clock.now(), self._place.token())
        for look in self._starter.looks(clock.monotonic()):
            self._look(look)
        self._observe()

    def _observe(self) -> None:
        """Take in what was recorded since, by this process or by others."""
        assert self._starter is not None  # noqa: S101 - begun
        promoted = False
        for entry in self._place.ledger.entries(self._seen):
            self._starter.observe((entry,))
            self._claims.observe(entry.kind)
            if entry.kind == RunQueued.__name__ and _is_asked_by_people(entry):
                self._files_at = 0.0  # it is about the files as they are now
            self._seen = entry.seq
            promoted = promoted or entry.kind == Promoted.__name__
        if promoted:
            self._exports.ask()
        if promoted and self._environment == PRODUCTION:  # what runs there may be something else now
            self._adopt()

    def _look(self, look: Look) -> None:
        """Look at a trigger's files or query; what cannot be looked at is told of, and looked at again later."""
        assert self._starter is not None  # noqa: S101 - begun
        place, clock = self._place, self._place.clock
        try:
            if isinstance(look.trigger, FilesTrigger):
                sight = sight_of_files(SourceFolder(place.root).matching(look.trigger.path))
            else:
                from penstock.engine.questions import ShownDatasets  # noqa: PLC0415 - pulls in the SQL parser

                shown = ShownDatasets(place.ledger, place.warehouse, self._environment)
                sight = sight_of_value(shown.ask(look.trigger.sql))
        except PenstockError as error:
            self._say(f"{look.pipeline}: its trigger could not be looked at: {_brief(error)}")
            return
        self._starter.saw(look, sight, clock.now(), clock.monotonic(), place.token())

    def _cancel(self) -> None:
        """Stop the runs under way that somebody wants stopped."""
        if self._executor is None:
            return
        for run in self._executor.runs:
            for row in self._place.ledger.rows("runs", run=run):
                if row["cancel"]:
                    self._executor.cancel(run)

    def _claim(self) -> None:
        """Take up what waits, as long as there is room."""
        now = self._place.clock.monotonic()
        if now < self._go_on_at:
            return
        orders, room = [order for order, _ in self._under_way], AT_ONCE - len(self._under_way)
        try:
            for found in self._claims.next(orders, room, now):
                if isinstance(found, Ended):
                    self._tell(found.run, found.state, found.reason)
                else:
                    self._say(f"{found.request.run} begins: {found.request.occasion}, {len(found.plan.works)} slice(s)")
                    self._under_way.append((found, self._desk.take_up(found, self._open())))
                self._worked_at, self._held_up = now, ""
        except WaitingError as busy:
            self._wait_for(busy)

    def _finish(self) -> None:
        """Finish the runs whose end is in the ledger, and so all they published: alerts, what is shown, a line."""
        open_still = set(self._executor.runs) if self._executor is not None else set()
        for order, running in list(self._under_way):
            if running.report is None or order.request.run in open_still:
                continue
            self._desk.finish(order, running)
            self._exports.ask()
            self._under_way.remove((order, running))
            found = running.report.findings
            self._tell(order.request.run, running.report.state, found[0].message if found else "")
            self._worked_at = self._place.clock.monotonic()

    def _tell(self, run: str, state: RunState, reason: str) -> None:
        self.done[str(state)] = self.done.get(str(state), 0) + 1
        if state is not RunState.NOTHING:
            self._say(f"{run} {state}" + (f": {reason}" if reason else ""))

    # -- the executor -----------------------------------------------------------------------------------------------

    def _open(self) -> Executor:
        """The executor, at work in a thread of its own."""
        if self._executor is None:
            executor = self._desk.executor(self._place.project)
            executor.stay()
            self._thread = threading.Thread(target=self._drain, args=(executor,), name="penstock-executor")
            self._executor = executor
            self._thread.start()
        return self._executor

    def _drain(self, executor: Executor) -> None:
        try:
            executor.drain()
        except BaseException as error:  # noqa: BLE001 - a thread's front door: the main loop raises it
            self._failed.append(error)

    def _expire_if_idle(self) -> None:
        """Delete what is past its retention, once a day, while nothing is built."""
        if not self._under_way and not self._exports.is_busy and self._daily.is_due:
            self._daily.take_turn()
            self._exports.ask()
            self._worked_at = self._place.clock.monotonic()

    def _rest_if_idle(self) -> None:
        """Close the warehouse after a while without work."""
        if self._exports.is_busy:
            self._worked_at = self._place.clock.monotonic()
        if self._under_way or self._place.clock.monotonic() - self._worked_at < REST_AFTER:
            return
        self._close()

    def _close(self) -> None:
        if self._executor is not None and self._thread is not None:
            self._executor.leave()
            self._thread.join()
            self._executor = self._thread = None
        self._place.rest()


def _is_asked_by_people(entry: Entry) -> bool:
    fact = entry.fact
    return isinstance(fact, RunQueued) and fact.trigger in {MANUAL, BACKFILL, RETRY}


def _brief(error: PenstockError) -> str:
    """What is wrong, in a line: the first of several mistakes, and where it is."""
    errors = [finding for finding in error.findings if finding.severity is Severity.ERROR] or list(error.findings)
    first, place = errors[0], str(errors[0].place)
    more = f"; and {len(errors) - 1} more: penstock check" if len(errors) > 1 else ""
    return first.message + (f" ({place})" if place and place not in first.message else "") + more
