"""When schedules start runs: a pure state machine over pipelines, the ledger's positions and the wall clock.

Invariants:

- A fire counts only if it lies after its pipeline's position, and the position never goes back. It is the newest fire
  that was queued; before the first one it is the moment at which the schedule was first seen, edited or resumed. So
  an edit makes no past runs, fires missed during a pause are not made up, and a clock set back fires nothing twice.
- A clock set forward, a machine asleep and a scheduler that did not run are one thing: fires were missed, and
  `catchup` says what is done about them. With `all` each one becomes a run, in order; with `last` the newest alone;
  with `none` the newest, if it is no more than `LATE` late, so that a short restart costs nothing.
- What is missed under `last` and `none` leaves no fact: the position moves with the next run that is queued.
- A run is named by what it is to do (`run_id`), so two schedulers, or a retry, ask for the same run and not for two.
- A tick looks only at pipelines that are due.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.ledger.facts import RunQueued, SchedulePaused, ScheduleSet
from penstock.ledger.facts.runs import SCHEDULE
from penstock.model.intervals import parse_moment, stamp
from penstock.model.pipelines import CatchUp
from penstock.model.schedule import latest_fire, next_fire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from penstock.ledger.journal import Entry, Value
    from penstock.model.pipelines import Pipeline
    from penstock.model.schedule import Schedule

LATE = timedelta(minutes=5)
"""How late a fire may be and still count as on time where missed ones are not made up."""
MOST_AT_ONCE = 1_000
"""How many runs one tick asks for; the oldest fires come first, the rest with the next tick."""
BY = "scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A run that something other than a person asks for: `key` says which occasion of the `trigger` it is of.

    `until` is the moment up to which data counts as arrived; `definition` digests what the pipeline's datasets are.
    """

    pipeline: str
    trigger: str
    key: str
    until: datetime
    environment: str
    definition: str
    priority: int = 0

    @property
    def run(self) -> str:
        """The run's id."""
        return run_id(self.pipeline, self.trigger, self.key, self.environment, self.definition)

    def fact(self) -> RunQueued:
        """What the ledger is told; a second time changes nothing there."""
        return RunQueued(
            run=self.run,
            trigger=self.trigger,
            key=self.key,
            pipeline=self.pipeline,
            datasets="",
            environment=self.environment,
            until=stamp(self.until),
            priority=self.priority,
            by=BY,
        )


def run_id(pipeline: str, trigger: str, key: str, environment: str, definition: str) -> str:
    """The name of a logical run: equal for whoever asks for it.

    >>> run_id("sales", "schedule", "2024-03-01T06:00:00Z", "prod", "d3")
    'rc781665a22f14f3'
    """
    parts = json.dumps([pipeline, trigger, key, environment, definition])
    return "r" + hashlib.sha256(parts.encode()).hexdigest()[:15]


def definitions_of(versions: Mapping[str, str]) -> dict[str, str]:
    """Each pipeline's definition: a digest of its datasets' versions (dataset to fingerprint)."""
    lines: dict[str, list[str]] = {}
    for dataset, version in sorted(versions.items()):
        lines.setdefault(dataset.partition(".")[0], []).append(f"{dataset}@{version}")
    return {name: hashlib.sha256("\n".join(each).encode()).hexdigest()[:16] for name, each in lines.items()}


def schedule_text(pipeline: Pipeline) -> str:
    """A pipeline's schedule as the ledger keeps it; empty if it has none, or its file pauses it."""
    schedule = None if pipeline.paused else pipeline.schedule
    return f"{schedule.text} {schedule.timezone}" if schedule else ""


@dataclass(slots=True)
class _Standing:
    """What is known of one pipeline's schedule. `turn` tells the entry of the heap that counts from older ones."""

    text: str
    position: datetime | None
    paused: bool
    turn: int = 0

    def move(self, moment: datetime) -> bool:
        """Bring the position forward; whether that changed it."""
        if self.position is not None and moment <= self.position:
            return False
        self.position = moment
        return True


class Scheduler:
    """The fires of all pipelines, in order. Not for several threads at once.

    What `adopt` and `tick` return must be recorded before anything else is asked; if that fails, make a new Scheduler.
    """

    def __init__(self, environment: str, schedules: Iterable[Mapping[str, Value]]) -> None:
        """`schedules` are the rows of the ledger's table of that name."""
        self._environment = environment
        self._standing = {str(row["pipeline"]): _standing(row) for row in schedules}
        self._pipelines: Mapping[str, Pipeline] = {}
        self._definitions: Mapping[str, str] = {}
        self._heap: list[tuple[datetime, str, int]] = []

    def adopt(
        self, pipelines: Mapping[str, Pipeline], definitions: Mapping[str, str], now: datetime
    ) -> tuple[ScheduleSet, ...]:
        """Take up the pipelines as they are now, and their definitions; what is new, edited or gone is returned."""
        before, self._pipelines, self._definitions = self._pipelines, pipelines, definitions
        changes = []
        for name in sorted({*pipelines, *self._standing}):
            text = schedule_text(pipelines[name]) if name in pipelines else ""
            standing = self._standing.setdefault(name, _Standing(text="", position=None, paused=False))
            edited = standing.text != text
            if edited:
                standing.text = text
                standing.move(now)
                changes.append(ScheduleSet(pipeline=name, schedule=text, since=stamp(standing.position or now)))
            if edited or name not in before:
                self._plan(name, standing)
        return tuple(changes)

    def observe(self, entries: Iterable[Entry]) -> None:
        """Take in what was recorded, by this scheduler or by others: runs queued, pauses, edits."""
        for entry in entries:
            if entry.kind not in _OBSERVED:
                continue
            fact = entry.fact
            if isinstance(fact, SchedulePaused):
                standing = self._standing.setdefault(fact.pipeline, _Standing(text="", position=None, paused=False))
                standing.paused = bool(fact.paused)
                standing.move(parse_moment(fact.since))
                self._plan(fact.pipeline, standing)
            elif isinstance(fact, RunQueued) and fact.trigger == SCHEDULE:
                self._moved(fact.pipeline, fact.key)
            elif isinstance(fact, ScheduleSet):
                self._moved(fact.pipeline, fact.since)

    def tick(self, now: datetime) -> tuple[Due, ...]:
        """The runs that are due, oldest fire first; with many missed ones `next_wake` says to ask again at once."""
        due: list[Due] = []
        while len(due) < MOST_AT_ONCE and (fire := self._first()) is not None and fire <= now:
            _, name, _ = heapq.heappop(self._heap)
            due.extend(self._fired(name, fire, now))
        return tuple(due)

    def next_wake(self, now: datetime) -> datetime | None:
        """When to tick again: the next fire, at once if one is due, or None if nothing is scheduled."""
        fire = self._first()
        return None if fire is None else max(fire, now)

    def _fired(self, name: str, fire: datetime, now: datetime) -> tuple[Due, ...]:
        """What a pipeline's fire comes to; its position moves, and its next fire is planned."""
        pipeline, standing = self._pipelines[name], self._standing[name]
        assert pipeline.schedule is not None  # noqa: S101 - else it would not be in the heap
        if pipeline.catchup is not CatchUp.ALL:
            fire = latest_fire(pipeline.schedule, fire, now) or fire
        standing.move(fire)
        self._plan(name, standing)
        if pipeline.catchup is CatchUp.NONE and now - fire > LATE:
            return ()
        due = Due(
            pipeline=name,
            trigger=SCHEDULE,
            key=stamp(fire),
            until=fire,
            environment=self._environment,
            definition=self._definitions.get(name, ""),
            priority=pipeline.priority,
        )
        return (due,)

    def _moved(self, name: str, moment: str) -> None:
        standing = self._standing.get(name)
        if standing is not None and standing.move(parse_moment(moment)):
            self._plan(name, standing)

    def _plan(self, name: str, standing: _Standing) -> None:
        """Put the pipeline's next fire into the heap, in place of what was there."""
        standing.turn += 1
        schedule = _schedule_of(self._pipelines.get(name))
        if schedule is None or standing.paused or standing.position is None:
            return
        heapq.heappush(self._heap, (next_fire(schedule, standing.position), name, standing.turn))

    def _first(self) -> datetime | None:
        """The heap's first fire that still counts."""
        while self._heap and self._heap[0][2] != self._standing[self._heap[0][1]].turn:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


_OBSERVED = frozenset(kind.__name__ for kind in (RunQueued, SchedulePaused, ScheduleSet))


def _standing(row: Mapping[str, Value]) -> _Standing:
    reached = row["position"] or row["since"]
    return _Standing(
        text=str(row["schedule"] or ""),
        position=parse_moment(str(reached)) if reached else None,
        paused=bool(row["paused"]),
    )


def _schedule_of(pipeline: Pipeline | None) -> Schedule | None:
    """The schedule by which a pipeline runs, if it has one and its file does not pause it."""
    return None if pipeline is None or pipeline.paused else pipeline.schedule
