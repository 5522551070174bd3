"""A standby takes the place of an executor that hangs, and never of one that could not show itself."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from penstock.adapters.lock import exclusive
from penstock.app.leading import lead
from penstock.app.supervising import StopRequest
from penstock.ledger.facts import LeaseTaken
from penstock.model.errors import RunError
from penstock.model.findings import Finding
from penstock.sim.clock import VirtualClock
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Iterator
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


class Place:
    """What `lead` needs of a workplace."""

    def __init__(self, lock: Path, clock: VirtualClock) -> None:
        self.lock, self.clock, self.ledger = lock, clock, MemoryJournal(clock.stamp)
        self.held = False
        self.writing: list[set[int]] = []

    def hold(self) -> None:
        with exclusive(self.lock):
            self.held = True

    def ledger_writers(self) -> set[int]:
        return self.writing.pop(0) if self.writing else set()


class Looks(StopRequest):
    """A stop that lets virtual time pass instead of waiting, and sets itself after so many looks."""

    def __init__(self, clock: VirtualClock, most: int) -> None:
        super().__init__()
        self._clock, self._left = clock, most

    def wait(self, seconds: float) -> bool:
        self._clock.sleep(seconds)
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


def test_an_executor_that_nobody_lets_write_is_let_be(place: Place, executor: subprocess.Popen[str]) -> None:
    """Something else keeps the ledger locked, so that it cannot show itself; the lease counts anew afterwards."""
    place.writing = [{executor.pid + 1}] * 2
    led, said = _led(place, 10_000)
    assert [line.split(":")[0] for line in said[1:3]] == [
        f"process {executor.pid} on {platform.node()}, cannot show itself"
    ] * 2
    assert (led, executor.wait(10)) == (True, -9)
    assert place.clock.slept >= 3 * LEASE


def test_an_executor_that_was_stopped_as_it_wrote_is_killed(place: Place, executor: subprocess.Popen[str]) -> None:
    place.writing = [{executor.pid}] * 1000
    led, said = _led(place, 10_000)
    assert (led, executor.wait(10)) == (True, -9)
    assert "was killed" in said[-1]


def test_the_word_of_who_executes_says_what_it_serves(place: Place, executor: subprocess.Popen[str]) -> None:
    holder = f"process {executor.pid} on {platform.node()}, serving prod"
    place.ledger.append(LeaseTaken(name="executor", holder=holder, token=2))
    led, said = _led(place, 10_000)
    assert (led, said[0]) == (True, f"standing by: {holder}, executes")
    assert executor.wait(10) == -9


def test_a_ledger_that_does_not_answer_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, failures = place.hold, [RunError(Finding(code="ledger.unreachable", message="no answer"))] * 3

    def faltering() -> None:
        if failures:
            raise failures.pop()
        hold()

    monkeypatch.setattr(place, "hold", faltering)
    led, _ = _led(place, 10_000)
    assert (led, failures) == (True, [])
