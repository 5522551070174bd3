"""`schedule`: what would start by itself and when; pausing pipelines, and letting them go on."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from penstock.app.wiring import operator
from penstock.engine.promotion import mapping_of
from penstock.engine.scheduling import Scheduler
from penstock.ledger.facts import SchedulePaused
from penstock.model.clock_changes import clock_changes, firings
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.schedule import fires, next_fire
from penstock.model.schedule_words import describe_trigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from penstock.app.wiring import Workplace
    from penstock.engine.scheduling import Due
    from penstock.ledger.journal import Value
    from penstock.model.clock_changes import Firing
    from penstock.model.pipelines import Pipeline
    from penstock.model.schedule import Schedule

MOST_COUNTED = 100_000
"""Up to how many fires beyond those shown are counted."""
MOST_NOTED = 10


class Standing(StrEnum):
    """Whether a pipeline starts by itself, and if not, why."""

    ACTIVE = "active"
    MANUAL = "manual"
    PAUSED = "paused"
    PAUSED_IN_FILE = "paused in its file"
    NOT_SHOWN = "not in the environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """What one pipeline's schedule and triggers would do from a moment on.

    `due` are the runs that a scheduler would ask for at that moment; `firings` the fires after it and `more` how many
    others there are; `noted` those of the others to which a clock change does something, as far as they were looked
    for; `beyond` is the first fire after the time asked for, where there is none within it.
    """

    pipeline: Pipeline
    standing: Standing
    paused_by: str = ""
    triggers: tuple[str, ...] = ()
    due: tuple[Due, ...] = ()
    firings: tuple[Firing, ...] = ()
    more: int = 0
    noted: tuple[Firing, ...] = ()
    beyond: datetime | None = None


def preview(
    place: Workplace, names: Sequence[str], environment: str, span: timedelta, most: int
) -> tuple[datetime, tuple[Upcoming, ...]]:
    """What would start by itself within `span` from now, up to `most` fires a pipeline; the moment it counts from.

    Raises:
        InputError: there is no pipeline of one of these names.
    """
    pipelines = place.project.pipelines
    _known(pipelines, names)
    now = place.clock.now().replace(microsecond=0)
    rows = {str(row["pipeline"]): row for row in place.ledger.rows("schedules")}
    shown = {name.partition(".")[0] for name in mapping_of(place.ledger, environment)}
    due = _due(pipelines, rows, environment, now)
    found = []
    for name in sorted(names or pipelines):
        pipeline, row = pipelines[name], rows.get(name, {})
        upcoming = Upcoming(
            pipeline=pipeline,
            standing=_standing(pipeline, row, shown if environment == PRODUCTION else {name}),
            paused_by=str(row.get("paused_by") or "") if row.get("paused") else "",
            triggers=tuple(map(describe_trigger, pipeline.triggers)),
        )
        if upcoming.standing is Standing.ACTIVE:
            upcoming = replace(upcoming, due=tuple(each for each in due if each.pipeline == name))
        if upcoming.standing in {Standing.ACTIVE, Standing.NOT_SHOWN} and pipeline.schedule is not None:
            upcoming = _fires(upcoming, pipeline.schedule, now, now + span, most)
        found.append(upcoming)
    return now, tuple(found)


def pause(place: Workplace, pipeline: str, by: str | None, *, paused: bool) -> bool:
    """Pause a pipeline's schedule and triggers, or let them go on; whether that changed anything.

    Raises:
        InputError: there is no such pipeline, or it is its file that pauses it.
    """
    pipelines = place.project.pipelines
    _known(pipelines, (pipeline,))
    if not paused and pipelines[pipeline].paused:
        raise InputError(_paused_in_file(pipelines[pipeline]))
    if paused == any(row["paused"] for row in place.ledger.rows("schedules", pipeline=pipeline)):
        return False
    since = stamp(place.clock.now())
    place.ledger.append(SchedulePaused(pipeline=pipeline, paused=int(paused), by=by or operator(), since=since))
    return True


def _due(
    pipelines: Mapping[str, Pipeline], rows: Mapping[str, Mapping[str, Value]], environment: str, now: datetime
) -> tuple[Due, ...]:
    """What a scheduler that began now would ask for first."""
    scheduler = Scheduler(environment, rows.values())
    scheduler.adopt(pipelines, {}, now)
    return scheduler.tick(now)


def _standing(pipeline: Pipeline, row: Mapping[str, Value], shown: set[str]) -> Standing:
    if pipeline.paused:
        return Standing.PAUSED_IN_FILE
    if row.get("paused"):
        return Standing.PAUSED
    if pipeline.schedule is None and not pipeline.triggers:
        return Standing.MANUAL
    return Standing.ACTIVE if pipeline.name in shown else Standing.NOT_SHOWN


def _fires(upcoming: Upcoming, schedule: Schedule, now: datetime, end: datetime, most: int) -> Upcoming:
    """With the fires after `now` and before `end`."""
    first = next_fire(schedule, now)
    shown = tuple(islice(firings(schedule, first, end), most)) if first < end else ()
    if len(shown) < most:
        return replace(upcoming, firings=shown, beyond=None if shown else first)
    rest = next_fire(schedule, shown[-1].at) if shown else first
    more = sum(1 for _ in islice(fires(schedule, rest, end), MOST_COUNTED))
    return replace(upcoming, firings=shown, more=more, noted=_noted(schedule, rest, end))


def _noted(schedule: Schedule, start: datetime, end: datetime) -> tuple[Firing, ...]:
    """The first fires in `[start, end)` to which a clock change does something."""
    found: list[Firing] = []
    for change in clock_changes(schedule.timezone, start, end):
        around = abs(change.skipped) * 2
        near = firings(schedule, max(start, change.at - around), min(end, change.at + around))
        found += [firing for firing in near if firing.note]
        if len(found) >= MOST_NOTED:
            break
    return tuple(found[:MOST_NOTED])


def _known(pipelines: Mapping[str, Pipeline], names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in pipelines]
    if unknown:
        raise InputError(tuple(_unknown(name, pipelines) for name in unknown))


def _unknown(name: str, pipelines: Mapping[str, Pipeline]) -> Finding:
    close = difflib.get_close_matches(name, sorted(pipelines), n=1)
    return Finding(
        code="project.unknown_pipeline",
        message=f"there is no pipeline {name}",
        found=name,
        expected=f"perhaps {close[0]}" if close else " | ".join(sorted(pipelines)) or "a pipeline of this project",
        remedy="correct the name",
    )


def _paused_in_file(pipeline: Pipeline) -> Finding:
    return Finding(
        code="schedule.paused_in_file",
        message=f"{pipeline.name} is paused by its own file",
        place=Place(file=pipeline.file),
        expected="no `paused: true` there",
        remedy=f"take `paused: true` out of {pipeline.file}",
    )
