"""Would a pipeline's data be there in time? Its schedule played through for months ahead, at the pace of its past.

Invariants: the same schedule, past and seed give the same answer; only the schedule, the deadline, how long slices take
and how often they fail count: not other pipelines, how busy the machine is, or files that come late.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain, Interval, stamp
from penstock.model.schedule import fires, ready_by
from penstock.policy.facts import Readiness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.model.pipelines import Dataset, Pipeline, Retry

DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A dataset's past: seconds for each interval that was published, and how many of `ended` attempts failed."""

    seconds: tuple[float, ...] = ()
    failed: int = 0
    ended: int = 0


def readiness(
    pipeline: Pipeline,
    datasets: Sequence[Dataset],
    paces: Mapping[str, Pace],
    start: datetime,
    *,
    lanes: int,
    seed: int = 0,
    days: int = DAYS,
) -> Readiness | None:
    """How a pipeline with these datasets (in dependency order) would do from `start` on; None without a promise.

    `lanes` is how much runs at once.
    """
    if pipeline.schedule is None or pipeline.sla is None or pipeline.paused or not datasets:
        return None
    grains = [dataset.interval.grain for dataset in datasets if dataset.interval is not None]
    grain = min(grains, key=list(Grain).index) if grains else Grain.DAY
    play = _Play(pipeline, datasets, paces, lanes, random.Random(seed))  # noqa: S311 - a simulation
    due = _due(grain, start, days, pipeline)
    begun = tuple(fires(pipeline.schedule, start, start + timedelta(days=days + 40)))
    late: list[tuple[Interval, timedelta | None]] = []
    typical: list[float] = []
    waiting = list(due)
    for number, fire in enumerate(begun):
        built = [interval for interval in waiting if interval.end <= fire]
        if not built:
            continue
        took = play.run(len(built))
        if took is None and number + 1 < len(begun):
            continue  # it failed for good: the next run builds them too
        waiting = waiting[len(built) :]
        typical += [took] if took is not None else []
        for interval in built:
            deadline = ready_by(interval.end, pipeline.sla.ready_by, pipeline.timezone)
            there = fire + timedelta(seconds=took) if took is not None else None
            if there is None or there > deadline:
                late.append((interval, None if there is None else there - deadline))
    late += [(interval, None) for interval in waiting]
    return Readiness(
        pipeline=pipeline.name,
        ready_by=f"{pipeline.sla.ready_by:%H:%M} {pipeline.timezone}",
        intervals=len(due),
        late=len(late),
        first_late=stamp(min(interval for interval, _ in late).start) if late else "",
        worst=_worst([by for _, by in late]),
        typical=timedelta(seconds=median(typical)) if typical else timedelta(0),
    )


def _due(grain: Grain, start: datetime, days: int, pipeline: Pipeline) -> list[Interval]:
    """The intervals of the days from `start` on that belong to the pipeline."""
    first = grain.step(grain.floor(start)) if grain.floor(start) < start else start
    last = first + timedelta(days=days)
    first = grain.floor(max(first, pipeline.start))
    whole = grain.floor(last if pipeline.end is None else min(last, pipeline.end))
    return list(Interval(first, whole).split(grain)) if first < whole else []


def _worst(by: Sequence[timedelta | None]) -> timedelta | None:
    known = [each for each in by if each is not None]
    return None if len(known) < len(by) else max(known, default=timedelta(0))


class _Play:
    """One pipeline's runs, with times and failures drawn from its past."""

    def __init__(
        self,
        pipeline: Pipeline,
        datasets: Sequence[Dataset],
        paces: Mapping[str, Pace],
        lanes: int,
        chance: random.Random,
    ) -> None:
        self._pipeline, self._datasets, self._paces = pipeline, datasets, paces
        self._lanes, self._chance = max(lanes, 1), chance

    def run(self, slices: int) -> float | None:
        """Seconds until everything of so many intervals is built; None if something failed for good."""
        ends: dict[str, float] = {}
        total = 0.0
        for dataset in self._datasets:
            times = slices if dataset.interval is not None else 1
            took = self._dataset(dataset, times)
            if took is None:
                return None
            ends[dataset.name] = max((ends.get(name, 0.0) for name in dataset.reads), default=0.0) + took
            total += took
        return max(max(ends.values(), default=0.0), total / self._lanes)

    def _dataset(self, dataset: Dataset, slices: int) -> float | None:
        pace = self._paces.get(dataset.name, Pace())
        if not pace.seconds:
            return 0.0
        took = sum(self._chance.choice(pace.seconds) for _ in range(min(slices, 31)))
        took *= max(slices / 31, 1)
        if pace.failed == 0:
            return took
        waits = _delays(dataset.retry or self._pipeline.retry)
        spent = 0.0
        for wait in (*waits, None):
            if self._chance.random() >= pace.failed / pace.ended:
                return spent + took
            if wait is None:
                return None
            spent += took + wait
        return None


def _delays(retry: Retry) -> tuple[float, ...]:
    return tuple(min(retry.delay * retry.factor**number, retry.cap) for number in range(retry.attempts - 1))
