"""An executor that does whatever is drawn, and checks a frontier's invariants after every move."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

from penstock.engine.frontier import Bounds, Frontier, Item, Key
from penstock.engine.states import HELD, TaskState
from penstock.model.pipelines import Slice
from penstock.plan.build import Work
from penstock.plan.versions import Version

T = TypeVar("T")
KEYS: tuple[Key, ...] = (("pool", "a"), ("pipeline", "p"), ("dataset", "d"))


def works_of(*after: tuple[int, ...]) -> tuple[Work, ...]:
    """Work by the numbers that each piece waits for."""
    return tuple(
        Work(
            number=number,
            slice=Slice(dataset=f"sim.d{number}"),
            version=Version(dataset=f"sim.d{number}", fingerprint="0", relation="r"),
            after=waits,
        )
        for number, waits in enumerate(after)
    )


@dataclass
class Game:
    """An executor that does whatever is drawn, and checks the frontier's invariants after every move."""

    data: st.DataObject
    now: float = 0.0
    held: list[Item] = field(default_factory=list)
    items: dict[str, dict[int, Item]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.frontier = Frontier({key: self.draw(st.integers(1, 2)) for key in KEYS})

    def draw(self, strategy: st.SearchStrategy[T]) -> T:
        return self.data.draw(strategy)

    def admit(self) -> None:
        run = f"r{len(self.items)}"
        count = self.draw(st.integers(3, 8))
        after = [tuple(self.draw(st.sets(st.integers(0, n - 1), max_size=1))) if n else () for n in range(count)]
        bounds = [
            Bounds(
                keys=tuple(self.draw(st.sets(st.sampled_from(KEYS), min_size=1, max_size=2))),
                priority=self.draw(st.integers(0, 2)),
            )
            for _ in range(count)
        ]
        self.frontier.admit(run, works_of(*after), lambda work: bounds[work.number], now=self.now)
        self.items[run] = dict(self.frontier._runs[run])

    def take(self) -> None:
        before = [item for item in self.all() if item.state is TaskState.QUEUED]
        item = self.frontier.take(self.now)
        if item is None:
            waiting = [item for item in self.all() if item.state is TaskState.QUEUED]
            assert all(any(self.room(key) <= 0 for key in each.bounds.keys) for each in waiting), "a lost wake-up"
            return
        assert all(self.state(item.run, number) is TaskState.PUBLISHED for number in item.work.after)
        free = [other for other in before if all(self.room(key) > 0 for key in other.bounds.keys)]
        assert all(other.bounds.priority <= item.bounds.priority for other in free if other is not item)
        item.move(TaskState.RUNNING)
        self.held.append(item)

    def ahead(self) -> None:
        built = [item for item in self.held if item.state is TaskState.AUDITING]
        if built:
            item = self.frontier.ahead(built, self.now, lambda _item: True)
            if item is not None:
                item.move(TaskState.RUNNING)
                self.held.append(item)

    def end(self) -> None:
        """One of those in hand comes to an end of some kind."""
        if not self.held:
            return
        item = self.held.pop(self.draw(st.integers(0, len(self.held) - 1)))
        if item.run in self.cancelled:
            self.frontier.drop(item)
        elif item.waits:
            self.frontier.put_back(item)
        else:
            self._end(item, self.draw(st.sampled_from(("publish", "publish", "publish", "fail", "again"))))

    def _end(self, item: Item, how: str) -> None:
        if how == "publish":
            if item.state is TaskState.RUNNING:
                item.move(TaskState.AUDITING)
            self.frontier.finish(item, self.now)
        elif how == "fail":
            self.frontier.fail(item)
        else:
            self.frontier.again(item, self.now + self.draw(st.integers(0, 3)))

    def audit(self) -> None:
        for item in self.held:
            if item.state is TaskState.RUNNING:
                item.move(TaskState.AUDITING)
                return

    def cancel(self) -> None:
        open_runs = [run for run in self.items if run not in self.cancelled]
        if open_runs:
            run = self.draw(st.sampled_from(open_runs))
            self.cancelled.add(run)
            held = self.frontier.cancel(run)
            assert set(map(id, held)) == {id(item) for item in self.held if item.run == run}

    def limit(self) -> None:
        self.frontier.limit({self.draw(st.sampled_from(KEYS)): self.draw(st.integers(1, 3))})

    def wait(self) -> None:
        self.now += self.draw(st.integers(0, 2))

    def all(self) -> list[Item]:
        return [item for items in self.items.values() for item in items.values()]

    def state(self, run: str, number: int) -> TaskState:
        return self.items[run][number].state

    def room(self, key: Key) -> int:
        held = Counter(key for item in self.all() if item.state in HELD for key in item.bounds.keys)
        return self.frontier.limits.get(key, 99) - held[key]

    def check(self, before: dict[Key, int]) -> None:
        """No limit is exceeded by what was just begun; only lowering it can leave it so."""
        for key in KEYS:
            assert self.room(key) >= min(0, before[key]), f"{key} has more in hand than its limit"

    def finish(self) -> None:
        """Let everything come to its end."""
        for _ in range(500):
            self.take()
            while self.held:
                item = self.held.pop()
                self.frontier.drop(item) if item.run in self.cancelled else self._end_well(item)
            if self.frontier.idle:
                return
            self.now = max(self.now, self.frontier.next_at() or self.now)
        raise AssertionError("work is left for ever")

    def _end_well(self, item: Item) -> None:
        if item.waits:
            self.frontier.put_back(item)
        else:
            self._end(item, "publish")
