"""Building intervals again: which datasets, which of their intervals, why, and in which order.

Invariants: whatever reads a restated interval, directly or not, is stale from then on until it is built again; a plan's
digest changes with everything it rests on, so that what was looked at is what is done.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.intervals import Interval, stamp
from penstock.model.pipelines import Materialization
from penstock.plan.build import Reason, coverage_of, plan_build, thought_of
from penstock.plan.horizons import first_kept, first_to_build
from penstock.plan.order import topological
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import BuildPlan, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """What a backfill marks stale, what it builds, and the digest of both.

    `left_as_they_are` are appends that read what is restated: what they added stays, and so does what was made of it.
    `rests_on` is what was built of all this when it was planned, and what files it would read.
    """

    marks: tuple[Mark, ...]
    plan: BuildPlan
    window: Interval
    left_as_they_are: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of everything that would be done, and of what it rests on."""
        marks = [list(mark) for mark in self.marks]
        parts = [self.plan.digest, marks, str(self.window), list(self.rests_on)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets that are built, in order."""
        return tuple(step.dataset for step in self.plan.steps if step.reasons != (Reason.UP_TO_DATE,))


def plan_backfill(
    project: Project,
    asked: Sequence[str],
    window: Interval,
    rows: Sequence[Mapping[str, Any]],
    stale: Sequence[Mapping[str, Any]],
    *,
    until: datetime,
    arrived: Mapping[str, str] | None = None,
    horizons: Sequence[Mapping[str, Any]] = (),
) -> Backfill:
    """The backfill of these datasets within a window, and of everything that reads them.

    `rows` and `stale` are the ledger's coverage and what is stale already, `horizons` its rows of those; `until` bounds
    what data counts as arrived.
    """
    affected, grown = _affected(project, asked)
    marks = tuple(_marks(project, set(asked), affected, window, until))
    widest = window
    for dataset in (project.datasets[name] for name in affected):
        span = _span_of(dataset, window, until)
        widest = widest.spanning(span) if span else widest
    plan = plan_build(
        project,
        coverage_of(rows, [*stale, *thought_of(marks)], horizons),
        until,
        frozenset(affected),
        arrived=arrived,
        window=widest,
    )
    return Backfill(
        marks=marks,
        plan=plan,
        window=widest,
        left_as_they_are=tuple(sorted(grown)),
        rests_on=tuple(_built(rows, affected)),
    )


def too_early(
    project: Project, asked: Sequence[str], window: Interval, horizons: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Those of the datasets of which a window touches what nobody can build any more, and what can be built first."""
    found: dict[str, datetime] = {}
    for dataset in (project.datasets[name] for name in asked):
        starts = (first_kept(dataset, horizons), first_to_build(project, dataset, horizons))
        first = max((start for start in starts if start is not None), default=None)
        if dataset.interval is not None and first is not None and window.widened(dataset.interval.grain).start < first:
            found[dataset.name] = first
    return found


def _built(rows: Sequence[Mapping[str, Any]], affected: set[str]) -> list[str]:
    """The newest publish of each slice: doing the same backfill again is another one."""
    names = ("dataset", "version", "start", "end", "seq")
    return sorted(" ".join(str(row[name]) for name in names) for row in rows if row["dataset"] in affected)


def _affected(project: Project, asked: Sequence[str]) -> tuple[set[str], set[str]]:
    """What is asked for and all that reads it, short of appends; and those appends."""
    affected, grown, todo = set(asked), set[str](), list(asked)
    while todo:
        for name in project.consumers(todo.pop()):
            if project.datasets[name].materialization is Materialization.APPEND:
                grown.add(name)
            elif name not in affected:
                affected.add(name)
                todo.append(name)
    return affected, grown


def _marks(project: Project, asked: set[str], affected: set[str], window: Interval, until: datetime) -> list[Mark]:
    versions = versions_of(project)
    marks: list[Mark] = []
    for name in topological(project):
        dataset = project.datasets[name]
        if name not in affected or dataset.materialization is Materialization.VIEW:
            continue
        reason = Reason.ASKED_AGAIN if name in asked else Reason.UPSTREAM_AGAIN
        span = _span_of(dataset, window, until)
        bounds = (stamp(span.start), stamp(span.end)) if span else ("", "")
        marks.append((name, versions[name].fingerprint, *bounds, str(reason)))
    return marks


def _span_of(dataset: Dataset, window: Interval, until: datetime) -> Interval | None:
    """The intervals of a dataset that a window touches, and for a merge all that follow: they were merged upon it."""
    if dataset.interval is None:
        return None
    span = window.widened(dataset.interval.grain)
    last = dataset.interval.grain.floor(until)
    if dataset.materialization is Materialization.MERGE and last > span.end:
        return Interval(span.start, last)
    return span
