"""Faults asked for in advance, by number: at the n-th durable step, commit of a publish, or effort to make rows.

A fault plan counts what was asked and what fired, so that a test can tell a harness that breaks nothing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence


class Crash(BaseException):
    """The executor died here; nothing after this line ran. Not an error: nothing may catch it but the world outside."""


class Fault(StrEnum):
    """What can happen."""

    CRASH_BEFORE = "crash before the step"
    CRASH_AFTER = "crash after the step"
    TAKEOVER = "another executor takes the lease before the step"
    OVERTAKEN = "another executor takes the lease and does the work before the step"
    CANCEL = "somebody cancels what runs"
    RESTATED = "somebody corrects files and wants them built again before the step"
    CLOCK_JUMP = "the wall clock jumps before the step"
    CONFLICT = "the commit meets a conflict"
    COMMIT_LOST = "the commit's outcome is unknown; it was lost"
    COMMIT_KEPT = "the commit's outcome is unknown; it was kept"
    PASSING = "the effort fails for a reason that passes"
    BROKEN = "the effort fails for a reason that a retry does not change"


STEP_FAULTS = (
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.TAKEOVER,
    Fault.OVERTAKEN,
    Fault.CANCEL,
    Fault.CLOCK_JUMP,
)
RESTATING = 0.25
"""In how many plans somebody corrects files while others build."""
COMMIT_FAULTS = (Fault.CONFLICT, Fault.COMMIT_LOST, Fault.COMMIT_KEPT)
BURSTS = 0.5
EFFORT_FAULTS = (Fault.PASSING, Fault.BROKEN, Fault.CANCEL)


def _nothing() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Faults:
    """A fault plan and how far it got. `steps`, `commits` and `efforts` map a number, from 1, to what happens there.

    The stores report to it; `trace` holds one line for each step, and `seen` counts what was reached of each.
    `on` holds what the outside does when a fault of that kind fires.
    """

    steps: Mapping[int, Fault] = field(default_factory=dict)
    commits: Mapping[int, Fault] = field(default_factory=dict)
    efforts: Mapping[int, Fault] = field(default_factory=dict)
    on: dict[Fault, Callable[[], object]] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    fired: Counter[Fault] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> Counter[Fault]:
        """How many of each were asked for."""
        return Counter((*self.steps.values(), *self.commits.values(), *self.efforts.values()))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One durable step of a store: the block makes it durable.

        Raises:
            Crash: the plan says so, before or after the block.
        """
        fault = self._reached("steps", self.steps, name)
        if fault is Fault.CRASH_BEFORE:
            raise Crash(f"before {name}")
        if fault is not None:
            self.on.get(fault, _nothing)()
        try:
            yield
        finally:
            if fault is Fault.CRASH_AFTER:
                raise Crash(f"after {name}")

    def commit(self) -> Fault | None:
        """What happens to the publish that is about to commit."""
        return self._reached("commits", self.commits)

    def effort(self, name: str) -> None:
        """Somebody begins to make rows, or to fetch them.

        Raises:
            TransientError, TaskError: the plan says so.
        """
        fault = self._reached("efforts", self.efforts)
        if fault is not None:
            self.on.get(fault, _nothing)()
        if fault is Fault.PASSING:
            raise TransientError(Finding(code="sim.passing", message=f"{name} failed; it may pass"))
        if fault is Fault.BROKEN:
            raise TaskError(Finding(code="sim.broken", message=f"{name} failed"))

    def _reached(self, kind: str, plan: Mapping[int, Fault], name: str = "") -> Fault | None:
        self.seen[kind] += 1
        number = self.seen[kind]
        fault = plan.get(number)
        if fault is not None:
            self.fired[fault] += 1
        if name:
            self.trace.append(f"{number} {name}" + (f": {fault}" if fault else ""))
        elif fault is not None:
            self.trace.append(f"{kind} {number}: {fault}")
        return fault


def draw_faults(chance: random.Random, seen: Mapping[str, int]) -> Faults:
    """A plan of one to five faults at durable steps, up to three at commits and two at efforts.

    `seen` says how many of each a life without faults reaches; all lie within that.
    """
    steps = _drawn(chance, seen["steps"], (1, 5), STEP_FAULTS)
    if chance.random() < RESTATING:
        steps[chance.randint(1, seen["steps"])] = Fault.RESTATED
    return Faults(
        steps=steps,
        commits=_drawn(chance, seen["commits"], (0, 3), COMMIT_FAULTS),
        efforts=_drawn(chance, seen["efforts"], (0, 2), EFFORT_FAULTS),
    )


def _drawn(chance: random.Random, reached: int, count: tuple[int, int], kinds: Sequence[Fault]) -> dict[int, Fault]:
    """Faults anywhere, or in half of the plans one after the other."""
    most = min(reached, chance.randint(*count))
    numbers = chance.sample(range(1, reached + 1), most)
    if most and chance.random() < BURSTS:
        first = chance.randint(1, reached - most + 1)
        numbers = list(range(first, first + most))
    return {number: chance.choice(kinds) for number in sorted(numbers)}
