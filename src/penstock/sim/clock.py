"""A clock that stands still until somebody sleeps."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2011, 1, 1, tzinfo=UTC)


class VirtualClock:
    """A `Clock`: sleeping advances it at once, and its jitter follows from the seed. `slept` sums the seconds asked."""

    def __init__(self, seed: int = 0, start: datetime = EPOCH) -> None:
        self._wall, self._seconds = start, 0.0
        self._chance = random.Random(seed)  # noqa: S311 - repeatable chance, not secrecy
        self.slept = 0.0

    def now(self) -> datetime:
        """The wall clock in UTC."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds since this clock was made; `jump` leaves them alone."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        self._wall += timedelta(seconds=seconds)
        self._seconds += seconds
        self.slept += seconds

    def cpu(self) -> float:
        """No processor is used here."""
        return 0.0

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self._chance.random()

    def jump(self, seconds: float) -> None:
        """Somebody set the wall clock, forward or back."""
        self._wall += timedelta(seconds=seconds)

    def stamp(self) -> str:
        """The wall clock as the ledger writes it."""
        return self._wall.isoformat()
