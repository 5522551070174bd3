"""While an executor works: people's requests to cancel reach it, and so do signals to stop."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from penstock.engine.run import BY_SIGNAL
from penstock.engine.states import RunState
from penstock.model.errors import PenstockError, WaitingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from penstock.engine.executor import Executor
    from penstock.ledger.journal import Journal

SHOW_CURSOR = b"\x1b[?25h"
AT_ONCE = SHOW_CURSOR + b"\nended at once; what was under way is settled by the next command, then: penstock resume\n"
LOOK_EVERY = 0.25
"""Seconds between two looks for requests to cancel."""


class StopRequest:
    """Whether somebody asked this process to stop; a signal handler may set it whatever the main thread is at.

    A `threading.Event` may not: a handler runs between two steps of the main thread, which may hold the event's own
    lock at that moment because it is about to wait, and the process then hangs for ever. The queue's `put` may be
    called in the middle of its own `get`.
    """

    def __init__(self) -> None:
        self._asked = False
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Ask, and wake whoever waits."""
        self._asked = True
        self._wakes.put(None)

    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until somebody asks; whether somebody did."""
        if not self._asked:
            try:
                self._wakes.get(timeout=seconds)
            except Empty:
                return self._asked
            self._wakes.put(None)  # for whoever else waits
        return True


@contextmanager
def supervised(executor: Executor, journal: Journal) -> Iterator[StopRequest]:
    """Watch over an executor for the time of the block; its value is set once somebody asked the process to stop.

    The first signal lets nothing begin any more and interrupts what runs, so that every run is recorded as interrupted;
    a second one ends the process where it stands, which recovery settles too.
    """
    with signalled() as stop:
        done = threading.Event()
        watcher = threading.Thread(
            target=_attend, args=(executor, journal, stop, done), name="penstock-watcher", daemon=True
        )
        watcher.start()
        try:
            yield stop
        finally:
            done.set()
            watcher.join()


@contextmanager
def signalled() -> Iterator[StopRequest]:
    """A value that the first SIGINT or SIGTERM sets; a second one ends the process at once. Main thread only.

    At once, because an exception would come up inside whatever library happens to be at work; a process that ends where
    it stands is what recovery is for.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os.write(2, AT_ONCE if os.isatty(2) else AT_ONCE.removeprefix(SHOW_CURSOR))
            os._exit(WaitingError.exit_code)
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _attend(executor: Executor, journal: Journal, stop: StopRequest, done: threading.Event) -> None:
    try:
        _watch(executor, journal, stop, done)
    except PenstockError as error:  # what was stopped could not be recorded
        executor.give_up(error)


def _watch(executor: Executor, journal: Journal, stop: StopRequest, done: threading.Event) -> None:
    while not done.wait(LOOK_EVERY):
        if stop.is_set():  # and again: something may have begun in the moment of the first time
            executor.interrupt(BY_SIGNAL)
        for run in _unwanted(journal):
            executor.cancel(run)


def _unwanted(journal: Journal) -> tuple[str, ...]:
    """The runs under way that somebody wants stopped; none while the ledger cannot be read, which may pass."""
    try:
        rows = journal.rows("runs", state=str(RunState.RUNNING))
    except PenstockError:
        return ()
    return tuple(str(row["run"]) for row in rows if row["cancel"])
