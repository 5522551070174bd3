"""Which slices must be built for a set of versions to be complete up to a moment, and in which order.

Invariants: a work item comes after every item whose rows it reads; planning again after any part was built gives
exactly the rest, cut in the same places.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.intervals import Interval, chunks, merge, parse_moment, subtract
from penstock.model.pipelines import Materialization, Slice
from penstock.model.sources import FileSource
from penstock.plan.horizons import first_kept, first_to_build, horizons_of, rows_beneath, settled
from penstock.plan.order import topological
from penstock.plan.versions import described, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.versions import Version


class Action(StrEnum):
    """What happens to a dataset."""

    REUSE = "reuse"
    METADATA = "metadata"
    BUILD = "build"
    BACKFILL = "backfill"
    REMOVE = "remove"


class Reason(StrEnum):
    """Why: a closed set."""

    UP_TO_DATE = "every interval is there"
    NEW_VERSION = "this version was never built"
    MISSING = "intervals are missing"
    INPUTS_MOVED = "what it reads has grown since"
    READ_AGAIN = "it is read again: only that tells whether there is anything new"
    READS_AGAIN = "what it reads was built again, and may have changed"
    ASKED_AGAIN = "a backfill asks for it again"
    UPSTREAM_AGAIN = "what it reads is built again by a backfill"
    FILES_RESTATED = "its files are others than those read in"
    READS_RESTATED = "files that it rests on are others than those read in"
    OUT_OF_TURN = "an earlier interval was merged after it"
    NO_FILE = "no file of the project makes it any more"
    READS_EXPIRED = "but earlier ones cannot be built: what they are built of is past its retention"
    OLD_INPUTS = "but some were built from an earlier state of what it reads whole: a backfill builds them again"
    TO_SHOW = "built already; the environment only has to show it"
    NEW_DATASET = "the environment does not show it yet"
    ALTERED = "its query, code or settings changed since the version shown"
    READS_MOVED = "an input changed since the version shown"
    GAINED_CHECKS = "its contract gained checks: rows that are there are held to them before they are shown under it"
    DESCRIBED = "only what is said of it changed: its contract or description"


THOUGHT = 1 << 62
"""A number after every recorded one: marks that are only thought of are newer than all that is built."""
VersionKey = tuple[str, str]
"""A dataset and one of its versions."""
Mark = tuple[str, str, str, str, str]
"""What becomes stale: dataset, version, start and end (empty: all of it), and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Something built that counts as missing, because a backfill asked for it; no interval: all of it."""

    interval: Interval | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What is built and still holds: intervals of each version, for whole datasets what they were built from.

    `stale` says what does not hold any more, and why; `published` which intervals were published under which number,
    `since` the first number after every mark that is known here. `rested` holds the states of whole datasets on which
    the intervals of a version rest. `horizons` say of datasets before which moment they keep no rows any more.
    """

    intervals: Mapping[VersionKey, tuple[Interval, ...]]
    inputs: Mapping[VersionKey, str]
    stale: Mapping[VersionKey, tuple[Stale, ...]] = field(default_factory=dict)
    since: int = 0
    published: Mapping[VersionKey, tuple[tuple[Interval, int], ...]] = field(default_factory=dict)
    rested: Mapping[VersionKey, frozenset[str]] = field(default_factory=dict)
    horizons: Mapping[str, datetime] = field(default_factory=dict)

    def covered(self, version: Version) -> tuple[Interval, ...]:
        """The merged intervals of a version that hold."""
        return merge(self.intervals.get((version.dataset, version.fingerprint), ()))

    def out_of_turn(self, version: Version) -> tuple[Interval, ...]:
        """What was published before something earlier was: in a merge, older rows may have taken its rows' place."""
        published = self.published.get((version.dataset, version.fingerprint), ())
        in_turn = _in_turn(published)
        return merge(gap for span, _ in published for gap in subtract(span, in_turn))


def thought_of(marks: Sequence[Mark]) -> tuple[Mapping[str, Any], ...]:
    """Marks as rows of what is stale in the ledger, newer than everything built: nobody has recorded them yet."""
    names = ("dataset", "version", "start", "end", "reason")
    return tuple({**dict(zip(names, mark, strict=True)), "seq": THOUGHT} for mark in marks)


def coverage_of(
    rows: Sequence[Mapping[str, Any]],
    stale_rows: Sequence[Mapping[str, Any]] = (),
    horizon_rows: Sequence[Mapping[str, Any]] = (),
) -> Coverage:
    """The ledger's coverage as the planner reads it, without what is stale.

    A mark holds against everything whose run began before it: that may have read the rows as they were.
    """
    built: dict[VersionKey, list[tuple[Interval, int]]] = {}
    since: dict[VersionKey, list[tuple[Interval, int]]] = {}
    whole: dict[VersionKey, tuple[str, int]] = {}
    rested: dict[VersionKey, set[str]] = {}
    for row in rows:
        key, began = (str(row["dataset"]), str(row["version"])), int(row.get("since") or row["seq"] or 0)
        if row["start"]:
            span = _span_of(row)
            built.setdefault(key, []).append((span, int(row["seq"] or 0)))
            since.setdefault(key, []).append((span, began))
            if row["inputs"]:
                rested.setdefault(key, set()).add(str(row["inputs"]))
        else:
            whole[key] = (str(row["inputs"] or ""), began)
    stale: dict[VersionKey, list[Stale]] = {}
    for row in stale_rows:
        key, seq, reason = (str(row["dataset"]), str(row["version"])), int(row["seq"]), Reason(str(row["reason"]))
        if row["start"]:
            newer = [span for span, began in since.get(key, ()) if began > seq]
            gaps = subtract(_span_of(row), newer)
            stale.setdefault(key, []).extend(Stale(interval=gap, reason=reason) for gap in gaps)
        elif key in whole and whole[key][1] < seq:
            stale.setdefault(key, []).append(Stale(interval=None, reason=reason))
    return Coverage(
        intervals={key: _without([span for span, _ in spans], stale.get(key, ())) for key, spans in built.items()},
        inputs={key: inputs for key, (inputs, _) in whole.items()},
        stale={key: tuple(marks) for key, marks in stale.items() if marks},
        since=1 + max((seq for row in stale_rows if (seq := int(row["seq"])) < THOUGHT), default=0),
        published={key: tuple(spans) for key, spans in built.items()},
        rested={key: frozenset(states) for key, states in rested.items()},
        horizons=horizons_of(horizon_rows),
    )


def _in_turn(published: Sequence[tuple[Interval, int]]) -> tuple[Interval, ...]:
    """What was published after everything earlier: at each moment, the newest publish of those that begin by then."""
    rows = sorted(published)
    held: list[Interval] = []
    newest = rows[0] if rows else None
    for number, row in enumerate(rows):
        newest = row if newest is None or row[1] >= newest[1] else newest
        end = min(newest[0].end, rows[number + 1][0].start) if number + 1 < len(rows) else newest[0].end
        held += [Interval(row[0].start, end)] if row[0].start < end else []
    return tuple(held)


def _span_of(row: Mapping[str, Any]) -> Interval:
    return Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"])))


def _without(spans: list[Interval], stale: Sequence[Stale]) -> tuple[Interval, ...]:
    """Intervals less what is stale of them."""
    gaps = [mark.interval for mark in stale if mark.interval is not None]
    return tuple(left for span in merge(spans) for left in subtract(span, gaps)) if gaps else tuple(spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One slice to build. `after` are the numbers of the items it waits for.

    `inputs` says what a table is built of; of an interval, what is read whole, without intervals.
    """

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
    """Steps for people, work for the engine, and the digest of both.

    What was marked stale from entry `since` of the ledger on is not known to it: its rows do not make that good.
    `outdated` names datasets of which intervals rest on an earlier state of what they read whole. `until` is up to when
    data counts as arrived. `horizons` are those of the datasets, `unbuildable` names what lacks intervals that nothing
    can build any more.
    """

    versions: Mapping[str, Version]
    steps: tuple[Step, ...]
    works: tuple[Work, ...]
    since: int = 0
    outdated: frozenset[str] = frozenset()
    until: datetime | None = None
    horizons: Mapping[str, datetime] = field(default_factory=dict)
    unbuildable: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 of what is to be done: equal plans, equal digests."""
        rows = [[str(work.slice), work.version.fingerprint, work.inputs] for work in self.works]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def plan_digest(build: BuildPlan, project: Project, environment: str, shown: Mapping[str, str]) -> str:
    """SHA-256 of what is to be built, what is said of it, and where it will be shown in place of what."""
    steps = sorted((step.dataset, step.version, described(project.datasets[step.dataset])) for step in build.steps)
    parts = [environment, build.digest, steps, sorted(shown.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def plan_build(
    project: Project,
    coverage: Coverage,
    until: datetime,
    select: frozenset[str] | None = None,
    *,
    arrived: Mapping[str, str] | None = None,
    window: Interval | None = None,
) -> BuildPlan:
    """The plan that makes every dataset of `project` (or of `select`) complete up to `until`.

    `arrived` says for each source without intervals what its files are now (a digest): another one means reading anew.
    With a `window`, intervals outside it are left as they are. What is stale among what a selection reads is built with
    it, and what is missing there it waits for: rows made of neither would count as whole. What lies before a horizon is
    not missing, and what would be built of it is not built.
    """
    versions, coverage = versions_of(project), settled(project, coverage)
    if select is not None:
        stale = {name for name, version in versions.items() if coverage.stale.get((name, version.fingerprint))}
        select |= stale.intersection(project.upstream(*select))
    steps: list[Step] = []
    works: list[Work] = []
    made: dict[str, list[Work]] = {}
    state: dict[str, str] = {}
    lacking: dict[str, tuple[Interval, ...]] = {}
    wholes: dict[str, str] = {}
    outdated: set[str] = set()
    unbuildable: set[str] = set()
    for name in topological(project):
        dataset, version = project.datasets[name], versions[name]
        gone, span = _span(project, dataset, until, coverage)
        rests_on = _digest_of([f"{read} {wholes[read]}" for read in sorted(set(dataset.reads)) if wholes.get(read)])
        inputs = _inputs(dataset, state, (arrived or {}).get(name, ""))
        if dataset.interval is not None and coverage.rested.get(_key(version), frozenset()) - {rests_on}:
            outdated.add(name)
        if select is not None and name not in select:
            state[name] = _held(dataset, version, coverage, span, ()) or inputs
            lacking[name] = (*gone, *_lacking(dataset, version, coverage, span, ()))
            wholes[name] = _whole_state(dataset, state[name], rests_on)
            continue
        beneath = sorted(rows_beneath(project, dataset))
        missing, reasons = _missing(dataset, version, coverage, (span, window), inputs)
        reasons = tuple(_as_far_as_known(project, dataset) if one is Reason.INPUTS_MOVED else one for one in reasons)
        missing = _upon(dataset, missing, [gap for other in beneath for gap in lacking[other]])
        reasons = reasons if missing or dataset.interval is None else ()
        state[name] = _held(dataset, version, coverage, span, missing) if span else inputs
        wholes[name] = _whole_state(dataset, state[name], rests_on)
        lacking[name] = (*gone, *_lacking(dataset, version, coverage, span, missing))
        start = first_to_build(project, dataset, coverage.horizons)
        if start is not None and any(gap.start < start for gap in lacking[name][len(gone) :]):
            unbuildable.add(name)
        slices = _slices(dataset, missing, needed=bool(reasons))
        steps.append(_step(version, slices, reasons, missing))
        upstream = [work for other in beneath for work in made.get(other, ())]
        related = [work for other in sorted(_related(project, dataset)) for work in made.get(other, ())]
        kept = inputs if _is_table(dataset) else rests_on if dataset.interval is not None else ""
        made[name] = list(_number(dataset, slices, version, len(works), (upstream, related), kept))
        works.extend(made[name])
    return BuildPlan(
        versions=versions,
        steps=tuple(steps),
        works=tuple(works),
        since=coverage.since,
        outdated=frozenset(outdated),
        until=until,
        horizons={name: moment for name, moment in coverage.horizons.items() if name in versions},
        unbuildable=frozenset(unbuildable),
    )


def _key(version: Version) -> VersionKey:
    return (version.dataset, version.fingerprint)


def _whole_state(dataset: Dataset, state: str, rests_on: str) -> str:
    """The state of a dataset for those that read it whole: intervals are known one by one, a view is what it reads."""
    if dataset.interval is not None:
        return ""
    return rests_on if dataset.materialization is Materialization.VIEW else state


def _digest_of(parts: list[str]) -> str:
    """A short digest; nothing of nothing."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else ""


def _upon(dataset: Dataset, missing: tuple[Interval, ...], lacking: Sequence[Interval]) -> tuple[Interval, ...]:
    """What of the missing intervals can be built, where some of what is read is not there."""
    if dataset.interval is None or not lacking:
        return missing
    waiting = [gap.widened(dataset.interval.grain) for gap in lacking]
    return tuple(left for gap in missing for left in subtract(gap, waiting))


def _lacking(
    dataset: Dataset, version: Version, coverage: Coverage, span: Interval | None, built: Sequence[Interval]
) -> tuple[Interval, ...]:
    """What a dataset lacks of a span once `built` is there too."""
    return subtract(span, (*_covered(dataset, version, coverage), *built)) if span is not None else ()


def _span(
    project: Project, dataset: Dataset, until: datetime, coverage: Coverage
) -> tuple[tuple[Interval, ...], Interval | None]:
    """What an incremental dataset has no rows of any more, and what it should cover."""
    if dataset.interval is None:
        return (), None
    pipeline = project.pipeline_of(dataset.name)
    end = min(until, pipeline.end) if pipeline.end else until
    start, end = dataset.interval.grain.floor(pipeline.start), dataset.interval.grain.floor(end)
    kept = first_kept(dataset, coverage.horizons)
    gone = (Interval(start, kept),) if kept is not None and start < kept else ()
    start = gone[0].end if gone else start
    return gone, Interval(start, end) if start < end else None


def _held(
    dataset: Dataset, version: Version, coverage: Coverage, span: Interval | None, built: Sequence[Interval]
) -> str:
    """What a dataset holds of a span once `built` is there too: the same for the same intervals, whatever the span."""
    if span is not None:
        lacking = _lacking(dataset, version, coverage, span, built)
        return " ".join(str(held) for held in subtract(span, lacking)) or "nothing"
    return coverage.inputs.get((version.dataset, version.fingerprint), "never built") if _is_table(dataset) else ""


def _covered(dataset: Dataset, version: Version, coverage: Coverage) -> tuple[Interval, ...]:
    """The intervals that hold; of a merge those alone that were merged after all earlier ones."""
    covered = coverage.covered(version)
    if dataset.materialization is not Materialization.MERGE:
        return covered
    late = coverage.out_of_turn(version)
    return tuple(left for span in covered for left in subtract(span, late))


def _is_table(dataset: Dataset) -> bool:
    """Whether it is made whole of what it reads, so that growing inputs make it out of date."""
    return dataset.interval is None and dataset.materialization is not Materialization.VIEW


def _inputs(dataset: Dataset, state: Mapping[str, str], arrived: str) -> str:
    """What a dataset without intervals was made of: how far each that it reads reaches, through views too.

    For a source that is what arrived: the digest of its files. What is done with it, its version says.
    """
    parts = [arrived, *(f"{name} {state[name]}" for name in sorted(set(dataset.reads)))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _as_far_as_known(project: Project, dataset: Dataset) -> Reason:
    """What is true of a table whose inputs are others: only intervals are known to have grown, whole tables are not."""
    if isinstance(dataset.task, DatabaseSource | ConnectorSource):
        return Reason.READ_AGAIN
    if isinstance(dataset.task, FileSource):
        return Reason.FILES_RESTATED
    beneath = [project.datasets[name] for name in rows_beneath(project, dataset)]
    return Reason.READS_AGAIN if any(_is_table(one) for one in beneath) else Reason.INPUTS_MOVED


def _missing(
    dataset: Dataset,
    version: Version,
    coverage: Coverage,
    within: tuple[Interval | None, Interval | None],
    inputs: str,
) -> tuple[tuple[Interval, ...], tuple[Reason, ...]]:
    key = (version.dataset, version.fingerprint)
    known = key in coverage.intervals or key in coverage.inputs
    stale = coverage.stale.get(key, ())
    if dataset.interval is not None:
        missing = _gaps(dataset, version, coverage, *within)
        return missing, _reasons(missing, _marks(dataset, version, coverage), known=known)
    if not known:
        return (), (Reason.NEW_VERSION,)
    if stale:
        return (), tuple(dict.fromkeys(mark.reason for mark in stale))
    if _is_table(dataset) and coverage.inputs.get(key) != inputs:
        return (), (Reason.INPUTS_MOVED,)
    return (), ()


def _gaps(
    dataset: Dataset, version: Version, coverage: Coverage, span: Interval | None, window: Interval | None
) -> tuple[Interval, ...]:
    """What is missing within a window. A merge is done again from its first gap on: what follows came too early."""
    if span is None or dataset.interval is None:
        return ()
    gaps = subtract(span, _covered(dataset, version, coverage))
    if window is not None:
        whole = window.narrowed(
            dataset.interval.grain
        )  # an interval built from part of its time would count as all of it
        gaps = tuple(cut for gap in gaps if whole is not None and (cut := gap.within(whole)) is not None)
    if not gaps or dataset.materialization is not Materialization.MERGE:
        return gaps
    return (Interval(gaps[0].start, min(span.end, window.end) if window else span.end),)


def _marks(dataset: Dataset, version: Version, coverage: Coverage) -> tuple[Stale, ...]:
    """Everything of a version that does not hold, and why."""
    marks = coverage.stale.get((version.dataset, version.fingerprint), ())
    if dataset.materialization is not Materialization.MERGE:
        return marks
    late = coverage.out_of_turn(version)
    return (*marks, *(Stale(interval=gap, reason=Reason.OUT_OF_TURN) for gap in late))


def _reasons(missing: tuple[Interval, ...], marks: tuple[Stale, ...], *, known: bool) -> tuple[Reason, ...]:
    """Why intervals are missing: because they are marked, or were never there."""
    if not missing:
        return ()
    reasons = [mark.reason for mark in marks if any(_meets(mark, gap) for gap in missing)]
    if not _all_stale(missing, marks):
        reasons.append(Reason.MISSING if known else Reason.NEW_VERSION)
    return tuple(dict.fromkeys(reasons))


def _meets(mark: Stale, gap: Interval) -> bool:
    return mark.interval is not None and mark.interval.overlaps(gap)


def _all_stale(missing: Sequence[Interval], stale: Sequence[Stale]) -> bool:
    """Whether everything missing is missing because it is stale."""
    marked = [mark.interval for mark in stale if mark.interval is not None]
    return not any(subtract(gap, marked) for gap in missing)


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
        action = Action.BUILD if Reason.NEW_VERSION in reasons or missing == () else Action.BACKFILL
    return Step(
        dataset=version.dataset,
        version=version.fingerprint,
        action=action,
        reasons=reasons or (Reason.UP_TO_DATE,),
        missing=missing,
    )


def _related(project: Project, dataset: Dataset) -> set[str]:
    """What a contract relates a dataset to, and what lies beneath views among that: its rows are looked for there."""
    named = [name for name in (dataset.contract.related if dataset.contract else ()) if name in project.datasets]
    views = [name for name in named if project.datasets[name].materialization is Materialization.VIEW]
    return {*named, *(other for name in views for other in rows_beneath(project, project.datasets[name]))}


def _precedes(other: Slice, piece: Slice) -> bool:
    """Whether what `piece` refers to may stand in `other`: in any that does not begin after it ends."""
    if other.interval is None or piece.interval is None:
        return True
    return other.interval.start < piece.interval.end


def _number(
    dataset: Dataset,
    slices: tuple[Slice, ...],
    version: Version,
    first: int,
    before: tuple[list[Work], list[Work]],
    inputs: str,
) -> Iterator[Work]:
    """Work items of a dataset, after what is made of what it reads and of what its contract relates it to (`before`).

    A merge's slices wait for each other: of two rows with one key the later stays."""
    in_turn = dataset.materialization is Materialization.MERGE
    upstream, related = before
    for number, piece in enumerate(slices, first):
        read = {work.number for work in upstream if _feeds(work.slice, piece)}
        after = tuple(sorted(read | {work.number for work in related if _precedes(work.slice, piece)}))
        if in_turn and number > first:
            after = (*after, number - 1)
        yield Work(number=number, slice=piece, version=version, after=after, inputs=inputs)


def _feeds(upstream: Slice, piece: Slice) -> bool:
    """Whether `piece` must wait: always, unless both have intervals and these do not meet."""
    if upstream.interval is None or piece.interval is None:
        return True
    return upstream.interval.overlaps(piece.interval)
