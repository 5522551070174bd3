"""Which slices must be built for a set of versions to be complete up to a moment, and in which order.

Invariants: a work item comes after every item whose rows it reads; planning again after any part was built gives
exactly the rest, cut in the same places.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.model.intervals import Interval, chunks, merge, parse_moment, subtract
from penstock.model.pipelines import Materialization, Slice
from penstock.plan.order import topological
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.versions import Version


class Action(StrEnum):
    """What happens to a dataset."""

    REUSE = "reuse"
    BUILD = "build"
    BACKFILL = "backfill"


class Reason(StrEnum):
    """Why: a closed set."""

    UP_TO_DATE = "every interval is there"
    NEW_VERSION = "this version was never built"
    MISSING = "intervals are missing"
    INPUTS_MOVED = "what it reads has grown since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is built: intervals of each (dataset, version), and for whole tables what they were built from."""

    intervals: Mapping[tuple[str, str], tuple[Interval, ...]]
    inputs: Mapping[tuple[str, str], str]

    def covered(self, version: Version) -> tuple[Interval, ...]:
        """The merged intervals of a version."""
        return merge(self.intervals.get((version.dataset, version.fingerprint), ()))


def coverage_of(rows: Sequence[Mapping[str, Any]]) -> Coverage:
    """The ledger's coverage rows as the planner reads them."""
    intervals: dict[tuple[str, str], list[Interval]] = {}
    inputs: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (str(row["dataset"]), str(row["version"]))
        if row["start"]:
            span = Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"])))
            intervals.setdefault(key, []).append(span)
        else:
            inputs[key] = str(row["inputs"] or "")
    return Coverage(intervals={key: tuple(spans) for key, spans in intervals.items()}, inputs=inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One slice to build. `after` are the numbers of the items it waits for; `inputs` says what a table is built of."""

    number: int
    slice: Slice
    version: Version
    after: tuple[int, ...]
    inputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the plan does with one dataset, and why."""

    dataset: str
    version: str
    action: Action
    reasons: tuple[Reason, ...]
    missing: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """Steps for people, work for the engine, and the digest of both."""

    versions: Mapping[str, Version]
    steps: tuple[Step, ...]
    works: tuple[Work, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of what is to be done: equal plans, equal digests."""
        rows = [[str(work.slice), work.version.fingerprint, work.inputs] for work in self.works]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def plan_build(
    project: Project,
    coverage: Coverage,
    until: datetime,
    select: frozenset[str] | None = None,
    *,
    arrived: Mapping[str, str] | None = None,
) -> BuildPlan:
    """The plan that makes every dataset of `project` (or of `select`) complete up to `until`.

    `arrived` says for each source without intervals what its files are now (a digest): another one means reading anew.
    """
    versions = versions_of(project)
    steps: list[Step] = []
    works: list[Work] = []
    state: dict[str, str] = {}
    for name in topological(project):
        dataset, version = project.datasets[name], versions[name]
        span = _span(project, dataset, until)
        inputs = _inputs(dataset, versions, state, (arrived or {}).get(name, ""))
        if select is not None and name not in select:
            state[name] = f"{version.fingerprint}@{_held(dataset, version, coverage, span) or inputs}"
            continue
        state[name] = f"{version.fingerprint}@{span or inputs}"
        missing, reasons = _missing(dataset, version, coverage, span, inputs)
        slices = _slices(dataset, missing, needed=bool(reasons))
        steps.append(_step(version, slices, reasons, missing))
        upstream = [work for work in works if work.slice.dataset in _rows_from(project, dataset)]
        works.extend(_number(slices, version, len(works), upstream, inputs if _is_table(dataset) else ""))
    return BuildPlan(versions=versions, steps=tuple(steps), works=tuple(works))


def _span(project: Project, dataset: Dataset, until: datetime) -> Interval | None:
    """What an incremental dataset should cover."""
    if dataset.interval is None:
        return None
    pipeline = project.pipeline_of(dataset.name)
    end = min(until, pipeline.end) if pipeline.end else until
    start, end = dataset.interval.grain.floor(pipeline.start), dataset.interval.grain.floor(end)
    return Interval(start, end) if start < end else None


def _held(dataset: Dataset, version: Version, coverage: Coverage, span: Interval | None) -> str:
    """How far a dataset that this plan leaves alone reaches: as `span` if it is complete."""
    if span is not None:
        gaps = subtract(span, coverage.covered(version))
        return f"{span} without {' '.join(str(gap) for gap in gaps)}" if gaps else str(span)
    return coverage.inputs.get((version.dataset, version.fingerprint), "never built") if _is_table(dataset) else ""


def _is_table(dataset: Dataset) -> bool:
    return dataset.materialization is Materialization.TABLE


def _inputs(dataset: Dataset, versions: Mapping[str, Version], state: Mapping[str, str], arrived: str) -> str:
    """What a dataset without intervals shows: the versions it reads and how far each reaches, through views too.

    For a source that is what arrived: the digest of its files.
    """
    parts = [versions[dataset.name].fingerprint, arrived, *(state[name] for name in sorted(set(dataset.reads)))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _missing(
    dataset: Dataset, version: Version, coverage: Coverage, span: Interval | None, inputs: str
) -> tuple[tuple[Interval, ...], tuple[Reason, ...]]:
    key = (version.dataset, version.fingerprint)
    known = key in coverage.intervals or key in coverage.inputs
    if dataset.interval is not None:
        missing = subtract(span, coverage.covered(version)) if span else ()
        if not missing:
            return (), ()
        return missing, (Reason.MISSING if known else Reason.NEW_VERSION,)
    if not known:
        return (), (Reason.NEW_VERSION,)
    if _is_table(dataset) and coverage.inputs.get(key) != inputs:
        return (), (Reason.INPUTS_MOVED,)
    return (), ()


def _slices(dataset: Dataset, missing: tuple[Interval, ...], *, needed: bool) -> tuple[Slice, ...]:
    if dataset.interval is None:
        return (Slice(dataset=dataset.name),) if needed else ()
    pieces = chunks(missing, dataset.interval.grain, dataset.interval.batch)
    return tuple(Slice(dataset=dataset.name, interval=piece) for piece in pieces)


def _step(
    version: Version, slices: tuple[Slice, ...], reasons: tuple[Reason, ...], missing: tuple[Interval, ...]
) -> Step:
    action = Action.REUSE
    if slices:
        action = Action.BACKFILL if Reason.MISSING in reasons else Action.BUILD
    return Step(
        dataset=version.dataset,
        version=version.fingerprint,
        action=action,
        reasons=reasons or (Reason.UP_TO_DATE,),
        missing=missing,
    )


def _rows_from(project: Project, dataset: Dataset) -> set[str]:
    """What it reads, and what lies beneath views among that: a view that was made before has no work to wait for."""
    found: set[str] = set()
    todo = list(dataset.reads)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            upstream = project.datasets[name]
            todo.extend(upstream.reads if upstream.materialization is Materialization.VIEW else ())
    return found


def _number(
    slices: tuple[Slice, ...], version: Version, first: int, upstream: list[Work], inputs: str
) -> Iterator[Work]:
    for number, piece in enumerate(slices, first):
        after = tuple(work.number for work in upstream if _feeds(work.slice, piece))
        yield Work(number=number, slice=piece, version=version, after=after, inputs=inputs)


def _feeds(upstream: Slice, piece: Slice) -> bool:
    """Whether `piece` must wait: always, unless both have intervals and these do not meet."""
    if upstream.interval is None or piece.interval is None:
        return True
    return upstream.interval.overlaps(piece.interval)
