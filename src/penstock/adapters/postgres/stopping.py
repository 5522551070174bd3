"""Stops what a connection runs: when its time is up, or when somebody wants it stopped.

Invariant: once stopped, whatever the connection runs is cancelled until it ends, and the connection is not used again:
a cancel that comes late would stop whatever the next one runs on it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.adapters.postgres.server import Connection

EVERY = 0.05
"""Seconds between two cancels."""
CANCEL_TIMEOUT = 5.0


class Stopper:
    """The stopping of one connection. `stopped` is set from the moment on from which nothing may begin any more."""

    def __init__(self, connection: Connection, timeout: timedelta | None = None) -> None:
        self._connection = connection
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
        if self.stopped.is_set():
            self._connection.close()

    def _start(self, after: float) -> None:
        thread = threading.Thread(target=self._cancel, args=(after,), name="penstock-stopper", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _cancel(self, after: float) -> None:
        if self._ended.wait(after):
            return
        self.stopped.set()
        while not self._ended.is_set():
            with suppress(psycopg.Error):  # it may have been closed in this moment
                self._connection.cancel_safe(timeout=CANCEL_TIMEOUT)
            self._ended.wait(EVERY)
