"""What somebody wants run, as it waits in the ledger: asked once, found by whoever executes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine.run import BY_SIGNAL
from penstock.engine.states import RunState
from penstock.ledger.facts import RunQueued
from penstock.ledger.facts.runs import SCHEDULE
from penstock.model.intervals import Interval, parse_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.ledger.journal import Journal, Value

MANUAL, BACKFILL, RETRY = "manual", "backfill", "retry"
ENDED = frozenset({RunState.PUBLISHED, RunState.FAILED, RunState.CANCELLED, RunState.NOTHING})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that is wanted: of a pipeline, of chosen datasets, or of everything (neither).

    `trigger` and `key` say what asked, and on which occasion: equal requests are one run. `until` is the moment up to
    which data counts as arrived; with a `window`, intervals outside it are left alone. `known_as` is the id under which
    the ledger knows it already.
    """

    trigger: str
    key: str
    environment: str
    until: datetime
    pipeline: str = ""
    datasets: tuple[str, ...] = ()
    definition: str = ""
    window: Interval | None = None
    priority: int = 0
    by: str = ""
    known_as: str = ""

    @property
    def run(self) -> str:
        """The id of the logical run: what asked, when, of what, by which definition, for which environment."""
        if self.known_as:
            return self.known_as
        parts = [self.trigger, self.key, self.pipeline, sorted(self.datasets), self.environment, self.definition]
        return "r" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:15]

    @property
    def occasion(self) -> str:
        """What asked and what for, in a few words."""
        of = self.pipeline or (f"{len(self.datasets)} dataset(s)" if self.datasets else "everything")
        return f"{self.trigger} {self.key}, {of}" if self.trigger == SCHEDULE else f"{self.trigger}, {of}"

    def fact(self) -> RunQueued:
        """What is recorded of it."""
        window = str(self.window) if self.window else ""
        return RunQueued(
            run=self.run,
            trigger=self.trigger,
            key=self.key,
            pipeline=self.pipeline,
            datasets=json.dumps(sorted(self.datasets)) if self.datasets else "",
            environment=self.environment,
            until=stamp(self.until),
            priority=self.priority,
            by=self.by,
            request=json.dumps({"definition": self.definition, "window": window}, sort_keys=True),
        )


def read_request(row: Mapping[str, Value]) -> RunRequest | None:
    """The request of a row of `runs`; None for a run that nobody queued (a delivery's own)."""
    if row["trigger"] is None:
        return None
    more = json.loads(str(row["request"] or "{}"))
    return RunRequest(
        trigger=str(row["trigger"]),
        key=str(row["key"]),
        environment=str(row["environment"]),
        until=parse_moment(str(row["until"])),
        pipeline=str(row["pipeline"] or ""),
        datasets=tuple(json.loads(str(row["datasets"]))) if row["datasets"] else (),
        definition=str(more.get("definition", "")),
        window=Interval.parse(more["window"]) if more.get("window") else None,
        priority=int(row["priority"] or 0),
        by=str(row["asked_by"] or ""),
        known_as=str(row["run"]),
    )


def queued(journal: Journal, most: int) -> tuple[Mapping[str, Value], ...]:
    """The runs that wait, the most urgent first."""
    return journal.rows("runs", state=str(RunState.QUEUED), order="queue", limit=most)


def left_behind(journal: Journal) -> tuple[Mapping[str, Value], ...]:
    """The runs that their executor left when it died or was stopped, in the order in which they were asked for.

    Not those that a person stopped with its process: that person resumes them.
    """
    rows = journal.rows("runs", state=str(RunState.INTERRUPTED), order="queue")
    return tuple(row for row in rows if row["trigger"] is not None and row["reason"] != BY_SIGNAL)


def run_row(journal: Journal, run: str) -> Mapping[str, Value] | None:
    """What the ledger says about a run."""
    rows = journal.rows("runs", run=run)
    return rows[0] if rows else None


def has_ended(row: Mapping[str, Value]) -> bool:
    """Whether a run is over, for good or until somebody retries it."""
    return row["state"] in {str(state) for state in ENDED}
