"""What a plan will take, by what the same datasets took before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.plan.build import BuildPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One slice that was published before: seconds it ran, seconds of processor time, rows and bytes of files."""

    ran: float
    cpu: float = 0.0
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the slices of one dataset will take: the median of `slices_seen` earlier ones, times how many there are."""

    seconds: float
    cpu_seconds: float
    rows: int
    bytes: int
    slices_seen: int


def estimates(build: BuildPlan, history: Mapping[str, Sequence[Past]]) -> dict[str, Estimate]:
    """An estimate for each dataset that is to be built and was built before, in whatever version."""
    slices = Counter(work.slice.dataset for work in build.works)
    return {name: _times(count, history[name]) for name, count in slices.items() if history.get(name)}


def seconds_of(build: BuildPlan, found: Mapping[str, Estimate], lanes: int) -> float | None:
    """How long a plan will take with so many lanes: never less than one slice after the other along its longest chain.

    None if a dataset of it was never built: then nobody knows.
    """
    counts = Counter(work.slice.dataset for work in build.works)
    if any(name not in found for name in counts):
        return None
    each = {name: found[name].seconds / count for name, count in counts.items()}
    ends: dict[int, float] = {}
    for work in build.works:
        begin = max((ends[number] for number in work.after if number in ends), default=0.0)
        ends[work.number] = begin + each[work.slice.dataset]
    total = sum(estimate.seconds for estimate in found.values())
    return max(max(ends.values(), default=0.0), total / max(lanes, 1))


def _times(count: int, past: Sequence[Past]) -> Estimate:
    return Estimate(
        seconds=count * median(one.ran for one in past),
        cpu_seconds=count * median(one.cpu for one in past),
        rows=round(count * median(one.rows for one in past)),
        bytes=round(count * median(one.bytes for one in past)),
        slices_seen=len(past),
    )
