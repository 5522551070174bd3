"""`penstock serve` with ten thousand scheduled pipelines: how soon it serves, what it costs while nothing is due, and
how late a due run begins.

    python benchmarks/serve_idle.py             10,000 pipelines, 60 s of rest, 20 fires (some five minutes)
    python benchmarks/serve_idle.py 1000        fewer pipelines
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

PENSTOCK = Path(sys.executable).with_name("penstock")
PIPELINES, REST, FIRES, PER_MINUTE = 10_000, 60.0, 20, 10
SETTLE = 5.0
"""Seconds between the word that it serves and the beginning of the rest that is measured."""
AHEAD = timedelta(hours=3)
"""No pipeline but those whose fires are looked at is due before this."""
PATIENCE = 600.0
BEGUN = """
SELECT runs.key, min(attempts.started_at) FROM runs JOIN attempts ON attempts.run = runs.run
WHERE runs.trigger = 'schedule' GROUP BY runs.run
"""
PIPELINE = 'owner: bench\nschedule: "{schedule}"\nstart: 2024-01-01\n'
QUERY = "/* penstock\nmaterialize: table\n*/\nSELECT {number} AS n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Megabytes of memory that a process holds, and processor seconds it has used."""

    memory: float
    processor: float


def write_project(folder: Path, pipelines: int, first: datetime) -> None:
    """Daily pipelines over the hours that are far away, and some that fire at `first` and in the minutes after it."""
    (folder / "penstock.yaml").write_text("name: bench\n", encoding="utf-8")
    quiet = first + AHEAD
    for number in range(pipelines):
        own = folder / "pipelines" / f"p{number:05d}"
        own.mkdir(parents=True)
        minute = number // PER_MINUTE
        at = first + timedelta(minutes=minute) if number < FIRES else quiet + timedelta(minutes=number % 1000)
        text = PIPELINE.format(schedule=f"{at.minute} {at.hour} * * *")
        (own / "pipeline.yaml").write_text(text, encoding="utf-8")
        (own / "one.sql").write_text(QUERY.format(number=number), encoding="utf-8")


def cost(pid: int) -> Cost:
    """What a process holds and has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return Cost(memory=int(fields[21]) * page / (1 << 20), processor=(int(fields[11]) + int(fields[12])) / ticks)


def await_word(said: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until it says that it serves."""
    ends = time.monotonic() + PATIENCE
    while "serving dev" not in said.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit(said.read_text(encoding="utf-8"))
        time.sleep(0.05)


def delays(project: Path, fires: int) -> list[float]:
    """Seconds from each fire to the first attempt of its run, once all fires have runs."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with closing(sqlite3.connect(f"file:{project / '.penstock' / 'ledger.db'}?mode=ro", uri=True)) as ledger:
            begun = ledger.execute(BEGUN).fetchall()
        if len(begun) >= fires:
            pairs = [(datetime.fromisoformat(key), datetime.fromisoformat(at)) for key, at in begun]
            return sorted((at - fire.replace(tzinfo=UTC)).total_seconds() for fire, at in pairs)
        time.sleep(0.5)
    raise SystemExit(f"{len(begun)} of {fires} fires had a run")


def measure(project: Path, pipelines: int) -> None:
    """Start it, let it rest, wait for the fires, and print."""
    said = project.parent / "said.txt"
    began = time.monotonic()
    with said.open("wb") as output:
        process = subprocess.Popen([str(PENSTOCK), "serve", "--env", "dev"], cwd=project, stdout=output, stderr=output)
    try:
        await_word(said, process)
        serving = time.monotonic() - began
        start = cost(process.pid)
        time.sleep(SETTLE)
        before = cost(process.pid)
        time.sleep(REST)
        after = cost(process.pid)
        late = delays(project, min(FIRES, pipelines))
        end = cost(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    finally:
        process.kill()
    used = (after.processor - before.processor) / REST * 100
    print(f"penstock serve --env dev with {pipelines:,} scheduled pipelines; target in parentheses")
    print(f"  serving after          {serving:>8.1f} s     {start.processor:.1f} s of processor time")
    print(f"  memory at rest         {after.memory:>8.1f} MB    (< 150); {end.memory:.1f} MB after {len(late)} runs")
    print(f"  processor at rest      {used:>8.2f} %     (< 5 % of a core), over {REST:.0f} s")
    print(f"  a due run begins after {median(late):>8.2f} s     (< 1) p50 of {len(late)}; {late[-1]:.2f} s at most")


def main() -> None:
    """Make a project and measure."""
    pipelines = int(sys.argv[1]) if len(sys.argv) > 1 else PIPELINES
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        project.mkdir()
        lead = timedelta(seconds=REST + SETTLE + 30 + pipelines / 100)
        first = (datetime.now(UTC) + lead).replace(second=0, microsecond=0) + timedelta(minutes=1)
        write_project(project, pipelines, first)
        measure(project, pipelines)


if __name__ == "__main__":
    main()
