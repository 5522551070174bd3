"""What starts pipelines besides schedules: a dataset was published, files arrived, a query says so. Pure.

Invariants:

- What a look finds is a `sight`, a short digest. Another sight than the known one is an occasion; the known one stands
  in the ledger, so nothing is lost over a restart. The first look of all is an occasion.
- `NOTHING` (no file, a value that is false) is remembered and starts no run: what comes back after it is an occasion.
- The key of an occasion holds its sight and the key before it, so the same sight twice is two occasions, while two
  watchers that know the same make the same key and therefore the same run.
- What is seen while a pipeline is paused is remembered and starts no run, then or later.
- Looks go by the monotonic clock; the wall clock only says up to when data counts as arrived.
"""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.engine.scheduling import Due
from penstock.ledger.facts import RunQueued, SchedulePaused, TriggerSeen
from penstock.model.pipelines import DatasetTrigger, FilesTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from penstock.ledger.journal import Entry, Value
    from penstock.model.pipelines import Pipeline, SqlTrigger, Trigger

NOTHING = "nothing"
"""The sight of no file at all, or of a value that is false."""
Seen = Due | TriggerSeen


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FileSeen:
    """A file that matches: its name relative to the project, its size in bytes, its time of change in nanoseconds."""

    name: str
    size: int
    changed: int


class Folder(Protocol):
    """Looks at a project's files without reading them."""

    def matching(self, pattern: str) -> tuple[FileSeen, ...]:
        """The plain files beneath the project that match a pattern.

        Raises:
            PenstockError: the folder cannot be read.
        """
        ...


class Questions(Protocol):
    """Asks the datasets that an environment shows."""

    def ask(self, sql: str) -> object:
        """The one value of a query.

        Raises:
            PenstockError: it has more values or none, reads what is not shown, or failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A trigger whose files or query are to be looked at now. `name` is that of the trigger in the ledger."""

    pipeline: str
    name: str
    trigger: FilesTrigger | SqlTrigger


def trigger_name(trigger: Trigger) -> str:
    """A trigger's name in the ledger: what it watches, however often."""
    if isinstance(trigger, DatasetTrigger):
        return f"dataset:{trigger.dataset}"
    if isinstance(trigger, FilesTrigger):
        return f"files:{trigger.path}"
    return f"sql:{_digest(trigger.sql.strip())}"


def sight_of(look: Look, folder: Folder, questions: Questions) -> str:
    """Look: what a trigger's files or query are now. Touches no state, so several may look at once.

    Raises:
        PenstockError: it could not be looked at; the next look may succeed.
    """
    if isinstance(look.trigger, FilesTrigger):
        return sight_of_files(folder.matching(look.trigger.path))
    return sight_of_value(questions.ask(look.trigger.sql))


def sight_of_files(files: Iterable[FileSeen]) -> str:
    """The digest of files' names, sizes and times of change, in whatever order they come."""
    lines = [f"{file.name}\0{file.size}\0{file.changed}" for file in sorted(files)]
    return _digest("\n".join(lines)) if lines else NOTHING


def sight_of_value(value: object) -> str:
    """The digest of a value, or `NOTHING` if it is false (NULL, 0, an empty text)."""
    return _digest(f"{type(value).__name__} {value!r}") if value else NOTHING


def sight_of_publish(version: str, seq: int) -> str:
    """The digest of what a dataset shows: its version, and the newest publish into it."""
    return _digest(f"{version} {seq}")


@dataclass(slots=True)
class _Watch:
    """One trigger of one pipeline: the key it knows, its next look, the sight that is settling, and since when."""

    pipeline: str
    name: str
    trigger: Trigger
    known: str | None = None
    look_at: float | None = None
    settling: str | None = None
    since: float = 0.0


class Watcher:
    """The triggers of all pipelines. Not for several threads at once, but `sight_of` may run in any.

    What `saw` and `published` return must be recorded before anything else is asked; if that fails, make a new Watcher.
    """

    def __init__(
        self, environment: str, triggers: Iterable[Mapping[str, Value]], schedules: Iterable[Mapping[str, Value]]
    ) -> None:
        """`triggers` and `schedules` are the rows of the ledger's tables of these names."""
        self._environment = environment
        self._known = {(str(row["pipeline"]), str(row["trigger"])): str(row["key"]) for row in triggers}
        self._paused = {str(row["pipeline"]) for row in schedules if row["paused"]}
        self._pipelines: Mapping[str, Pipeline] = {}
        self._definitions: Mapping[str, str] = {}
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._waiting: dict[str, list[_Watch]] = {}
        self._heap: list[tuple[float, int, _Watch]] = []
        self._number = 0

    def adopt(self, pipelines: Mapping[str, Pipeline], definitions: Mapping[str, str], monotonic: float) -> None:
        """Take up the pipelines as they are now, and their definitions; new triggers are looked at at once."""
        self._pipelines, self._definitions = pipelines, definitions
        before, self._watches, self._waiting = self._watches, {}, {}
        for name, pipeline in sorted(pipelines.items()):
            for trigger in pipeline.triggers:
                place = (name, trigger_name(trigger))
                standing = before.pop(place, None)
                if standing is None or standing.trigger != trigger:
                    self._forget(standing)
                    standing = _Watch(pipeline=name, name=place[1], trigger=trigger, known=self._known.get(place))
                    self._look_again(standing, monotonic)
                self._watches[place] = standing
                if isinstance(trigger, DatasetTrigger):
                    self._waiting.setdefault(trigger.dataset, []).append(standing)
        for watch in before.values():
            self._forget(watch)

    def observe(self, entries: Iterable[Entry]) -> None:
        """Take in what was recorded, by this watcher or by others: occasions, pauses."""
        for entry in entries:
            if entry.kind not in _OBSERVED:
                continue
            fact = entry.fact
            if isinstance(fact, SchedulePaused):
                (self._paused.add if fact.paused else self._paused.discard)(fact.pipeline)
            elif isinstance(fact, RunQueued | TriggerSeen) and ":" in fact.trigger:
                self._know((fact.pipeline, fact.trigger), fact.key)

    def looks(self, monotonic: float) -> tuple[Look, ...]:
        """The triggers on files and queries whose time has come; each is due again after its `every`."""
        found = []
        while (at := self.next_look()) is not None and at <= monotonic:
            watch = heapq.heappop(self._heap)[2]
            assert not isinstance(watch.trigger, DatasetTrigger)  # noqa: S101 - those are not in the heap
            found.append(Look(pipeline=watch.pipeline, name=watch.name, trigger=watch.trigger))
            self._look_again(watch, monotonic + watch.trigger.every.total_seconds())
        return tuple(found)

    def next_look(self) -> float | None:
        """When `looks` has something to say again, on the monotonic clock, or None if nothing is to be looked at."""
        while self._heap and self._heap[0][2].look_at != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def saw(self, look: Look, sight: str, now: datetime, monotonic: float) -> Seen | None:
        """What a look comes to: a run, something to remember, or nothing yet."""
        watch = self._watches.get((look.pipeline, look.name))
        if watch is None:
            return None  # the project was edited in the meantime
        if isinstance(look.trigger, FilesTrigger) and not self._settled(watch, look.trigger, sight, monotonic):
            return None
        return self._occasion(watch, sight, now)

    def watched(self) -> frozenset[str]:
        """The datasets that triggers wait for."""
        return frozenset(self._waiting)

    def published(self, sights: Mapping[str, str], now: datetime) -> tuple[Seen, ...]:
        """What comes of datasets that may have been published: dataset to sight (`sight_of_publish`)."""
        seen = (self._occasion(watch, sights[name], now) for name in sights for watch in self._waiting.get(name, ()))
        return tuple(each for each in seen if each is not None)

    def _settled(self, watch: _Watch, trigger: FilesTrigger, sight: str, monotonic: float) -> bool:
        """Whether files have been the same for long enough; if not, they are looked at again when they may have."""
        if watch.settling != sight:
            watch.settling, watch.since = sight, monotonic
            if trigger.settle < trigger.every:
                self._look_again(watch, monotonic + trigger.settle.total_seconds())
        return monotonic - watch.since >= trigger.settle.total_seconds()

    def _occasion(self, watch: _Watch, sight: str, now: datetime) -> Seen | None:
        if sight == _sight_in(watch.known) or (sight == NOTHING and watch.known is None):
            return None
        key = f"{sight}-{_digest(f'{watch.known} {sight}')[:6]}"
        self._know((watch.pipeline, watch.name), key)
        pipeline = self._pipelines[watch.pipeline]
        if sight == NOTHING or pipeline.paused or watch.pipeline in self._paused:
            return TriggerSeen(pipeline=watch.pipeline, trigger=watch.name, key=key)
        return Due(
            pipeline=watch.pipeline,
            trigger=watch.name,
            key=key,
            until=now,
            environment=self._environment,
            definition=self._definitions.get(watch.pipeline, ""),
            priority=pipeline.priority,
        )

    def _know(self, place: tuple[str, str], key: str) -> None:
        self._known[place] = key
        if place in self._watches:
            self._watches[place].known = key

    def _look_again(self, watch: _Watch, at: float) -> None:
        """Plan a watch's next look, in place of the one that was planned."""
        if not isinstance(watch.trigger, DatasetTrigger):
            watch.look_at = at
            self._number += 1
            heapq.heappush(self._heap, (at, self._number, watch))

    def _forget(self, watch: _Watch | None) -> None:
        if watch is not None:
            watch.look_at = None


_OBSERVED = frozenset(kind.__name__ for kind in (RunQueued, SchedulePaused, TriggerSeen))


def _sight_in(key: str | None) -> str | None:
    """The sight that a key was made of."""
    return None if key is None else key.partition("-")[0]


def _digest(text: str) -> str:
    """Names of files may hold what is no UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
