"""Asks the ledger for the runs that schedules and triggers want: the one object that a server drives.

Whoever drives it reads the journal's newest number first, makes the `Starter`, and hands it every entry after that
number; entries it knows already change nothing. After an error of the journal it is thrown away and made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.publications import Publications
from penstock.engine.scheduling import Due, Scheduler
from penstock.engine.triggers import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from penstock.engine.triggers import Look, Seen
    from penstock.ledger.facts import RunQueued, TriggerSeen
    from penstock.ledger.journal import Entry, Journal
    from penstock.model.pipelines import Pipeline


class Starter:
    """Schedules and triggers of one environment over one ledger. Not for several threads at once."""

    def __init__(self, journal: Journal, environment: str) -> None:
        schedules = journal.rows("schedules")
        self._journal = journal
        self.scheduler = Scheduler(environment, schedules)
        self.watcher = Watcher(environment, journal.rows("triggers"), schedules)
        self._publications = Publications(environment, journal)

    def adopt(
        self,
        pipelines: Mapping[str, Pipeline],
        definitions: Mapping[str, str],
        now: datetime,
        monotonic: float,
        token: int | None = None,
    ) -> None:
        """Take up the project as it is now: at the start, and whenever its files or its promoted versions changed.

        Raises:
            LeaseLostError: `token` is not the newest.
        """
        changes = self.scheduler.adopt(pipelines, definitions, now)
        self.watcher.adopt(pipelines, definitions, monotonic)
        self._publications.watch(self.watcher.watched())
        if changes:
            self._journal.append(*changes, token=token)

    def observe(self, entries: Iterable[Entry]) -> None:
        """Take in what was recorded since, in order."""
        for entry in entries:
            self.scheduler.observe((entry,))
            self.watcher.observe((entry,))
            self._publications.observe((entry,))

    def queue(self, now: datetime, token: int | None = None) -> tuple[Due, ...]:
        """Queue every run that a schedule's fire or a publish asks for by now; at most `MOST_AT_ONCE` fires.

        Raises:
            LeaseLostError: `token` is not the newest.
        """
        seen = (*self.scheduler.tick(now), *self.watcher.published(self._publications.sights(), now))
        return self._record(seen, token)

    def looks(self, monotonic: float) -> tuple[Look, ...]:
        """The triggers that are to be looked at now, each with `sight_of`, and then to be told of with `saw`."""
        return self.watcher.looks(monotonic)

    def saw(self, look: Look, sight: str, now: datetime, monotonic: float, token: int | None = None) -> tuple[Due, ...]:
        """Queue the run that a look asks for, if it does.

        Raises:
            LeaseLostError: `token` is not the newest.
        """
        seen = self.watcher.saw(look, sight, now, monotonic)
        return self._record((seen,), token) if seen is not None else ()

    def wait(self, now: datetime, monotonic: float, most: float) -> float:
        """How many seconds there is nothing to do, unless entries come: at most `most`."""
        fire, look = self.scheduler.next_wake(now), self.watcher.next_look()
        waits = [most]
        waits += [(fire - now).total_seconds()] if fire is not None else []
        waits += [look - monotonic] if look is not None else []
        return max(min(waits), 0.0)

    def _record(self, seen: Iterable[Seen], token: int | None) -> tuple[Due, ...]:
        facts: list[RunQueued | TriggerSeen] = []
        due = []
        for each in seen:
            facts.append(each.fact() if isinstance(each, Due) else each)
            due += [each] if isinstance(each, Due) else []
        if facts:
            self._journal.append(*facts, token=token)
        return tuple(due)
