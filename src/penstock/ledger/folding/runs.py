"""The tables made of `ledger/facts/runs.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.ledger.facts.runs import (
    SCHEDULE,
    BackfillRequested,
    FilesRestated,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunStarted,
    SchedulePaused,
    ScheduleSet,
    TriggerSeen,
)
from penstock.ledger.operations import put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

MOST_PRIORITY = 1_000_000
TABLES: Tables = {
    "runs": (
        ("run",),
        ("trigger", "key", "pipeline", "datasets", "environment", "until", "priority", "asked_by", "request", "queue",
         "purpose", "plan", "tasks", "state", "cancel", "reason", "queued_at", "started_at", "finished_at"),
    ),
    "schedules": (("pipeline",), ("schedule", "since", "position", "paused", "paused_by")),
    "triggers": (("pipeline", "trigger"), ("key", "at")),
    "backfills": (("backfill",), ("plan", "asked_by", "reason", "at")),
    "stale": (("dataset", "version", "start", "end"), ("backfill", "reason", "seq")),
}  # fmt: skip


def _run_queued(fact: RunQueued, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "runs", run=fact.run, trigger=fact.trigger, key=fact.key, pipeline=fact.pipeline, datasets=fact.datasets,
        environment=fact.environment, until=fact.until, priority=fact.priority, asked_by=fact.by,
        request=fact.request, queue=f"{MOST_PRIORITY - fact.priority:07d}/{entry.seq:012d}", state="queued",
        reason="", queued_at=entry.at,
    )  # fmt: skip
    if fact.trigger == SCHEDULE:
        return (row, put("schedules", pipeline=fact.pipeline, position=fact.key))
    if ":" in fact.trigger:
        return (row, put("triggers", pipeline=fact.pipeline, trigger=fact.trigger, key=fact.key, at=entry.at))
    return (row,)


def _run_cancel_requested(fact: RunCancelRequested, _entry: Entry) -> tuple[Operation, ...]:
    return (put("runs", run=fact.run, cancel=fact.by),)


def _schedule_set(fact: ScheduleSet, _entry: Entry) -> tuple[Operation, ...]:
    return (put("schedules", pipeline=fact.pipeline, schedule=fact.schedule, since=fact.since, position=None),)


def _schedule_paused(fact: SchedulePaused, _entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "schedules", pipeline=fact.pipeline, paused=fact.paused, paused_by=fact.by, since=fact.since, position=None
    )
    return (row,)


def _trigger_seen(fact: TriggerSeen, entry: Entry) -> tuple[Operation, ...]:
    return (put("triggers", pipeline=fact.pipeline, trigger=fact.trigger, key=fact.key, at=entry.at),)


def _backfill_requested(fact: BackfillRequested, entry: Entry) -> tuple[Operation, ...]:
    row = put("backfills", backfill=fact.backfill, plan=fact.plan, asked_by=fact.by, reason=fact.reason, at=entry.at)
    stale = [
        put(
            "stale", dataset=dataset, version=version, start=start, end=end, backfill=fact.backfill, reason=reason,
            seq=entry.seq,
        )
        for dataset, version, start, end, reason in json.loads(fact.stale)
    ]  # fmt: skip
    return (row, *stale)


def _files_restated(fact: FilesRestated, entry: Entry) -> tuple[Operation, ...]:
    return tuple(
        put(
            "stale", dataset=dataset, version=version, start=start, end=end, backfill=fact.restatement, reason=reason,
            seq=entry.seq,
        )
        for dataset, version, start, end, reason in json.loads(fact.stale)
    )  # fmt: skip


def _run_started(fact: RunStarted, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "runs", run=fact.run, purpose=fact.purpose, plan=fact.plan, tasks=fact.tasks, state="running",
        reason="", started_at=entry.at, finished_at=None,
    )  # fmt: skip
    return (row,)


def _run_finished(fact: RunFinished, entry: Entry) -> tuple[Operation, ...]:
    return (put("runs", run=fact.run, state=fact.state, reason=fact.reason, finished_at=entry.at),)


FOLDS: Folds = {
    RunQueued: _run_queued,
    RunCancelRequested: _run_cancel_requested,
    ScheduleSet: _schedule_set,
    SchedulePaused: _schedule_paused,
    TriggerSeen: _trigger_seen,
    BackfillRequested: _backfill_requested,
    FilesRestated: _files_restated,
    RunStarted: _run_started,
    RunFinished: _run_finished,
}
