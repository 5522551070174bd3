"""Many tasks in one run, and many runs in the queue: what a process costs at that size, and whether it is right."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import apsw
import duckdb

from penstock.app.wiring import workplace
from penstock.engine.requests import MANUAL, RunRequest, queued
from penstock.ledger.facts import RunStarted
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.ledger.facts import RunQueued
    from penstock.ledger.journal import Journal

BLOCK = 100
"""Tasks of one block of the large project: chains of four, their ends gathered, a sum that reads the block before."""
CHAINED, LINKS, THIRD = 96, 4, 32
LOT = 64
UNTIL = parse_moment("2024-03-01")
GROUP = 5_000
"""Runs asked for in one transaction."""
PIPELINE = "owner: scale\nschedule: manual\nstart: 2024-01-01\n"
HEADER = "/* penstock\nmaterialize: table\n*/\n"


# -- one run of many tasks --------------------------------------------------------------------------------------------


def queries(tasks: int) -> dict[str, str]:
    """Name to query of each task; `tasks` is a multiple of `BLOCK`."""
    made = {}
    for number in range(tasks):
        block, place = divmod(number, BLOCK)
        first = block * BLOCK
        if place < CHAINED:
            made[_name(number)] = f"SELECT n + 1 AS n FROM {_of(number - 1)}" if place % LINKS else "SELECT 1 AS n"
        elif place < BLOCK - 1:
            third = first + (place - CHAINED) * THIRD
            made[_name(number)] = _sum(range(third + LINKS - 1, third + THIRD, LINKS))
        else:
            before = [first - 1] if block else []
            made[_name(number)] = _sum([*range(first + CHAINED, number), *before])
    return made


def _sum(numbers: Sequence[int]) -> str:
    every = " UNION ALL ".join(f"SELECT n FROM {_of(number)}" for number in numbers)
    return f"SELECT sum(n) AS n FROM ({every}) AS parts"


def _name(number: int) -> str:
    return f"t{number:05d}"


def _of(number: int) -> str:
    return f"b.{_name(number)}"


def expected_sum(tasks: int) -> int:
    """What the last task holds: the end of each chain counts its links."""
    return tasks // BLOCK * (CHAINED // LINKS) * LINKS


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeRun:
    """One `penstock run` of many tasks: seconds, megabytes; of a hundred tasks after another, milliseconds a task.

    `ours` and `bare` are pairs of processor and wall time.
    """

    tasks: int
    published: int
    result: int
    seconds: float
    running: float
    memory: float
    ours: tuple[float, float]
    bare: tuple[float, float]

    def __str__(self) -> str:
        """The figures."""
        over = tuple(ours - bare for ours, bare in zip(self.ours, self.bare, strict=True))
        return (
            f"{self.tasks:,} tasks: {self.published:,} published in {self.running:.1f} s of {self.seconds:.1f} s; "
            f"p50 of processor (wall) ms a task: {_pair(self.ours)}, bare DuckDB {_pair(self.bare)}, "
            f"overhead {_pair(over)} (target < 1); peak memory {self.memory:.0f} MB (< 500)"
        )


def _pair(spent: Sequence[float]) -> str:
    return f"{spent[0]:.2f} ({spent[1]:.2f})"


def run_large(folder: Path, tasks: int) -> LargeRun:
    """Build `tasks` tables with one `penstock run`."""
    project = folder / "project"
    own = project / "pipelines" / "b"
    own.mkdir(parents=True)
    (project / "penstock.yaml").write_text("name: scale\nparallel: 2\n", encoding="utf-8")
    (own / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    made = queries(tasks)
    for name, query in made.items():
        (own / f"{name}.sql").write_text(f"{HEADER}{query}\n", encoding="utf-8")
    began = time.monotonic()
    memory, clocks = _run(project)
    seconds = time.monotonic() - began
    ended = _ends(project / ".penstock" / "ledger.db")
    with closing(duckdb.connect(str(project / ".penstock" / "warehouse.duckdb"), read_only=True)) as target:
        (result,) = target.execute(f"SELECT n FROM b__dev.{_name(tasks - 1)}").fetchall()[0]
    return LargeRun(
        tasks=tasks,
        published=len(ended),
        result=int(result),
        seconds=seconds,
        running=ended[-1] - ended[0],
        memory=memory,
        ours=_by_hundreds(ended, clocks),
        bare=_bare(folder / "bare.duckdb", made),
    )


def _run(project: Path) -> tuple[float, list[tuple[float, float]]]:
    """`penstock run` to its end; its peak memory in megabytes, and its processor seconds as time went on."""
    clocks: list[tuple[float, float]] = []
    command = [sys.executable, "-m", "penstock.cli.main", "run", "--json"]
    with (project.parent / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, cwd=project, stdout=said, stderr=said)
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            clocks.append((time.time(), _processor(process.pid)))
            time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    assert process.returncode == 0, (project.parent / "said.txt").read_text(encoding="utf-8")[-2000:]
    return ended[2].ru_maxrss / 1024, clocks


def _processor(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _by_hundreds(ended: list[float], clocks: list[tuple[float, float]]) -> tuple[float, float]:
    """The median over blocks of a hundred tasks: processor and wall milliseconds of one."""
    marks = ended[::BLOCK]
    spent = [_at(clocks, mark) for mark in marks]
    processor = median(after - before for before, after in pairwise(spent))
    return processor / BLOCK * 1000, median(after - before for before, after in pairwise(marks)) / BLOCK * 1000


def _at(clocks: list[tuple[float, float]], moment: float) -> float:
    """Processor seconds used up to a moment, between two readings in proportion."""
    place = min(max(bisect_left(clocks, (moment, 0.0)), 1), len(clocks) - 1)
    (before, low), (after, high) = clocks[place - 1], clocks[place]
    return low + (high - low) * (moment - before) / (after - before)


def _ends(ledger: Path) -> list[float]:
    """When each published attempt ended, in seconds, in order."""
    sql = "SELECT unixepoch(finished_at, 'subsec') FROM attempts WHERE state = 'published' ORDER BY 1"
    with closing(apsw.Connection(str(ledger), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return [float(str(end)) for (end,) in connection.execute(sql)]


def _bare(path: Path, made: dict[str, str]) -> tuple[float, float]:
    """Milliseconds a task of the same tables made by DuckDB alone, as many in one transaction as we put into one."""
    walls, processors = [], []
    with closing(duckdb.connect(str(path))) as target:
        target.execute("CREATE SCHEMA b")
        names = list(made)
        for start in range(0, len(names), LOT):
            some = names[start : start + LOT]
            began, used = time.perf_counter(), time.process_time()
            target.execute("BEGIN")
            for name in some:
                target.execute(f"CREATE TABLE b.{name} AS {made[name]}")
            target.execute("COMMIT")
            walls.append((time.perf_counter() - began) / len(some) * 1000)
            processors.append((time.process_time() - used) / len(some) * 1000)
    return median(processors), median(walls)


# -- many runs that wait ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LongQueue:
    """Runs asked for, claimed one by one, then served. Milliseconds, megabytes."""

    asked: int
    asking: float
    claimed: tuple[str, ...]
    claims: tuple[float, ...]
    memory: float
    served: int
    serving: float
    server_memory: float

    def __str__(self) -> str:
        """The figures."""
        p99 = quantiles(self.claims, n=100)[98]
        return (
            f"{self.asked:,} runs asked for in {self.asking:.0f} s; claim p50 {median(self.claims):.2f} ms, "
            f"p99 {p99:.2f} ms (target < 25), peak memory {self.memory:.0f} MB (< 500); "
            f"penstock serve ended {self.served:,} of them in {self.serving:.0f} s with {self.server_memory:.0f} MB"
        )


def fill_and_claim(folder: Path, asked: int, claims: int, serve: int) -> LongQueue:
    """Ask for so many runs, claim some as an executor does, and let `penstock serve` do `serve` further ones."""
    project = folder / "project"
    own = project / "pipelines" / "b"
    own.mkdir(parents=True)
    (project / "penstock.yaml").write_text("name: scale\n", encoding="utf-8")
    (own / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    (own / "one.sql").write_text(f"{HEADER}SELECT 1 AS n\n", encoding="utf-8")
    with workplace(project) as place:
        began = time.monotonic()
        for facts in _requests(asked):
            place.ledger.append(*facts)
        asking = time.monotonic() - began
        place.hold()
        token = place.token()
        found = [_claim(place.ledger, token) for _ in range(claims)]
    served, serving, memory = _serve(project, asked - claims, serve)
    return LongQueue(
        asked=asked,
        asking=asking,
        claimed=tuple(run for run, _ in found),
        claims=tuple(spent for _, spent in found),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        served=served,
        serving=serving,
        server_memory=memory,
    )


def request(number: int) -> RunRequest:
    """The n-th run; each thousandth is urgent."""
    urgent = 0 if number % 1000 else 10
    return RunRequest(
        trigger=MANUAL, key=f"{number}", environment="dev", until=UNTIL, pipeline="b", priority=urgent, by="scale"
    )


def _requests(count: int) -> Iterator[list[RunQueued]]:
    for start in range(0, count, GROUP):
        yield [request(number).fact() for number in range(start, min(start + GROUP, count))]


def _claim(ledger: Journal, token: int) -> tuple[str, float]:
    """Take the run that is first in line: look, and record that it began. Its id and the milliseconds it took."""
    began = time.perf_counter()
    (row,) = queued(ledger, 1)
    run = str(row["run"])
    ledger.append(RunStarted(run=run, purpose="scale", plan="", tasks=1), token=token)
    return run, (time.perf_counter() - began) * 1000


def _serve(project: Path, waiting: int, wanted: int) -> tuple[int, float, float]:
    """Let a server end runs until `wanted` have; how many did, in how many seconds, and its peak memory."""
    ledger = project / ".penstock" / "ledger.db"
    program = [sys.executable, "-m", "penstock.cli.main", "serve", "--env", "dev"]
    began = time.monotonic()
    with (project.parent / "served.txt").open("wb") as said:
        process = subprocess.Popen(program, cwd=project, stdout=said, stderr=said)
    try:
        while (ended := waiting - _left(ledger)) < wanted and process.poll() is None:
            time.sleep(0.2)
        took = time.monotonic() - began
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(encoding="ascii"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (project.parent / "served.txt").read_text(encoding="utf-8")[-2000:]
    finally:
        process.kill()
    return ended, took, int(peak[1]) / 1024 if peak else 0.0


def _left(ledger: Path) -> int:
    with closing(apsw.Connection(str(ledger), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        connection.set_busy_timeout(10_000)
        return len(connection.execute("SELECT 1 FROM runs WHERE state = 'queued'").fetchall())


def states(project: Path) -> dict[str, int]:
    """How many runs are in each state, in a ledger that is sound."""
    doctor = [sys.executable, "-m", "penstock.cli.main", "doctor"]
    done = subprocess.run(doctor, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    with closing(apsw.Connection(str(project / ".penstock" / "ledger.db"), flags=apsw.SQLITE_OPEN_READONLY)) as found:
        return {str(state): count for state, count in found.execute("SELECT state, count(*) FROM runs GROUP BY 1")}
