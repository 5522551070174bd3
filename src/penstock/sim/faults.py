"""Faults asked for in advance, by number: at the n-th durable step, or at the n-th commit of a publish.

A fault plan counts what was asked and what fired, so that a test can tell a harness that breaks nothing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping


class Crash(BaseException):
    """The executor died here; nothing after this line ran. Not an error: nothing may catch it but the world outside."""


class Fault(StrEnum):
    """What can happen."""

    CRASH_BEFORE = "crash before the step"
    CRASH_AFTER = "crash after the step"
    TAKEOVER = "another executor takes the lease before the step"
    CLOCK_JUMP = "the wall clock jumps before the step"
    CONFLICT = "the commit meets a conflict"
    COMMIT_LOST = "the commit's outcome is unknown; it was lost"
    COMMIT_KEPT = "the commit's outcome is unknown; it was kept"


STEP_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.TAKEOVER, Fault.CLOCK_JUMP)
COMMIT_FAULTS = (Fault.CONFLICT, Fault.COMMIT_LOST, Fault.COMMIT_KEPT)


def _nothing() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Faults:
    """A fault plan and how far it got. `steps` and `commits` map a number, from 1, to what happens there.

    The stores report to it; `trace` holds one line for each step, and `seen` counts the steps and commits reached.
    `on_takeover` and `on_jump` do what the fault of that name says.
    """

    steps: Mapping[int, Fault] = field(default_factory=dict)
    commits: Mapping[int, Fault] = field(default_factory=dict)
    on_takeover: Callable[[], None] = _nothing
    on_jump: Callable[[], None] = _nothing
    trace: list[str] = field(default_factory=list)
    fired: Counter[Fault] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> Counter[Fault]:
        """How many of each were asked for."""
        return Counter((*self.steps.values(), *self.commits.values()))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One durable step of a store: the block makes it durable.

        Raises:
            Crash: the plan says so, before or after the block.
        """
        self.seen["steps"] += 1
        number = self.seen["steps"]
        fault = self.steps.get(number)
        self.trace.append(f"{number} {name}" + (f": {fault}" if fault else ""))
        if fault is not None:
            self.fired[fault] += 1
        if fault is Fault.CRASH_BEFORE:
            raise Crash(f"before step {number}, {name}")
        if fault is Fault.TAKEOVER:
            self.on_takeover()
        if fault is Fault.CLOCK_JUMP:
            self.on_jump()
        try:
            yield
        finally:
            if fault is Fault.CRASH_AFTER:
                raise Crash(f"after step {number}, {name}")

    def commit(self) -> Fault | None:
        """What happens to the publish that is about to commit."""
        self.seen["commits"] += 1
        fault = self.commits.get(self.seen["commits"])
        if fault is not None:
            self.fired[fault] += 1
            self.trace.append(f"commit {self.seen['commits']}: {fault}")
        return fault


def draw_faults(chance: random.Random, steps: int, commits: int) -> Faults:
    """A plan of one to five faults at durable steps and up to three at commits, all within what a run reaches."""
    at_steps = chance.sample(range(1, steps + 1), min(steps, chance.randint(1, 5)))
    at_commits = chance.sample(range(1, commits + 1), min(commits, chance.randint(0, 3)))
    return Faults(
        steps={number: chance.choice(STEP_FAULTS) for number in sorted(at_steps)},
        commits={number: chance.choice(COMMIT_FAULTS) for number in sorted(at_commits)},
    )
