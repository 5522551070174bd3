"""One lane of an executor: takes what is ready, builds it, and publishes small things several at a time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.engine.attempt import carry_out
from penstock.engine.lot import Lot, is_light
from penstock.engine.states import TaskState
from penstock.model.errors import PenstockError, TaskError, TransientError

if TYPE_CHECKING:
    from penstock.engine.attempt import Published
    from penstock.engine.executor import Executor
    from penstock.engine.frontier import Item
    from penstock.engine.lot import Built
    from penstock.engine.ports.warehouse import Session

QUICK = 0.01
"""Seconds: a further lane whose work takes less than this on average is not worth having."""


class Lane:
    """A connection and the work in its hands. The first lane stays; further ones leave when nothing needs them."""

    def __init__(self, executor: Executor, *, first: bool = False) -> None:
        self._executor, self._first = executor, first
        self._session: Session | None = None
        self._current: Session | None = None
        self._open = ExitStack()
        self._interrupted = False
        self.items: list[Item] = []
        self.busy_since: float | None = None

    def work(self) -> None:
        """Take work until there is none."""
        with self._open:
            while (item := self._take(wait=True)) is not None:
                if self._is_light(item):
                    self._together(item)
                else:
                    self._alone(item)
                if not self._first and self._executor.clock.monotonic() - item.taken_at < QUICK:
                    return

    def interrupt(self) -> None:
        """From another thread: stop what this lane is doing."""
        if self._interrupted:
            return
        self._interrupted = True
        session = self._current
        if session is not None:
            session.interrupt()

    def uses(self, session: Session | None) -> None:
        """An attempt tells which connection it works through; None: none any more."""
        self._current = session
        if session is not None and self._interrupted:
            session.interrupt()

    def is_stopped(self) -> bool:
        """Whether what this lane is doing is to be stopped."""
        return self._interrupted

    def audits(self) -> None:
        """An attempt tells that its rows are being judged."""
        self.items[-1].move(TaskState.AUDITING)

    def tells(self, line: str) -> None:
        """An attempt tells how far it is."""
        self._executor.told(self.items[-1], line)

    def _take(self, *, wait: bool) -> Item | None:
        item = self._executor.take(wait=wait and self._first)
        if item is not None:
            self._hold(item)
        return item

    def _take_ahead(self, lot: Lot) -> Item | None:
        """Something that reads what this lot has built, and would be published with it."""
        item = self._executor.take_ahead(self._items(lot.built), self._is_light) if lot.built else None
        if item is not None:
            self._hold(item)
        return item

    def _hold(self, item: Item) -> None:
        if not self.items and self._interrupted:  # what was to be stopped is over; its connection stays refused
            self._disconnect()
        self.items.append(item)
        item.attempts += 1
        self.busy_since = item.taken_at

    def _is_light(self, item: Item) -> bool:
        job = self._executor.job_of(item)
        return is_light(job.project.datasets[item.work.slice.dataset], job.horizons)

    def _together(self, item: Item | None) -> None:
        """Build small things in one transaction, as long as more are ready and it has not taken long."""
        lot = Lot(self._connection(), self._executor.tools)
        while item is not None and self._is_light(item):
            if not self._add(lot, item):
                return
            due = lot.is_due(self._executor.clock.monotonic())
            item = None if due else self._take(wait=False) or self._take_ahead(lot)
        self._publish(lot)
        if item is not None:
            self._alone(item)

    def _add(self, lot: Lot, item: Item) -> bool:
        """Build one more; False if it failed, and everything of the lot was done again alone."""
        if self._is_dropped(item):
            return True
        self.uses(self._session)
        if item.state is TaskState.LEASED:
            item.move(TaskState.RUNNING)
        executor = self._executor
        began = executor.cpu()
        try:
            built = lot.add(item, executor.job_of(item), executor.attempt_of(item), executor.clock.monotonic())
        except (TaskError, TransientError) as error:
            self._undone([*self._items(lot.take()), item], error)
            return False
        built.published = self._with_cpu(built.published, began)
        item.move(TaskState.AUDITING)
        return True

    def _publish(self, lot: Lot) -> None:
        items = self._items(lot.built)
        if not items:
            return
        try:
            built = lot.publish()
        except (TaskError, TransientError) as error:
            self._undone(items, error)
            return
        self._current = None
        for piece in built:
            self.items.remove(piece.item)
            self._executor.published(piece.item, piece.published)
        self.busy_since = None

    def _undone(self, items: list[Item], error: PenstockError) -> None:
        """A lot came to nothing: a single piece failed by its own fault, several are done again one by one."""
        disturbed = self._interrupted
        self._disconnect()
        if len(items) == 1 and (not disturbed or self._executor.is_cancelled(items[0].run)):
            self._failed(items[0], error)
            return
        for item in items:
            if self._executor.is_cancelled(item.run):
                self._failed(item, error)
                continue
            if item.waits:  # it was built upon something that is not there now
                self.items.remove(item)
                self._executor.put_back(item)
                continue
            if item.state is TaskState.AUDITING:
                item.move(TaskState.RUNNING)
            self._singly(item)

    def _singly(self, item: Item) -> None:
        lot = Lot(self._connection(), self._executor.tools)
        if self._add(lot, item):
            self._publish(lot)

    def _alone(self, item: Item) -> None:
        """A piece of work with a transaction of its own."""
        if self._interrupted:  # meant what is over by now; if it meant this run too, the item is dropped
            self._disconnect()
        if self._is_dropped(item):
            return
        self._executor.call_help()
        item.move(TaskState.RUNNING)
        executor = self._executor
        began = executor.cpu()
        try:
            published = carry_out(
                item.work, executor.attempt_of(item), executor.job_of(item), executor.tools, watch=self
            )
        except (TaskError, TransientError) as error:
            self._failed(item, error)
            return
        self.items.remove(item)
        executor.published(item, self._with_cpu(published, began))
        self.busy_since = None

    def _is_dropped(self, item: Item) -> bool:
        """Whether an item's run was stopped before it began; then it is let go."""
        if item.state is not TaskState.LEASED or not self._executor.is_cancelled(item.run):
            return False
        self.items.remove(item)
        self._executor.drop(item)
        return True

    def _failed(self, item: Item, error: PenstockError) -> None:
        self.items.remove(item)
        self._executor.failed(item, error)
        self.busy_since = None

    def _connection(self) -> Session:
        if self._session is None:
            self._session = self._open.enter_context(self._executor.tools.warehouse.session())
        return self._session

    def _disconnect(self) -> None:
        """Give the connection back: whatever was open on it is undone."""
        if self._session is not None:
            self._session.rollback()
        self._current = self._session = None
        self._interrupted = False
        self._open.close()

    def _with_cpu(self, published: Published, began: float | None) -> Published:
        """What this process used for it, beside what a process of its own did; unknown where lanes share it."""
        ended = self._executor.cpu()
        if began is None or ended is None:
            return published
        cpu = published.measured.get("cpu", 0) + int((ended - began) * 1_000_000)
        return replace(published, measured={**published.measured, "cpu": cpu})

    @staticmethod
    def _items(built: list[Built]) -> list[Item]:
        return [piece.item for piece in built]
