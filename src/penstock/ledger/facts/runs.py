"""What is asked of the executor, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

SCHEDULE = "schedule"
"""The trigger of a run that a schedule asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued:
    """Somebody, or a schedule, wants a run. Recorded once for each `run`: asking again changes nothing.

    `trigger` says what asked (`manual`, `schedule`, `dataset:…`, `files:…`, `sql:…`, `backfill`, `retry`), `key` which
    of its occasions (a fire time, a digest). `pipeline` is empty when the run is of chosen `datasets` (a JSON list;
    empty: of everything). `until` is the moment up to which data counts as arrived; `request` holds more as JSON.
    """

    run: str
    trigger: str
    key: str
    pipeline: str
    datasets: str
    environment: str
    until: str
    priority: int
    by: str
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelRequested:
    """Somebody wants a run to stop; whoever executes it sees to that. Without `by` it is wanted again."""

    run: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet:
    """A pipeline's schedule as the scheduler saw it first, or anew after an edit: only fires after `since` count."""

    pipeline: str
    schedule: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePaused:
    """A person paused a pipeline's schedule and triggers, or let them go on (`paused` 0) from `since`."""

    pipeline: str
    paused: int
    by: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSeen:
    """What a trigger saw last without asking for a run: its `key` counts as known."""

    pipeline: str
    trigger: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequested:
    """Intervals are to be built again. `stale` holds rows of [dataset, version, start, end, reason] as JSON."""

    backfill: str
    plan: str
    by: str
    reason: str
    stale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRestated:
    """Files of sources are others than those that landed. `stale` as in `BackfillRequested`, `files` how many."""

    restatement: str
    stale: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run was requested, or taken up again after its executor died. `run` is unique by what it is to do."""

    run: str
    purpose: str
    plan: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended: `published`, `failed` with the first reason, `cancelled`, `interrupted`, or `nothing` to do."""

    run: str
    state: str
    reason: str = ""
