"""Which intervals a step of the rollout looks at. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.intervals import Grain, Interval

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.delivery.design import Design


def intervals_from(planned: Design, start: datetime, count: int) -> tuple[Interval, ...]:
    """The next `count` intervals of the datasets that a change touches, by the finest of their grains.

    Where none will ever come, because the pipelines have ended, the last ones again; none where nothing has intervals.
    """
    project = planned.project
    touched = [project.datasets[name] for name in planned.difference.touched]
    grains = [dataset.interval.grain for dataset in touched if dataset.interval is not None]
    if not grains:
        return ()
    grain = min(grains, key=list(Grain).index)
    ends = [project.pipeline_of(dataset.name).end for dataset in touched]
    end = max((moment for moment in ends if moment is not None), default=None) if None not in ends else None
    start = grain.floor(start)
    if end is not None and start >= end:
        start = grain.step(start, -count)
    first = min(project.pipeline_of(dataset.name).start for dataset in touched)
    intervals = [Interval(grain.step(start, n), grain.step(start, n + 1)) for n in range(count)]
    return tuple(i for i in intervals if i.start >= first and (end is None or i.end <= end))
