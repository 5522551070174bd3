"""Which work of a plan is ready, running, done or hopeless: the run's state machine, without I/O.

Invariants: an item is ready only when all it waits for is done; once one fails, everything that waits for it,
directly or not, is skipped and never becomes ready.
"""

from __future__ import annotations

from collections import defaultdict, deque
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.plan.build import Work


class WorkState(StrEnum):
    """Where an item stands."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Frontier:
    """The moving edge of a run over `works`, whose numbers are their positions."""

    def __init__(self, works: tuple[Work, ...]) -> None:
        self._works = {work.number: work for work in works}
        self._waits = {work.number: {n for n in work.after if n in self._works} for work in works}
        self._feeds: defaultdict[int, list[int]] = defaultdict(list)
        for number, waits in self._waits.items():
            for upstream in waits:
                self._feeds[upstream].append(number)
        self.states = dict.fromkeys(self._works, WorkState.WAITING)
        self._ready = deque(number for number, waits in self._waits.items() if not waits)
        for number in self._ready:
            self.states[number] = WorkState.READY

    def take(self) -> Work | None:
        """The next ready item, now running; None if none is ready."""
        if not self._ready:
            return None
        number = self._ready.popleft()
        self.states[number] = WorkState.RUNNING
        return self._works[number]

    def done(self, work: Work) -> None:
        """An item's rows are published."""
        self.states[work.number] = WorkState.DONE
        for number in self._feeds[work.number]:
            self._waits[number].discard(work.number)
            if not self._waits[number] and self.states[number] is WorkState.WAITING:
                self.states[number] = WorkState.READY
                self._ready.append(number)

    def failed(self, work: Work) -> None:
        """An item failed for good; what waits for it is skipped."""
        self.states[work.number] = WorkState.FAILED
        todo = list(self._feeds[work.number])
        while todo:
            number = todo.pop()
            if self.states[number] is WorkState.WAITING:
                self.states[number] = WorkState.SKIPPED
                todo.extend(self._feeds[number])

    def stop(self) -> None:
        """Skip everything that has not begun."""
        self._ready.clear()
        for number, state in self.states.items():
            if state in {WorkState.WAITING, WorkState.READY}:
                self.states[number] = WorkState.SKIPPED

    @property
    def running(self) -> int:
        """How many items are running."""
        return sum(state is WorkState.RUNNING for state in self.states.values())

    def skipped(self) -> tuple[Work, ...]:
        """The items that will not run."""
        return tuple(self._works[number] for number, state in self.states.items() if state is WorkState.SKIPPED)
