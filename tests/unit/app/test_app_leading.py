"""A standby takes the place of an executor that hangs, and never of one that could not show itself."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.lock import exclusive
from penstock.app.leading import lead
from penstock.ledger.facts import LeaseTaken
from penstock.model.errors import WaitingError
from penstock.model.findings import Finding
from penstock.sim.clock import VirtualClock
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEASE = 10.0
HOLDER = """
import sys
from pathlib import Path
from penstock.adapters.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class Ledger(MemoryJournal):
    """A ledger whose probe does what a test says; between two looks, its executor may beat."""

    probing: Callable[[], object] = staticmethod(lambda: None)

    def probe(self) -> None:
        self.probing()


class Place:
    """What `lead` needs of a workplace."""

    def __init__(self, lock: Path, clock: VirtualClock) -> None:
        self.lock, self.clock, self.ledger = lock, clock, Ledger(clock.stamp)
        self.held = False

    def hold(self) -> None:
        with exclusive(self.lock):
            self.held = True


class Looks(threading.Event):
    """A stop that lets virtual time pass instead of waiting, and sets itself after so many looks."""

    def __init__(self, clock: VirtualClock, most: int) -> None:
        super().__init__()
        self._clock, self._left = clock, most

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.sleep(timeout or 0.0)
        self._left -= 1
        if self._left <= 0:
            self.set()
        return self.is_set()


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock and does not show itself."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "executor.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def place(tmp_path: Path, executor: subprocess.Popen[str]) -> Place:
    place = Place(tmp_path / "executor.lock", VirtualClock())
    holder = f"process {executor.pid} on {platform.node()}"
    place.ledger.append(LeaseTaken(name="executor", holder=holder, token=1))
    place.ledger.beat(1)
    return place


def _led(place: Any, looks: int) -> tuple[bool, list[str]]:
    said: list[str] = []
    return lead(place, Looks(place.clock, looks), said.append, LEASE), said


def test_an_executor_that_could_show_itself_and_does_not_is_killed(
    place: Place, executor: subprocess.Popen[str]
) -> None:
    led, said = _led(place, 10_000)

    assert (led, place.held, executor.wait(10)) == (True, True, -9)
    assert place.clock.slept >= LEASE
    assert "was killed" in said[-1]


def _busy() -> None:
    raise WaitingError(Finding(code="ledger.busy", message="somebody else writes"))
