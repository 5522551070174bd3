"""The lanes of an executor: how many are at work, in which threads, and when another one is worth having."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.engine.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.engine.executor import Executor

HELP_AFTER = 0.05
"""Seconds after which a further lane is opened while something is ready and every lane is at work."""


class Crew:
    """Up to `most` lanes of an executor. `turn` guards who is at work; `fail` is told what ended a lane."""

    def __init__(self, executor: Executor, turn: threading.Condition, most: int) -> None:
        self._executor, self._turn = executor, turn
        self.most = max(1, most)
        self.lanes: list[Lane] = []
        self._threads: list[threading.Thread] = []

    def work(self) -> None:
        """Work in this thread, and in others where it pays, until the first lane finds nothing left."""
        over = threading.Event()
        if self.most > 1:
            self._spawn(lambda: self._oversee(over))
        try:
            self._work(Lane(self._executor, first=True))
        except KeyboardInterrupt as error:  # whoever is that impatient does not wait for other lanes
            self._executor.fail(error)
            self._threads.clear()
            raise
        except BaseException as error:
            self._executor.fail(error)
            raise
        finally:
            over.set()
            for thread in self._threads:
                thread.join()
            self._threads.clear()

    def help(self) -> None:
        """Open another lane if something is ready; the executor's turn is held."""
        if len(self.lanes) < self.most and self._executor.has_ready():
            lane = Lane(self._executor)
            self.lanes.append(lane)
            self._spawn(lambda: self._work(lane))

    def interrupt(self, held: set[int] | None = None) -> None:
        """Stop what lanes are doing: all of them, or those with one of these items (by identity) in hand."""
        for lane in self.lanes:
            if held is None or any(id(item) in held for item in lane.items):
                lane.interrupt()

    def _work(self, lane: Lane) -> None:
        with self._turn:
            if lane not in self.lanes:
                self.lanes.append(lane)
        try:
            lane.work()
        finally:
            with self._turn:
                self.lanes.remove(lane)

    def _spawn(self, work: Callable[[], None]) -> None:
        def body() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a thread's front door: `drain` raises it
                self._executor.fail(error)

        thread = threading.Thread(target=body, name="penstock-lane", daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _oversee(self, over: threading.Event) -> None:
        """Open further lanes while something is ready and every lane has been at work for a while."""
        while not over.wait(HELP_AFTER):
            with self._turn:
                now = self._executor.clock.monotonic()
                busy = [lane.busy_since for lane in self.lanes]
                if busy and all(since is not None and now - since > HELP_AFTER for since in busy):
                    self.help()
