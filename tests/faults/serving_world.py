"""A project whose schedules have missed many fires, and as many `penstock serve` processes on it as one likes.

Each fire's run builds its own hour of every dataset of its pipeline, so what was done twice, or for another run, shows.
The schedules' past is written into the ledger before the first process starts, as if one had run long ago.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from penstock.app.wiring import workplace
from penstock.engine.scheduling import schedule_text
from penstock.ledger.facts import ScheduleSet
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = ("north", "south", "west")
APPENDED, POOLED = "log", "west"
DATASETS = (*PARTS, "total", APPENDED)
CONCURRENCY, PARALLEL, POOL = 2, 3, 1
"""How many attempts at once of a pipeline, of all, and of the datasets that share the pool."""
HOUR = timedelta(hours=1)
HOLDER = re.compile(r"process (\d+)")
LOOK_EVERY = 0.005
PATIENCE = 120.0
"""Seconds after which something that was waited for counts as not happening."""
T = TypeVar("T")
SETTINGS = f"name: serving\nparallel: {PARALLEL}\npools: {{shared: {POOL}}}\n"
PIPELINE = """\
owner: serving
schedule: "0 * * * *"
start: {start}
catchup: all
concurrency: {concurrency}
"""
PART = """\
/* penstock
materialize: incremental
interval: hour(hour)
{pool}*/
SELECT
    hours.range AS hour,
    (SELECT count(*) FROM range({effort}) AS spent WHERE hash(spent.range) % 7 <> 0) AS n
FROM range(CAST($interval_start AS TIMESTAMP), CAST($interval_end AS TIMESTAMP), INTERVAL 1 HOUR) AS hours
"""
TOTAL = """\
/* penstock
materialize: merge
key: [hour]
interval: hour(hour)
*/
SELECT north.hour, north.n + south.n + west.n AS n
FROM {pipeline}.north AS north
JOIN {pipeline}.south AS south ON south.hour = north.hour
JOIN {pipeline}.west AS west ON west.hour = north.hour
WHERE north.hour >= $interval_start AND north.hour < $interval_end
"""
LOG = """\
/* penstock
materialize: append
offset: hour
*/
SELECT hour, n FROM {pipeline}.north WHERE $offset IS NULL OR hour > $offset
"""


class NeverError(AssertionError):
    """Something that had to happen did not."""


def wait_until(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What `look` sees first that is not None.

    Raises:
        NeverError: it saw nothing for `patience` seconds.
    """
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        found = look()
        if found is not None:
            return found
        time.sleep(LOOK_EVERY)
    raise NeverError(f"{what} did not happen within {patience:.0f} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The project; its schedules count their fires after `since`, a full hour, the same for all."""

    root: Path
    pipelines: tuple[str, ...]
    since: datetime

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.root / ".penstock" / "ledger.db"

    def fires(self, until: datetime) -> list[datetime]:
        """The fires of each pipeline after `since`, up to a moment."""
        count = int((until - self.since) / HOUR)
        return [self.since + HOUR * number for number in range(1, count + 1)]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the ledger's file says now; nobody is kept from writing."""
        connection = apsw.Connection(str(self.ledger), flags=apsw.SQLITE_OPEN_READONLY)
        with closing(connection):
            connection.set_busy_timeout(10_000)
            return list(connection.execute(sql, values).fetchall())

    def left(self) -> int:
        """How many runs have not ended."""
        sql = "SELECT count(*) FROM runs WHERE state IN ('queued', 'running', 'interrupted')"
        return int(self.rows(sql)[0][0])


def make_world(folder: Path, *, pipelines: int, missed: int, effort: int) -> World:
    """A project of `pipelines` that each missed so many hourly fires; `effort` is what a part costs, in rows."""
    since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR * missed
    names = tuple(f"shop_{number:02d}" for number in range(pipelines))
    _write(folder / "penstock.yaml", SETTINGS)
    for name in names:
        own = folder / "pipelines" / name
        _write(own / "pipeline.yaml", PIPELINE.format(start=stamp(since), concurrency=CONCURRENCY))
        for part in PARTS:
            pool = "pool: shared\n" if part == POOLED else ""
            _write(own / f"{part}.sql", PART.format(effort=effort, pool=pool))
        _write(own / "total.sql", TOTAL.format(pipeline=name))
        _write(own / "log.sql", LOG.format(pipeline=name))
    with workplace(folder) as place:
        known = place.project.pipelines
        facts = [ScheduleSet(pipeline=name, schedule=schedule_text(known[name]), since=stamp(since)) for name in names]
        place.ledger.append(*facts)
    return World(root=folder, pipelines=names, since=since)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class Servers:
    """The `penstock serve` processes of a world. What was killed is kept in `ended`; `said` is where they talk to."""

    world: World
    lease: float
    said: Path
    alive: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)

    def start(self, count: int) -> None:
        """Start so many more."""
        program = [sys.executable, "-X", "faulthandler", "-m", "penstock.cli.main"]
        command = [*program, "serve", "--env", "dev", "--lease", str(self.lease)]
        for _ in range(count):
            with self.said.open("ab") as said:
                process = subprocess.Popen(
                    command, cwd=self.world.root, stdout=said, stderr=said, env={**os.environ, "PYTHONUNBUFFERED": "1"}
                )
            self.alive[process.pid] = process

    def leader(self) -> tuple[int, int] | None:
        """The process that holds the lease, and its token, if it is one of these and lives."""
        for holder, token in self.world.rows("SELECT holder, token FROM leases"):
            found = HOLDER.match(str(holder))
            pid = int(found[1]) if found else 0
            if pid in self.alive and self.alive[pid].poll() is None:
                return pid, int(token)
        return None

    def gone(self, pid: int) -> int:
        """Wait for the end of a process; its exit code, negative for a signal."""
        self.ended[pid] = self.alive.pop(pid).wait(PATIENCE)
        return self.ended[pid]

    def stop(self) -> list[int]:
        """Ask all of them to stop, once they can be asked; their exit codes."""
        wait_until(lambda: True if self._all_speak() else None, "the first word of every process")
        for process in self.alive.values():
            process.send_signal(signal.SIGTERM)
        return [self.gone(pid) for pid in list(self.alive)]

    def _all_speak(self) -> bool:
        said = self.said.read_text(encoding="utf-8")
        return all(f"process {pid}\n" in said for pid in self.alive)

    def kill(self) -> None:
        """End whatever is left, whatever became of the test; what hangs says in `said` where it hangs."""
        for process in self.alive.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGABRT)
            process.wait()


def state_of(pid: int) -> str:
    """A process's state as the kernel says: R, S, T (stopped), Z (dead and not yet waited for); empty if it is gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[0]
