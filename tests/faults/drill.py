"""A delivery taken apart into steps; each can be run from where the one before ended, broken off, and carried on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from picture import complaints, differences, picture_of
from small_shop import APPROVER, AUTHOR, Shop, add_datasets, break_day, copy_shop, make_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")
R = TypeVar("R")
SIGKILL = 9
RUN_FAILED = 3
DRIVER = Path(__file__).with_name("killing.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ended: its exit code or the signal that killed it, where the fault fired, the steps it passed."""

    exit: int | None
    signal: int | None
    fired: str | None
    names: tuple[str, ...]
    output: str


class Driver:
    """A process that has imported Penstock and runs each command in a fork of itself."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output.txt"
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, shop: Shop, arguments: Sequence[str], *, at: int = 0, fault: str = "kill", file_limit: int = 0
    ) -> Ending:
        """Run one command, with a fault at step `at` (0: none) or with a limit on the size of files."""
        request = {
            "folder": str(shop.root),
            "environment": shop.environment,
            "arguments": list(arguments),
            "at": at,
            "fault": fault,
            "file_limit": file_limit,
            "output": str(self._output),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        output = self._output.read_text(errors="replace") if self._output.exists() else ""
        return Ending(
            exit=answer["exit"],
            signal=answer["signal"],
            fired=answer["fired"],
            names=tuple(answer["names"]),
            output=output,
        )

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def driver(folder: Path) -> Iterator[Driver]:
    """A driver for the time of the block."""
    made = Driver(folder)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of the story, how it and its recovery end (exit codes), and the commands that carry on after a crash.

    Those are tried in order until one is taken: `resume` refuses a change that was not recorded yet, and then the same
    command is given again. `prepare` changes the shop before the step begins.
    """

    name: str
    begins: str
    arguments: tuple[str, ...]
    exit: int
    carry_on: tuple[tuple[str, ...], ...]
    recovered: tuple[int, ...] = ()
    prepare: Callable[[Shop], None] = lambda _shop: None


def _deliver(change: str, until: str) -> tuple[str, ...]:
    return ("deliver", f"stories/{change}.md", "--as", AUTHOR, "--until", until)


def _approve(change: str) -> tuple[str, ...]:
    return ("change", "approve", change, "--as", APPROVER)


def _resume(change: str, until: str) -> tuple[str, ...]:
    return ("change", "resume", change, "--until", until)


_RUN = ("run", "--env", "dev", "--until", "2010-12-07")
_ROLLBACK = ("change", "rollback", "RETAIL-2", "--reason", "finance objects", "--as", "rosa")
_BASE_DAY, _FIRST_DAY, _SECOND_DAY = "2010-12-05", "2010-12-07", "2010-12-09"

STEPS = (
    Step(
        name="deliver RETAIL-1",
        begins="start",
        arguments=_deliver("RETAIL-1", _BASE_DAY),
        exit=4,
        carry_on=(_resume("RETAIL-1", _BASE_DAY), _deliver("RETAIL-1", _BASE_DAY)),
    ),
    Step(
        name="approve RETAIL-1",
        begins="deliver RETAIL-1",
        arguments=_approve("RETAIL-1"),
        exit=0,
        carry_on=(_approve("RETAIL-1"),),
    ),
    Step(
        name="resume RETAIL-1",
        begins="approve RETAIL-1",
        arguments=_resume("RETAIL-1", _FIRST_DAY),
        exit=0,
        carry_on=(_resume("RETAIL-1", _FIRST_DAY),),
    ),
    Step(
        name="deliver RETAIL-2",
        begins="resume RETAIL-1",
        arguments=_deliver("RETAIL-2", _FIRST_DAY),
        exit=4,
        carry_on=(_resume("RETAIL-2", _FIRST_DAY), _deliver("RETAIL-2", _FIRST_DAY)),
    ),
    Step(
        name="approve RETAIL-2",
        begins="deliver RETAIL-2",
        arguments=_approve("RETAIL-2"),
        exit=0,
        carry_on=(_approve("RETAIL-2"),),
    ),
    Step(
        name="resume RETAIL-2",
        begins="approve RETAIL-2",
        arguments=_resume("RETAIL-2", _SECOND_DAY),
        exit=0,
        carry_on=(_resume("RETAIL-2", _SECOND_DAY),),
    ),
    Step(
        name="rollback RETAIL-2",
        begins="resume RETAIL-2",
        arguments=_ROLLBACK,
        exit=0,
        carry_on=(_resume("RETAIL-2", _SECOND_DAY), _ROLLBACK),
        recovered=(1,),
    ),
    Step(
        name="failing window of RETAIL-2",
        begins="approve RETAIL-2",
        arguments=_resume("RETAIL-2", _SECOND_DAY),
        exit=1,
        carry_on=(_resume("RETAIL-2", _SECOND_DAY),),
        prepare=lambda shop: break_day(shop, "2010-12-08"),
    ),
    Step(
        name="run of new datasets",
        begins="resume RETAIL-1",
        arguments=_RUN,
        exit=0,
        carry_on=(_RUN,),
        prepare=add_datasets,
    ),
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A step that was run without a fault: the shop before it, what was seen after it, and its durable steps."""

    step: Step
    before: Shop
    after: dict[str, Any]
    names: tuple[str, ...]


def rehearse(folder: Path, runner: Driver) -> dict[str, Rehearsed]:
    """Run every step once, undisturbed; keep the shop before and the picture after each."""
    shops = {"start": make_shop(folder / "start")}
    done: dict[str, Rehearsed] = {}
    for step in STEPS:
        place = folder / step.name.replace(" ", "-")
        before = copy_shop(shops[step.begins], place / "before")
        step.prepare(before)
        shop = copy_shop(before, place / "after")
        ending = runner.run(shop, step.arguments)
        assert ending.exit == step.exit, f"{step.name} ended with {ending.exit}: {ending.output}"
        assert complaints(shop) == []
        shops[step.name] = shop
        done[step.name] = Rehearsed(step, before, picture_of(shop), ending.names)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One broken-off step: where it was asked to die (several places, one inside the other), and what came of it."""

    step: str
    at: tuple[int, ...]
    fired: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as if nothing had happened."""
        return not self.wrong


@dataclass(slots=True)
class Tally:
    """Faults asked for, faults that fired, trials that ended as if nothing had happened."""

    trials: list[Trial] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many faults were asked for."""
        return sum(len(trial.at) for trial in self.trials)

    @property
    def fired(self) -> int:
        """How many fired."""
        return sum(len(trial.fired) for trial in self.trials)

    @property
    def failed(self) -> list[Trial]:
        """Trials that did not end well."""
        return [trial for trial in self.trials if not trial.passed]

    def __str__(self) -> str:
        """The figures that rule one asks for."""
        passed = len(self.trials) - len(self.failed)
        return f"asked {self.asked}, fired {self.fired}, runs {len(self.trials)}, passed {passed}"


def trial(rehearsed: Rehearsed, at: Sequence[int], folder: Path, runner: Driver) -> Trial:
    """Kill a step at `at[0]`, its recovery at `at[1]`, and so on; then let it finish and look at everything."""
    shop = copy_shop(rehearsed.before, folder)
    step = rehearsed.step
    fired: list[str] = []
    wrong: list[str] = []
    for depth, number in enumerate(at):
        ending = runner.run(shop, step.arguments, at=number) if depth == 0 else carry_on(shop, step, runner, number)
        if ending.fired is not None and ending.signal == SIGKILL:
            fired.append(ending.fired)
        elif depth == 0:
            wrong.append(f"the fault at {number} did not fire")
    ending = carry_on(shop, step, runner)
    if ending.exit not in {step.exit, *step.recovered}:
        wrong.append(f"recovery ended with {ending.exit}: {ending.output[-600:]}")
    wrong += judged(rehearsed, shop)
    shutil.rmtree(folder)
    return Trial(step=step.name, at=tuple(at), fired=tuple(fired), wrong=tuple(wrong))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try: a step, and at which of its durable steps it dies, then its recovery, then that one's recovery."""

    step: str
    at: tuple[int, ...]


def attempt_all(
    plans: Sequence[Plan], rehearsed: Mapping[str, Rehearsed], drivers: Sequence[Driver], folder: Path
) -> Tally:
    """Every plan in a shop of its own, as many at once as there are drivers."""

    def attempt(numbered: tuple[int, Plan], runner: Driver) -> Trial:
        number, plan = numbered
        return trial(rehearsed[plan.step], plan.at, folder / f"trial-{number}", runner)

    return Tally(side_by_side(attempt, list(enumerate(plans)), drivers))


def fail_every_write(
    rehearsed: Rehearsed, errors: Sequence[str], drivers: Sequence[Driver], folder: Path, *, most: int | None = None
) -> Tally:
    """Let each fsync of a step fail, one at a time (or `most` of them, evenly spread), and carry on afterwards."""
    shop = copy_shop(rehearsed.before, folder / "whole")
    writes = len(drivers[0].run(shop, rehearsed.step.arguments, fault=errors[0]).names)
    numbers = spread(writes, min(writes, most or writes))
    shutil.rmtree(folder / "whole")

    def attempt(fault: tuple[int, str], runner: Driver) -> Trial:
        return failed_write(rehearsed, fault, folder / f"write-{fault[0]}-{fault[1]}", runner)

    return Tally(side_by_side(attempt, [(number, error) for error in errors for number in numbers], drivers))


def failed_write(rehearsed: Rehearsed, fault: tuple[int, str], folder: Path, runner: Driver) -> Trial:
    """Let one fsync of a step fail: the command has to say so and end with 3, and going on has to lose nothing."""
    number, error = fault
    shop = copy_shop(rehearsed.before, folder)
    broken = runner.run(shop, rehearsed.step.arguments, at=number, fault=error)
    wrong = []
    if broken.exit != RUN_FAILED or "to do: free space or fix the disk" not in broken.output:
        wrong.append(f"ended with {broken.exit}: {broken.output[-300:]}")
    carry_on(shop, rehearsed.step, runner)
    wrong += judged(rehearsed, shop)
    shutil.rmtree(folder)
    fired = (broken.fired,) if broken.fired is not None else ()
    return Trial(step=rehearsed.step.name, at=(number,), fired=fired, wrong=tuple(wrong))


def side_by_side(act: Callable[[T, Driver], R], items: Sequence[T], drivers: Sequence[Driver]) -> list[R]:
    """What `act` makes of each item, in their order; each driver is used by one at a time."""
    free: SimpleQueue[Driver] = SimpleQueue()
    for runner in drivers:
        free.put(runner)

    def with_driver(item: T) -> R:
        runner = free.get()
        try:
            return act(item, runner)
        finally:
            free.put(runner)

    with ThreadPoolExecutor(len(drivers)) as pool:
        return list(pool.map(with_driver, items))


def spread(length: int, count: int) -> list[int]:
    """`count` numbers from 1 to `length`, evenly apart."""
    return [int((position + 0.5) * length / count) + 1 for position in range(count)]


def judged(rehearsed: Rehearsed, shop: Shop) -> list[str]:
    """In what a shop differs from one in which nothing broke, and what `doctor` and `change verify` say."""
    try:
        return differences(rehearsed.after, picture_of(shop)) + complaints(shop)
    except Exception as error:  # noqa: BLE001 - a shop that cannot be looked at is a failed trial, not a failed harness
        return [f"cannot be looked at: {type(error).__name__}: {error}"]


def carry_on(shop: Shop, step: Step, runner: Driver, at: int = 0) -> Ending:
    """The first of the step's commands that does anything, or says that the step was done; others are passed over."""
    for arguments in step.carry_on[:-1]:
        ending = runner.run(shop, arguments, at=at)
        if ending.names or ending.fired or ending.exit in step.recovered:
            return ending
    return runner.run(shop, step.carry_on[-1], at=at)
