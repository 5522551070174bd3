"""Runs Python tasks and commands for an executor; see `Processes` of the engine's ports."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from penstock.adapters.connectors import private_folder
from penstock.adapters.connectors import secrets as connector_secrets
from penstock.adapters.processes import outcomes, sandbox
from penstock.adapters.processes.forkserver import ForkServer, NotStartedError
from penstock.adapters.processes.logs import LogWriter, log_file
from penstock.adapters.processes.masking import Mask, secrets_of
from penstock.adapters.processes.preparation import prepare
from penstock.adapters.processes.supervision import Attempt, LostError, NoRoomError
from penstock.model.connectors import ConnectorSource
from penstock.model.errors import TaskError, TransientError
from penstock.model.pipelines import CommandTask, PythonTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.adapters.processes.preparation import Prepared
    from penstock.adapters.processes.supervision import Ended
    from penstock.engine.ports.processes import Order
    from penstock.model.findings import Finding

DEFAULT_TIMEOUT_SECONDS = 600.0


class TaskProcesses:
    """A `Processes`. Its fork server is started with the first order, and replaced when it has ended.

    `root` is the project (or the worktree under review) whose code is run, `spool` the folder that the warehouse may
    read, `logs` where output is kept. `confined` is for code that nobody has approved yet.
    """

    def __init__(self, root: Path, spool: Path, logs: Path, *, confined: bool = False) -> None:
        self._root, self._spool, self._logs = root.resolve(), spool, logs
        self._confined = confined
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._starting = threading.Lock()
        self._running: list[Attempt] = []
        self._server: ForkServer | None = None
        self._folder: Path | None = None

    @property
    def isolation(self) -> Literal["bubblewrap", "process"]:
        """What keeps a task from files and networks that are none of its business: a sandbox, or nothing."""
        return "bubblewrap" if self._confined and sandbox.works() else "process"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for inputs and output, removed afterwards."""
        with tempfile.TemporaryDirectory(dir=self._own_folder(), prefix="task-") as folder:
            yield Path(folder)

    def run(self, order: Order) -> Mapping[str, int]:
        """Carry out an order; see `Processes.run`.

        Raises:
            TaskError: the task failed, left no rows, ran out of time or memory, or was stopped.
            TransientError: the fork server went down under it.
        """
        task = order.dataset.task
        assert isinstance(task, PythonTask | CommandTask | ConnectorSource)  # noqa: S101 - the engine sends nothing else
        secrets = self._secrets(order, task)
        prepared = prepare(order, self._root, os.environ)
        timeout = order.dataset.timeout
        attempt = Attempt(run=order.run, seconds=timeout.total_seconds() if timeout else DEFAULT_TIMEOUT_SECONDS)
        log = LogWriter(log_file(self._logs, order.run, order.log), Mask(secrets))
        try:
            with closing(log), _without_traces(order), self._registered(attempt):
                ended = self._carry_out(order, attempt, prepared, log)
            return outcomes.conclude(order, attempt, ended, log.ending())
        except (TaskError, TransientError) as error:
            mask = Mask(secrets)
            raise type(error)(tuple(_masked(finding, mask) for finding in error.findings)) from error.__cause__

    def _secrets(self, order: Order, task: PythonTask | CommandTask | ConnectorSource) -> frozenset[str]:
        """The values that nothing may show."""
        if not isinstance(task, ConnectorSource):
            return secrets_of(os.environ, task.secrets)
        own, _ = connector_secrets.look_up(task, self._root, os.environ, order.dataset.name)
        return secrets_of(os.environ, ()) | frozenset(own.values())

    def stop(self, run: str | None = None) -> int:
        """Kill what runs (for a run, or at all) with everything it started, and wait until it is gone; how many."""
        with self._changed:
            chosen = [attempt for attempt in self._running if run in {None, attempt.run}]
        for attempt in chosen:
            attempt.stop()
        with self._changed:
            self._changed.wait_for(lambda: not any(attempt in self._running for attempt in chosen))
        return len(chosen)

    def close(self) -> None:
        """End everything and remove what is left of the scratch folders."""
        self.stop()
        with self._starting:
            if self._server is not None:
                self._server.close()
                self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _registered(self, attempt: Attempt) -> Iterator[None]:
        with self._changed:
            self._running.append(attempt)
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(attempt)
                self._changed.notify_all()

    def _carry_out(self, order: Order, attempt: Attempt, prepared: Prepared, log: LogWriter) -> Ended:
        """Submit and watch; once more on a new fork server if the attempt had not begun."""
        if order.is_unwanted():
            raise TaskError(outcomes.stopped(order))
        for last in (False, True):
            server = None
            try:
                server = self._serving()
                wires = server.submit(prepared.request, libraries=prepared.libraries, database=prepared.database)
                try:
                    return attempt.watch(wires, log)
                finally:
                    wires.close()
            except NoRoomError as error:
                raise outcomes.no_room(order, str(error)) from error
            except NotStartedError as error:
                reason, started = str(error), False
            except LostError as error:
                reason, started = str(error), error.started
            self._give_up(server)
            if attempt.timed_out or attempt.stopped:
                raise TaskError(
                    outcomes.stopped(order) if attempt.stopped else outcomes.timed_out(order, attempt.seconds)
                )
            if started or last:
                raise outcomes.lost(order, reason)
        raise AssertionError("two rounds end one way or the other")

    def _serving(self) -> ForkServer:
        with self._starting:
            if self._server is None or not self._server.alive:
                if self._server is not None:
                    self._server.close()
                    self._server = None
                wrapping: tuple[str, ...] = ()
                if self.isolation == "bubblewrap":
                    wrapping = sandbox.wrapping(self._root, self._own_folder())
                self._server = ForkServer(wrapping)
            return self._server

    def _give_up(self, server: ForkServer | None) -> None:
        """End a fork server that does not answer, and all below it."""
        if server is None:
            return
        server.close()
        with self._starting:
            if self._server is server:
                self._server = None

    def _own_folder(self) -> Path:
        """This executor's part of the spool: all that a confined task can write to."""
        with self._lock:
            if self._folder is None or not self._folder.is_dir():
                self._spool.mkdir(parents=True, exist_ok=True)
                self._folder = Path(tempfile.mkdtemp(dir=self._spool.resolve(), prefix="tasks-"))
            return self._folder


def _without_traces(order: Order) -> AbstractContextManager[None]:
    """For the time of a block: what a connector writes down of its settings is gone afterwards."""
    is_connector = isinstance(order.dataset.task, ConnectorSource)
    return private_folder.swept(order.output.parent) if is_connector else nullcontext()


def _refuse_unwanted(order: Order) -> None:
    """A run that was stopped just before its process could be killed begins none."""
    if order.is_unwanted():
        raise TaskError(outcomes.stopped(order))


def _masked(finding: Finding, mask: Mask) -> Finding:
    found = mask.text(finding.found) if finding.found else None
    expected = mask.text(finding.expected) if finding.expected else None
    return replace(finding, message=mask.text(finding.message), found=found, expected=expected)
