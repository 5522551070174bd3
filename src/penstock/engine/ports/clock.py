"""Time and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """Time and chance, so that a simulator can replace both."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def cpu(self) -> float:
        """Processor seconds that this process has used."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...
