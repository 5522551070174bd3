"""The machine's clocks and chance."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` of a running machine."""

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def cpu(self) -> float:
        """Processor seconds of this process, all threads together."""
        return time.process_time()

    def jitter(self) -> float:
        """A number in [0, 1); spreading retries needs no secrecy."""
        return random.random()  # noqa: S311
