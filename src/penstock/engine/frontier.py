"""Which work of the runs under way is ready, and which of it may begin now: without I/O.

Invariants: an item is queued only when all it waits for is published; once one fails, everything that waits for it,
directly or not, is skipped; no pool, pipeline or dataset ever has more items in hand than its limit; of what may begin,
the most urgent begins first, and of equals the one that was queued first.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from penstock.engine.states import HELD, OPEN, TaskState, moved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.plan.build import Work

Key = tuple[str, str]
"""What a limit is on: `pool`, `pipeline` or `dataset`, and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one piece of work counts against, and how urgent it is (larger first)."""

    keys: tuple[Key, ...] = ()
    priority: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """One piece of work of one run on its way. `queued_at` and `taken_at` are monotonic seconds.

    Of its `attempts`, those `excused` ended with what they were built upon, and do not count against its retries.
    """

    run: str
    work: Work
    bounds: Bounds
    waits: set[int]
    feeds: list[Item] = field(default_factory=list)
    state: TaskState = TaskState.WAITING
    attempts: int = 0
    excused: int = 0
    queued_at: float = 0.0
    taken_at: float = 0.0

    def move(self, to: TaskState) -> None:
        """Go to the next state."""
        self.state = moved(self.state, to)


LOST = frozenset({TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED})


class Frontier:
    """The moving edge of every run under way. `limits` says how many items of a key may be in hand; others are free."""

    def __init__(self, limits: Mapping[Key, int] | None = None) -> None:
        self.limits: dict[Key, int] = dict(limits or {})
        self._runs: dict[str, dict[int, Item]] = {}
        self._left: Counter[str] = Counter()
        self._ready: list[tuple[int, int, Item]] = []
        self._parked: defaultdict[Key, list[tuple[int, int, Item]]] = defaultdict(list)
        self._delayed: list[tuple[float, int, Item]] = []
        self._held: Counter[Key] = Counter()
        self._order = count()

    def admit(
        self, run: str, works: Iterable[Work], bounds: Callable[[Work], Bounds] = lambda _work: Bounds(), *, now: float
    ) -> None:
        """Take a run's work up; numbers are its own."""
        items = {work.number: Item(run=run, work=work, bounds=bounds(work), waits=set(work.after)) for work in works}
        self._runs[run] = items
        self._left[run] = len(items)
        for item in items.values():
            item.waits &= items.keys()
            for number in item.waits:
                items[number].feeds.append(item)
        for item in items.values():
            if not item.waits:
                self._queue(item, now)

    def limit(self, limits: Mapping[Key, int]) -> None:
        """Set limits anew; room that comes of it is used from the next `take` on."""
        self.limits.update(limits)
        for key in limits:
            self._wake(key)

    def take(self, now: float) -> Item | None:
        """The most urgent item that may begin, now leased; None if there is none."""
        while self._delayed and self._delayed[0][0] <= now:
            item = heapq.heappop(self._delayed)[2]
            if item.state is TaskState.WAITING:
                self._queue(item, now)
        while self._ready:
            entry = heapq.heappop(self._ready)
            item = entry[2]
            if item.state is TaskState.QUEUED:
                full = next((key for key in item.bounds.keys if self._room(key) <= 0), None)
                if full is None:
                    return self._lease(item, now)
                heapq.heappush(self._parked[full], entry)
            for key in item.bounds.keys:  # what this one does not use may serve another that waits for it
                self._wake(key)
        return None

    def ahead(self, built: Sequence[Item], now: float, suits: Callable[[Item], bool]) -> Item | None:
        """An item that waits for nothing but what was built in the same open transaction, now leased; None if none.

        It may be built upon rows that nobody else sees yet, if it is published with them or not at all.
        """
        numbers = {item.work.number for item in built if item.run == built[-1].run}
        for item in built[-1].feeds:
            if item.state is TaskState.WAITING and item.waits <= numbers and suits(item):
                if any(self._room(key) <= 0 for key in item.bounds.keys):
                    continue
                item.move(TaskState.QUEUED)
                item.queued_at = now
                return self._lease(item, now)
        return None

    def put_back(self, item: Item) -> None:
        """An item was built upon something that came to nothing: it waits for it anew, or is skipped with it."""
        states = {number: self._runs[item.run][number].state for number in item.waits}
        if any(state in LOST for state in states.values()):
            self._release(item, TaskState.SKIPPED)
            self._skip_after(item)
            return
        item.move(TaskState.WAITING)
        item.excused += 1
        self._give_back(item)

    def finish(self, item: Item, now: float) -> None:
        """An item's rows are published."""
        self._release(item, TaskState.PUBLISHED)
        for fed in item.feeds:
            fed.waits.discard(item.work.number)
            if not fed.waits and fed.state is TaskState.WAITING:
                self._queue(fed, now)

    def fail(self, item: Item) -> None:
        """An item failed for good; what waits for it is skipped."""
        self._release(item, TaskState.FAILED)
        self._skip_after(item)

    def _skip_after(self, item: Item) -> None:
        todo = list(item.feeds)
        while todo:
            fed = todo.pop()
            if fed.state is TaskState.WAITING:
                self._end(fed, TaskState.SKIPPED)
                todo.extend(fed.feeds)

    def again(self, item: Item, at: float) -> None:
        """An item may be tried again from a moment on."""
        item.move(TaskState.WAITING)
        self._give_back(item)
        heapq.heappush(self._delayed, (at, next(self._order), item))

    def drop(self, item: Item) -> None:
        """An item in hand was stopped with its run."""
        self._release(item, TaskState.CANCELLED)

    def cancel(self, run: str | None = None) -> tuple[Item, ...]:
        """End everything that has not begun, of a run or of all; the items still in hand."""
        held = []
        for name in [run] if run is not None else list(self._runs):
            for item in self._runs.get(name, {}).values():
                if item.state in HELD:
                    held.append(item)
                elif item.state in OPEN:
                    self._end(item, TaskState.CANCELLED)
        return tuple(held)

    def close(self, run: str) -> dict[int, Item]:
        """Forget a run that is over; its items as they ended."""
        del self._left[run]
        return self._runs.pop(run)

    def over(self, run: str) -> bool:
        """Whether nothing of a run is left to do."""
        return not self._left[run]

    @property
    def idle(self) -> bool:
        """Whether there is nothing left to do at all."""
        return not any(self._left.values())

    def has_ready(self, now: float) -> bool:
        """Whether something may be ready to begin, or due to be tried again."""
        return bool(self._ready) or bool(self._delayed and self._delayed[0][0] <= now)

    def next_at(self) -> float | None:
        """When the next delayed item may be tried again, if one waits."""
        return self._delayed[0][0] if self._delayed else None

    def _queue(self, item: Item, now: float) -> None:
        item.move(TaskState.QUEUED)
        item.queued_at = now
        heapq.heappush(self._ready, (-item.bounds.priority, next(self._order), item))

    def _lease(self, item: Item, now: float) -> Item:
        item.move(TaskState.LEASED)
        item.taken_at = now
        for key in item.bounds.keys:
            self._held[key] += 1
            self._wake(key)  # a limit that was raised has room for more than the one that was woken
        return item

    def _room(self, key: Key) -> int:
        limit = self.limits.get(key)
        return 1 if limit is None else limit - self._held[key]

    def _wake(self, key: Key) -> None:
        """Let the most urgent item that waited for a key look again, if the key has room."""
        if self._parked[key] and self._room(key) > 0:
            heapq.heappush(self._ready, heapq.heappop(self._parked[key]))

    def _give_back(self, item: Item) -> None:
        for key in item.bounds.keys:
            self._held[key] -= 1
            self._wake(key)

    def _release(self, item: Item, to: TaskState) -> None:
        self._end(item, to)
        self._give_back(item)

    def _end(self, item: Item, to: TaskState) -> None:
        item.move(to)
        self._left[item.run] -= 1
