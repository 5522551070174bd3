"""Becoming the executor, and telling when another one has stopped showing itself.

Invariants: a token is shown to the ledger and to the target before anything is done with it, and no two executors have
the same; whether an executor still lives is judged by the judge's own monotonic clock.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from penstock.engine.recovery import recover
from penstock.ledger.facts import LeaseReleased, LeaseTaken
from penstock.ledger.journal import LeaseLostError, LedgerDamagedError

if TYPE_CHECKING:
    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.journal import Journal

EXECUTOR = "executor"
LEASE_SECONDS = 10.0
"""How long an executor may go without showing itself before another may take its place."""
BEATS = 5
"""How many times an executor shows itself in the time of a lease."""


def take_lease(journal: Journal, warehouse: Warehouse, holder: str, seen: int | None = None) -> int:
    """The fencing token of a new executor; what a dead one left open is settled first.

    `seen` is the ledger's newest token when its executor was judged to be gone; without one, it is looked up now. The
    target may know larger ones than the ledger, of a ledger that was there before.

    Raises:
        LeaseLostError: somebody else took it since.
    """
    if seen is None:
        seen = max((int(row["token"] or 0) for row in journal.rows("leases")), default=0)
    token = max(seen, warehouse.fenced_at()) + 1
    journal.append(LeaseTaken(name=EXECUTOR, holder=holder, token=token), token=seen)
    warehouse.fence(token)
    recover(journal, warehouse, token)
    return token


def release_lease(journal: Journal, token: int) -> None:
    """Say that this executor has ended, unless another one took its place meanwhile."""
    with suppress(LeaseLostError, LedgerDamagedError):  # what could not be said, the lease's end says
        journal.append(LeaseReleased(name=EXECUTOR, token=token), token=token)


def holder_of(journal: Journal) -> str:
    """Who holds the lease, as far as the ledger knows; empty if nobody does."""
    rows = journal.rows("leases", name=EXECUTOR)
    return str(rows[0]["holder"] or "") if rows else ""


class LeaseWatch:
    """Looks at an executor's signs of life from outside. `seconds` is how long it may go without one."""

    def __init__(self, seconds: float = LEASE_SECONDS) -> None:
        self._seconds = seconds
        self._seen: tuple[int, int] | None = None
        self._since = 0.0

    def has_expired(self, pulse: tuple[int, int], now: float) -> bool:
        """Whether nothing was to be seen of it for the time of a lease. `pulse` is its token and how often it beat."""
        if pulse != self._seen:
            self._seen, self._since = pulse, now
        return now - self._since >= self._seconds

    def restart(self) -> None:
        """Count anew: meanwhile, nobody could have been seen."""
        self._seen = None
