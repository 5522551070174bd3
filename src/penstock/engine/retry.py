"""When to try again: exponential backoff with full jitter over the upper half, and a cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.pipelines import Retry


def delay_before(attempt: int, retry: Retry, jitter: float) -> float | None:
    """Seconds to wait before `attempt` (the second is 2), or None when there is none left.

    >>> from penstock.model.pipelines import Retry
    >>> [delay_before(n, Retry(attempts=4, delay=1, factor=2, cap=3), 1.0) for n in (2, 3, 4, 5)]
    [1.0, 2.0, 3.0, None]
    """
    if attempt > retry.attempts:
        return None
    full = min(retry.cap, retry.delay * retry.factor ** (attempt - 2))
    return full * (0.5 + jitter / 2)
