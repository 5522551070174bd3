"""`backfill`: what would be built again, under a digest; and doing it, if that is still what would be done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.app.executing import Desk
from penstock.app.planning import arrived_whole, chosen, history
from penstock.app.running import SHORTEST_DIGEST, Ran, Runner
from penstock.app.wiring import operator
from penstock.engine.requests import BACKFILL, RunRequest
from penstock.ledger.facts import BackfillRequested
from penstock.model.connectors import ConnectorSource
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.pipelines import Materialization
from penstock.plan.backfill import Backfill, plan_backfill, too_early
from penstock.plan.build import Reason
from penstock.plan.estimate import estimates, seconds_of
from penstock.plan.horizons import horizons_of
from penstock.plan.restating import readers_of, restated_marks
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.app.running import Follower
    from penstock.app.wiring import Workplace
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.plan.build import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants built again: pipelines or datasets by name, a window, and where it is shown."""

    names: tuple[str, ...]
    window: Interval
    environment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A backfill as it would be done now. `seconds` is what its work took before, None where some of it never ran.

    `merged` are those of its datasets that are merged by key: rows whose keys no longer come stay in them.
    """

    backfill: Backfill
    request: RunRequest
    seconds: float | None
    merged: tuple[str, ...] = ()


def propose(place: Workplace, asked: Asked) -> Proposal:
    """What building these again within a window would do.

    Raises:
        InputError: a name is unknown, a source file that would be read is broken or missing, or what would be built is
            past its retention, or what it is built of.
        RefusedError: production shows other versions than the working tree has.
    """
    datasets = chosen(place.project, asked.names)
    if not datasets:
        raise InputError(_nothing_named())
    grown = [name for name in datasets if place.project.datasets[name].materialization is Materialization.APPEND]
    if grown:
        raise InputError(tuple(_only_grows(place.project.datasets[name]) for name in grown))
    now, ledger = place.clock.now(), place.ledger
    gone = too_early(place.project, datasets, asked.window, horizons_of(ledger.rows("horizons")))
    if gone:
        raise InputError(tuple(_past_retention(name, first, asked.window) for name, first in sorted(gone.items())))
    desk = Desk(place)
    backfill = plan_backfill(
        place.project,
        datasets,
        asked.window,
        ledger.rows("coverage"),
        ledger.rows("stale"),
        until=now,
        arrived=arrived_whole(place.root, place.project, min(now, asked.window.end)),
        horizons=ledger.rows("horizons"),
    )
    if not any(work.slice.dataset in datasets for work in backfill.plan.works):
        raise InputError(_nothing_there(datasets, asked.window))
    key = "b" + hashlib.sha256(f"{backfill.digest} {now.isoformat()}".encode()).hexdigest()[:15]
    request = RunRequest(
        trigger=BACKFILL,
        key=key,
        environment=asked.environment,
        until=now,
        datasets=backfill.datasets,
        window=backfill.window,
        by=operator(),
    )
    files = desk.look_at_sources(desk.order_of(request, backfill.plan))
    backfill = replace(backfill, rests_on=(*backfill.rests_on, *files))
    found = estimates(backfill.plan, history(ledger, backfill.plan))
    kinds = {name: place.project.datasets[name].materialization for name in backfill.datasets}
    return Proposal(
        backfill=backfill,
        request=request,
        seconds=seconds_of(backfill.plan, found, place.project.settings.parallel),
        merged=tuple(name for name, kind in kinds.items() if kind is Materialization.MERGE),
    )


def submit(place: Workplace, asked: Asked, digest: str, reason: str, follower: Follower) -> Ran:
    """Mark what a backfill restates as stale, and build it.

    What a dead executor left open is settled first: what it published before the marks must not count as built after.

    Raises:
        RefusedError: the plan is another one than the one whose digest is given; nothing was recorded.
    """
    if place.may_hold():
        place.settle()
    proposal = propose(place, asked)
    found = proposal.backfill.digest
    if not found.startswith(digest) or len(digest) < SHORTEST_DIGEST:
        raise RefusedError(_moved(digest, found))
    marks = {*proposal.backfill.marks, *_elsewhere(place, proposal, asked)}
    requested = BackfillRequested(
        backfill=proposal.request.key,
        plan=found,
        by=operator(),
        reason=reason,
        stale=json.dumps([list(mark) for mark in sorted(marks)]),
    )
    place.ledger.append(requested, proposal.request.fact())
    return Runner(place, follower).run(proposal.request)


def _elsewhere(place: Workplace, proposal: Proposal, asked: Asked) -> tuple[Mark, ...]:
    """What of other environments reads the same versions: nobody else would tell them that their rows are others."""
    project, window = place.project, asked.window
    versions = versions_of(project)
    datasets = chosen(project, asked.names)
    whole = {
        (name, versions[name].fingerprint): (
            window.widened(by.grain) if (by := project.datasets[name].interval) else window,
        )
        for name in datasets
    }
    own = {(name, version.fingerprint) for name, version in versions.items()}
    readers = readers_of(place.ledger.rows("versions"), project, versions)
    found = restated_marks(whole, readers, proposal.request.until)
    return tuple(
        (dataset, version, start, end, str(Reason.UPSTREAM_AGAIN))
        for dataset, version, start, end, _ in found
        if (dataset, version) not in own
    )


def _nothing_named() -> Finding:
    return Finding(
        code="backfill.nothing_named",
        message="nothing is named that should be built again",
        expected="the names of datasets or pipelines",
        remedy="penstock backfill sales.orders --start 2011-01-03 --end 2011-01-05",
    )


def _nothing_there(datasets: tuple[str, ...], window: Interval) -> Finding:
    return Finding(
        code="backfill.nothing_there",
        message=f"nothing of {', '.join(datasets)} lies in {window}",
        place=Place(dataset=datasets[0]),
        expected="a window that meets the pipeline's time, from its `start` to its `end` or to now",
        remedy="penstock runs and penstock explain DATASET show which intervals there are",
    )


def _only_grows(dataset: Dataset) -> Finding:
    is_read = isinstance(dataset.task, ConnectorSource)
    anew = f"give another `reload: N` in {dataset.file}" if is_read else "change its query"
    return Finding(
        code="backfill.append",
        message=f"{dataset.name} only ever grows: rows that were added are never made again",
        place=Place(file=dataset.file, dataset=dataset.name),
        expected="datasets that are made whole, by interval or by key",
        remedy=f"{anew} to make it anew as another version, or keep it by `materialize: merge`",
    )


def _past_retention(name: str, first: datetime, window: Interval) -> Finding:
    return Finding(
        code="backfill.expired",
        message=f"{name} before {stamp(first)} cannot be built: it is past its retention, or what it is built of is",
        place=Place(dataset=name),
        found=f"a window from {stamp(window.start)}",
        expected=f"a window from {stamp(first)} on",
        remedy=f"give --start {stamp(first)} or later; penstock expire shows what was deleted, and why",
    )


def _moved(digest: str, found: str) -> Finding:
    return Finding(
        code="backfill.moved",
        message="what would be built is not what was looked at: the project or what is built has changed since",
        found=found[:SHORTEST_DIGEST],
        expected=digest,
        remedy="look at the plan again (the same command without --digest), then give its digest",
    )
