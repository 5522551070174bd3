"""When to try again: exponential backoff with full jitter over the upper half, and a cap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Retry

AGAIN = "it is tried again"
"""What the remedy of an error that may pass says, as long as attempts are left."""


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


def given_up(finding: Finding, attempts: int) -> Finding:
    """What is true of an error that may pass after the last attempt: nothing tries again by itself.

    >>> from penstock.model.findings import Finding
    >>> given_up(Finding(code="engine.conflict", message="busy", remedy="it is tried again"), 3).remedy
    'it was tried 3 time(s), which is all that `retries` allows: penstock run tries it anew'
    """
    if finding.remedy is None or AGAIN not in finding.remedy:
        return finding
    tried = f"it was tried {attempts} time(s), which is all that `retries` allows: penstock run tries it anew"
    return replace(finding, remedy=finding.remedy.replace(AGAIN, tried))
