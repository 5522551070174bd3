"""Rows as the ledger's `coverage` and `stale` tables hold them, made of work that was published or marked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.model.intervals import Interval, stamp
from penstock.plan.build import Coverage, coverage_of, plan_build
from penstock.sim.clock import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from penstock.model.pipelines import Project
    from penstock.plan.backfill import Backfill
    from penstock.plan.build import BuildPlan, Mark, Work


def day(number: int) -> datetime:
    """The start of a day, counted from the first."""
    return EPOCH + timedelta(days=number)


def days(start: int, end: int) -> Interval:
    """From the start of one day to the start of another."""
    return Interval(day(start), day(end))


@dataclass
class Book:
    """What a ledger would hold of a project: numbered, so that later entries are newer."""

    rows: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    stale: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    seq: int = 0
    horizons: dict[str, dict[str, Any]] = field(default_factory=dict)

    def publish(self, works: Iterable[Work]) -> Book:
        """These pieces of work were published, one after the other."""
        for work in works:
            self.seq += 1
            interval = work.slice.interval
            bounds = (stamp(interval.start), stamp(interval.end)) if interval else ("", "")
            key = (work.version.dataset, work.version.fingerprint, *bounds)
            self.rows[key] = _row(key, inputs=work.inputs, seq=self.seq)
        return self

    def mark(self, marks: Iterable[Mark]) -> Book:
        """A backfill was requested."""
        self.seq += 1
        for dataset, version, start, end, reason in marks:
            key = (dataset, version, start, end)
            self.stale[key] = _row(key, reason=reason, seq=self.seq)
        return self

    def expire(self, dataset: str, before: int) -> Book:
        """A dataset keeps no rows any more of before the n-th day."""
        self.horizons[dataset] = {"dataset": dataset, "before": stamp(day(before))}
        return self

    def request(self, backfill: Backfill) -> Book:
        return self.mark(backfill.marks)

    @property
    def coverage(self) -> Coverage:
        return coverage_of(list(self.rows.values()), list(self.stale.values()), list(self.horizons.values()))

    def plan(self, project: Project, until: int, **more: Any) -> BuildPlan:
        """What is missing up to the end of the n-th day."""
        return plan_build(project, self.coverage, day(until), **more)

    def complete(self, project: Project, until: int) -> Book:
        """Everything is built up to the end of the n-th day."""
        return self.publish(self.plan(project, until).works)


def _row(key: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return dict(zip(("dataset", "version", "start", "end"), key, strict=True)) | more


def slices(plan: BuildPlan) -> list[str]:
    """What a plan builds, in order."""
    return [str(work.slice) for work in plan.works]
