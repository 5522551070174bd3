"""Signals and requests to cancel reach an executor as long as it works, whatever the ledger does meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from penstock.app.supervising import StopRequest, supervised
from penstock.ledger.facts import RunCancelRequested, RunStarted
from penstock.model.errors import RunError
from penstock.model.findings import Finding
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.ledger.journal import Value

SIGNALS_WHILE_WAITING = """
import os, signal, threading, time
from penstock.app.supervising import signalled

for trial in range(400):
    with signalled() as stop:
        sender = threading.Timer(trial % 20 * 1e-4, os.kill, (os.getpid(), signal.SIGINT))
        sender.start()
        while not stop.is_set():
            stop.wait(0)
        sender.join()
print("seen", trial + 1)
"""
LONG = 20.0
"""Seconds after which a test gives up: only a hang lasts that long."""


class Faltering(MemoryJournal):
    """A ledger that cannot be read a few times."""

    failing = 0

    def rows(
        self, table: str, *, order: str | None = None, limit: int | None = None, **equal: Value
    ) -> tuple[Mapping[str, Value], ...]:
        if self.failing:
            self.failing -= 1
            raise RunError(Finding(code="ledger.unreachable", message="the database does not answer"))
        return super().rows(table, order=order, limit=limit, **equal)


class Told:
    """An executor that remembers what it was told; a first interrupt finds nothing to interrupt."""

    def __init__(self, error: RunError | None = None) -> None:
        self.error = error
        self.interrupts: list[str] = []
        self.again, self.cancelled, self.given_up = threading.Event(), threading.Event(), threading.Event()

    def interrupt(self, reason: str) -> None:
        self.interrupts.append(reason)
        if len(self.interrupts) > 1:
            self.again.set()

    def cancel(self, run: str) -> None:
        if self.error is not None:
            raise self.error
        assert run == "r1"
        self.cancelled.set()

    def give_up(self, error: BaseException) -> None:
        assert error is self.error
        self.given_up.set()


def _journal() -> Faltering:
    journal = Faltering(lambda: "now")
    journal.append(
        RunStarted(run="r1", purpose="", plan="", tasks=1), RunStarted(run="r2", purpose="", plan="", tasks=1)
    )
    journal.append(RunCancelRequested(run="r1", by="me"))
    return journal


def test_a_request_to_cancel_is_seen_after_the_ledger_could_not_be_read() -> None:
    journal, executor = _journal(), Told()
    journal.failing = 2
    with supervised(executor, journal):  # type: ignore[arg-type]
        assert executor.cancelled.wait(LONG)
    assert journal.failing == 0


def test_a_signal_interrupts_until_the_work_is_over_so_that_what_is_admitted_meanwhile_stops_too() -> None:
    executor = Told()
    with supervised(executor, _journal()) as stop:  # type: ignore[arg-type]
        stop.set()
        assert executor.again.wait(LONG)


def test_a_cancel_that_cannot_be_recorded_ends_the_executor() -> None:
    executor = Told(RunError(Finding(code="ledger.unreachable", message="the database does not answer")))
    with supervised(executor, _journal()):  # type: ignore[arg-type]
        assert executor.given_up.wait(LONG)


def test_a_signal_that_comes_in_the_moment_in_which_a_wait_begins_does_not_hang_the_process() -> None:
    """With a `threading.Event` the first hundred signals are enough to hang it."""
    command = [sys.executable, "-c", SIGNALS_WHILE_WAITING]
    assert subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONG).stdout == "seen 400\n"


def test_a_request_to_stop_wakes_all_who_wait() -> None:
    stop, woken = StopRequest(), []
    waiting = [threading.Thread(target=lambda: woken.append(stop.wait(LONG))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    assert not stop.wait(0.01)
    stop.set()
    for thread in waiting:
        thread.join(LONG)
    assert woken == [True] * 3
    assert stop.wait(LONG)
