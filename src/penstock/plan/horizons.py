"""Horizons: the moment before which a dataset keeps no rows any more, in any version.

Invariants: what lies before a dataset's horizon is not missing and is never built; what was built of it by others stays
as it is, and holds, whatever is said against it: nobody could make it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.model.intervals import Interval, merge, parse_moment, subtract
from penstock.model.pipelines import Materialization

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from penstock.model.intervals import Grain
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Coverage, Stale, VersionKey

Horizons = "Mapping[str, datetime]"


def horizons_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """The horizon of each dataset that has one, as the ledger has them."""
    return {str(row["dataset"]): parse_moment(str(row["before"])) for row in rows}


def counted_from(dataset: Dataset) -> str | None:
    """The column by which a dataset's rows grow old: that of its intervals, or the one its contract names.

    A merge's rows need not have the column that cuts its input: there what the contract names goes first.
    """
    named = dataset.contract.retention_column if dataset.contract else None
    if dataset.interval is None or (named and dataset.materialization is Materialization.MERGE):
        return named
    return dataset.interval.column


def columns_of_age(dataset: Dataset, recorded: str) -> tuple[str, ...]:
    """The columns that may tell how old rows of a dataset with a horizon are, the best first.

    `recorded` is the one by which the horizon was moved: it counts on where the contract names none any more.
    """
    if dataset.interval is not None and dataset.materialization is not Materialization.MERGE:
        return (dataset.interval.column,)
    named = dataset.contract.retention_column if dataset.contract else None
    cut = dataset.interval.column if dataset.interval else None
    return tuple(dict.fromkeys(column for column in (named, recorded, cut) if column))


def rows_beneath(project: Project, dataset: Dataset) -> set[str]:
    """What a dataset reads, and what lies beneath views among that: a view has no rows of its own."""
    found: set[str] = set()
    todo = list(dataset.reads)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            upstream = project.datasets[name]
            todo.extend(upstream.reads if upstream.materialization is Materialization.VIEW else ())
    return found


def first_kept(dataset: Dataset, horizons: Mapping[str, datetime]) -> datetime | None:
    """The start of the first interval that a dataset keeps; None if it keeps all of them, or has none."""
    horizon = horizons.get(dataset.name)
    return dataset.interval.grain.floor(horizon) if dataset.interval and horizon else None


def first_to_build(project: Project, dataset: Dataset, horizons: Mapping[str, datetime]) -> datetime | None:
    """The start of the first interval of which everything is there that it is built of; None if all is, or may be."""
    if dataset.interval is None:
        return None
    starts = [
        _ceiling(kept, dataset.interval.grain)
        for name in rows_beneath(project, dataset)
        if (kept := first_kept(project.datasets[name], horizons)) is not None
    ]
    return max(starts, default=None)


def settled(project: Project, coverage: Coverage) -> Coverage:
    """What is built and holds, with what holds because what it was built of is not there any more.

    Such intervals count as built once, each after the one before.
    """
    for dataset in project.datasets.values() if coverage.horizons else ():
        start = first_to_build(project, dataset, coverage.horizons)
        for key in [key for key in coverage.published if key[0] == dataset.name] if start else ():
            coverage = _settled(coverage, key, start) if start else coverage
    return coverage


def _settled(coverage: Coverage, key: VersionKey, start: datetime) -> Coverage:
    published = coverage.published[key]
    before = merge(cut for span, _ in published if (cut := _until(span, start)) is not None)
    after = [(left, seq) for span, seq in published for left in subtract(span, before)]
    first = min((seq for _, seq in published), default=0) - len(before)
    in_turn = [(span, first + number) for number, span in enumerate(before)]
    stale = tuple(mark for each in coverage.stale.get(key, ()) for mark in _since(each, before))
    return replace(
        coverage,
        intervals={**coverage.intervals, key: (*coverage.intervals.get(key, ()), *before)},
        published={**coverage.published, key: tuple(sorted([*in_turn, *after]))},
        stale={**coverage.stale, key: stale},
    )


def _until(span: Interval, moment: datetime) -> Interval | None:
    return Interval(span.start, min(span.end, moment)) if span.start < moment else None


def _since(mark: Stale, before: Sequence[Interval]) -> list[Stale]:
    """A mark less what holds in spite of it."""
    if mark.interval is None:
        return [mark]
    return [replace(mark, interval=left) for left in subtract(mark.interval, before)]


def _ceiling(moment: datetime, grain: Grain) -> datetime:
    start = grain.floor(moment)
    return start if start == moment else grain.step(start)
