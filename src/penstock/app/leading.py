"""Becoming the one process that executes, staying it, and taking over from one that no longer shows itself."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from penstock.adapters.lock import evict
from penstock.engine.lease import BEATS, LEASE_SECONDS, LeaseWatch, holder_of
from penstock.model.errors import PenstockError, RunError, WaitingError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.supervising import StopRequest
    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Pulse

LOOK_EVERY = 0.5
"""Seconds between two attempts to become the executor."""


class Heart:
    """Shows that this process lives, from a thread of its own, as long as nobody else takes the lease."""

    def __init__(self, pulse: Pulse, token: int, lease: float = LEASE_SECONDS) -> None:
        self._pulse, self._token, self._every = pulse, token, lease / BEATS
        self._stopped = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="penstock-heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more beats."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self._every):
            with suppress(PenstockError):  # a ledger that cannot be written now: whoever records a fact says so
                if not self._pulse.beat(self._token):
                    self.lost.set()
                    return


def lead(place: Workplace, stop: StopRequest, say: Callable[[str], None], lease: float = LEASE_SECONDS) -> bool:
    """Wait until this process may execute; False if it was stopped first.

    The lock comes free the moment its holder dies. A holder that hangs, or was stopped, keeps it: if it is the executor
    of the lease and has not shown itself for as long as the lease lasts, it is killed, which is the only fence that
    holds on one machine.
    """
    watch, told = LeaseWatch(lease), False
    while not stop.is_set():
        try:
            place.hold()
        except (WaitingError, RunError) as busy:
            if not told:
                say(f"standing by: {_whom(place) or busy.findings[0].message}")
                told = True
            with suppress(PenstockError):  # a ledger that cannot be read now says nothing of who holds it
                if _is_silent(place, watch):
                    _take_from_silent(place, watch, say)
            stop.wait(LOOK_EVERY)
            continue
        return True
    return False


def _is_silent(place: Workplace, watch: LeaseWatch) -> bool:
    """Whether the executor has not shown itself for too long.

    One that was stopped in the middle of a write keeps the ledger locked, so that not being able to write here must not
    excuse it. What is killed by mistake loses nothing: whoever takes over settles it.
    """
    try:
        pulse = place.ledger.pulse()
    except PenstockError:
        watch.restart()
        return False
    return watch.has_expired(pulse, place.clock.monotonic())


def _whom(place: Workplace) -> str:
    """Who executes, in a line; empty if the ledger does not know."""
    with suppress(PenstockError):
        if holder := holder_of(place.ledger):
            return f"{holder}, executes"
    return ""


def _take_from_silent(place: Workplace, watch: LeaseWatch, say: Callable[[str], None]) -> None:
    """Kill the holder of the lock if it is the executor whose lease ran out; any other holder is let be.

    So is one that could not show itself because somebody else keeps the ledger locked.
    """
    holder = holder_of(place.ledger)
    pid, _, rest = holder.removeprefix("process ").partition(" on ")
    if others := {str(writer) for writer in place.ledger_writers()} - {pid}:
        say(f"{holder}, cannot show itself: process {', '.join(sorted(others))} keeps the ledger locked")
        watch.restart()
    elif rest.partition(",")[0] == os.uname().nodename and evict(place.lock, pid):
        say(f"{holder}, held the lease and has not shown itself for too long: it was killed")


def refuse_if_led_elsewhere(place: Workplace) -> int:
    """Refuse to execute while a process of another machine holds the lease of a shared ledger and shows itself.

    The token after which this process may take the lease. Takes as long as a lease where its holder died without a
    word; no time where it ended in order.

    Raises:
        WaitingError: it lives.
    """
    lease = place.lease or LEASE_SECONDS
    watch, first = LeaseWatch(lease), place.ledger.pulse()
    while holder := holder_of(place.ledger):
        if place.ledger.pulse() != first:
            raise WaitingError(led_by(holder))
        if _is_silent(place, watch):
            break
        place.clock.sleep(LOOK_EVERY / 2)
    return first[0]


def led_by(holder: str) -> Finding:
    """Another process executes; `holder` as the ledger names it."""
    return Finding(
        code="executor.busy",
        message=f"{holder} executes what this ledger holds",
        expected="one process at a time that builds, promotes or delivers",
        remedy="wait for it to end, then run this command again",
    )
