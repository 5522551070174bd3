"""Error budgets of an observation window: how much of what may go wrong in all of it has gone wrong so far.

A budget is a share of events that may be bad over the whole window. The burn rate is the share of bad events seen,
over that share: at 1 the budget lasts exactly to the window's end. Whoever has spent it does not wait for the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EVENTS: Mapping[str, tuple[str, str]] = {
    "errors": ("failed", "attempts"),
    "warnings": ("warnings", "checks"),
    "runtime": ("slow", "runs"),
    "freshness": ("late", "timed"),
}
"""Each objective that may have a budget: what counts as bad, and of what. The words of `IntervalObserved.measured`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How far one budget is spent: `bad` of `seen` events were, `share` (0 to 1) of the window's may be.

    `observed` of the window's `intervals` are through; the rest is expected to bring as many events each.
    """

    objective: str
    share: float
    bad: int
    seen: int
    observed: int
    intervals: int

    @property
    def allowed(self) -> float:
        """How many events of the whole window may be bad."""
        return self.share * self.seen * self.intervals / self.observed if self.observed else 0.0

    @property
    def rate(self) -> float:
        """The burn rate: above 1 the budget does not last."""
        if not self.bad:
            return 0.0
        return self.bad / self.seen / self.share if self.share else float("inf")

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.bad > 0 and self.bad >= self.allowed

    @property
    def words(self) -> str:
        """The figures, in words."""
        allowed = f"{self.allowed:.2f} allowed over the window"
        return f"{self.bad:,} of {self.seen:,} bad, {allowed}, burn rate {self.rate:.2f}"


def burns(budget: Mapping[str, float], measured: Sequence[Mapping[str, int]], intervals: int) -> tuple[Burn, ...]:
    """How far each budget is spent after these intervals of a window of so many."""
    return tuple(
        Burn(
            objective=objective,
            share=share,
            bad=_sum(measured, EVENTS[objective][0]),
            seen=_sum(measured, EVENTS[objective][1]),
            observed=len(measured),
            intervals=max(intervals, len(measured)),
        )
        for objective, share in sorted(budget.items())
    )


def _sum(measured: Iterable[Mapping[str, int]], name: str) -> int:
    return sum(each.get(name, 0) for each in measured)
