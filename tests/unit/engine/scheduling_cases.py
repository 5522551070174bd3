"""Pipelines that start by themselves, and a scheduler that lives, dies and lives again over one ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from penstock.engine.starting import Starter
from penstock.ledger.facts import RunQueued
from penstock.model.pipelines import Pipeline
from penstock.model.schedule import parse_schedule
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from penstock.engine.scheduling import Due

ENVIRONMENT = "prod"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def pipeline(name: str = "sales", schedule: str | None = "0 6 * * *", zone: str = "UTC", **changes: Any) -> Pipeline:
    values: dict[str, Any] = {
        "name": name,
        "file": f"pipelines/{name}/pipeline.yaml",
        "owner": "sales-team",
        "schedule": parse_schedule(schedule, zone) if schedule else None,
        "timezone": zone,
        "start": utc("2024-01-01"),
    }
    return Pipeline(**{**values, **changes})


class Server:
    """A server's part in starting runs, with clocks of its own; `restart` forgets what the ledger does not hold."""

    def __init__(self, now: str, *pipelines: Pipeline, journal: MemoryJournal | None = None) -> None:
        self.now, self.monotonic = utc(now), 1000.0
        self.journal = journal or MemoryJournal(self._at)
        self.pipelines = pipelines
        self.definition = "d1"
        self.restart()

    def _at(self) -> str:
        return self.now.isoformat()

    def restart(self) -> None:
        self.heard = len(list(self.journal.entries()))
        self.starter = Starter(self.journal, ENVIRONMENT)
        self.edit(*self.pipelines)

    def edit(self, *pipelines: Pipeline, definition: str | None = None) -> None:
        """The project's files are others now."""
        self.pipelines, self.definition = pipelines, definition or self.definition
        named = {each.name: each for each in pipelines}
        self.starter.adopt(named, dict.fromkeys(named, self.definition), self.now, self.monotonic)

    def follow(self) -> None:
        """Take in what anybody recorded."""
        entries = list(self.journal.entries(self.heard))
        self.heard += len(entries)
        self.starter.observe(entries)

    def turn(self) -> tuple[Due, ...]:
        """What is queued now, without any time going by; everything that is due."""
        self.follow()
        found = list(self.starter.queue(self.now))
        while self.starter.wait(self.now, self.monotonic, 60) == 0:
            found += self.starter.queue(self.now)
        return tuple(found)

    def until(self, moment: str, step: timedelta = MINUTE) -> list[str]:
        """Let time go by, turning every `step`; the keys of what was queued."""
        keys = []
        while self.now < utc(moment):
            self.now += step
            self.monotonic += step.total_seconds()
            keys += [due.key for due in self.turn()]
        return keys

    def queued(self) -> list[RunQueued]:
        """Every run that the ledger was asked for, in order."""
        facts = (entry.fact for entry in self.journal.entries())
        return [fact for fact in facts if isinstance(fact, RunQueued)]

    def keys(self) -> list[str]:
        return [fact.key for fact in self.queued()]
