"""Stops what a connection runs: when its time is up, or when somebody wants it stopped.

Invariant: once stopped, whatever the connection runs is interrupted until it ends. One interrupt is not enough: DuckDB
forgets it when a statement begins, and most of those that come in a statement's first milliseconds are lost.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from datetime import timedelta

EVERY = 0.05
"""Seconds between two interrupts."""


class Stopper:
    """The stopping of one connection. `stopped` is set from the moment on from which nothing may begin any more."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, timeout: timedelta | None = None) -> None:
        self._cursor = cursor
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.stopped = threading.Event()
        if timeout is not None:
            self._start(timeout.total_seconds())

    def stop(self) -> None:
        """Stop now, from any thread."""
        self.stopped.set()
        if not self._ended.is_set():
            self._start(0.0)

    def end(self) -> None:
        """Nothing more will run: leave the connection alone."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _start(self, after: float) -> None:
        thread = threading.Thread(target=self._interrupt, args=(after,), name="penstock-stopper", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _interrupt(self, after: float) -> None:
        if self._ended.wait(after):
            return
        self.stopped.set()
        while not self._ended.is_set():
            with suppress(duckdb.Error):  # it may have been closed in this moment
                self._cursor.interrupt()
            self._ended.wait(EVERY)
