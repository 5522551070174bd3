"""What a task costs beyond its own work, durably recorded: Penstock beside bare DuckDB, Luigi, Dagster and Prefect.

Every program runs in a process of its own, on files of the same disk. A figure is marginal: the program with N no-op
tasks less the program with one, divided by N - 1. Processor time is that of the whole tree of processes. A program that
would take too long is measured with fewer tasks (`@`); one that did is given by its lower bound (`>`).

    python benchmarks/overhead.py            everything; the peers' environments are made in build/bench
    python benchmarks/overhead.py --quick    Penstock and bare DuckDB, up to 1,000 tasks
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from peers.environments import ENGINES, PINS, NotInstalledError, python_of

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
PENSTOCK = Path(sys.executable).with_name("penstock")
ROUNDS = 3
BRIEF = 10.0
"""Seconds: a program that takes less is run `ROUNDS` times, and the median (by processor time) counts."""
LIMIT = 90.0
"""Seconds that one run of a peer may take."""
CAPPED = 0.6
"""Share of the limit that a smaller size may be expected to take where the one wanted would take too long."""
STUCK = 900.0
"""Seconds after which one run of ours is given up."""
SIZES = (100, 1_000, 10_000)
PYTHON_TASKS = 50
SHAPES = {
    "fan": ("N tasks, none after another", "< 1"),
    "chain": ("N tasks, each after the one before", "< 2"),
}

Spent = tuple[float, float]
"""Wall and processor seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A driver in `peers/` and the Python that runs it; `limit` bounds one run, in seconds."""

    name: str
    driver: str
    python: Path = field(default_factory=lambda: Path(sys.executable))
    limit: float = STUCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run: the laps that the driver told, and the whole process."""

    laps: dict[str, Spent]
    whole: Spent


class StoppedError(Exception):
    """A program took longer than its limit and was ended."""


class FailedError(Exception):
    """A program ended with an error; carries its last line."""


# -- running ----------------------------------------------------------------------------------------------------------


def spend(command: list[str], folder: Path, limit: float = STUCK) -> tuple[Spent, str]:
    """What a whole process with its children took, and what it printed.

    Raises:
        StoppedError: it took longer than `limit` seconds.
        FailedError: it ended with an error.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    late = threading.Event()
    with tempfile.TemporaryFile("w+", dir=BUILD) as said, tempfile.TemporaryFile("w+", dir=BUILD) as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=errors, start_new_session=True
        )
        timer = threading.Timer(limit, _end_late, (process.pid, late))
        timer.daemon = True
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
            _end_group(process.pid)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        errors.seek(0)
        text, wrong = said.read(), errors.read()
    if late.is_set():
        raise StoppedError
    if process.returncode:
        raise FailedError(_reason(wrong) or f"it ended with {process.returncode}")
    return (wall, usage.ru_utime + usage.ru_stime), text


def _end_late(group: int, late: threading.Event) -> None:
    late.set()
    _end_group(group)


def _end_group(group: int) -> None:
    """End a program with what it has started, or what it has left behind."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _reason(errors: str) -> str:
    """The exception at the end of a traceback, else the last line."""
    lines = [line for line in errors.splitlines() if line.strip()]
    named = [line for line in lines if line.partition(":")[0].endswith(("Error", "Exception"))]
    return (named or lines or [""])[-1]


def run(program: Program, shape: str, tasks: int) -> Measured:
    """The median of a few runs, or the one run of a long one. Raises as `spend` does."""
    runs: list[Measured] = []
    while len(runs) < ROUNDS and (not runs or runs[0].whole[0] < BRIEF):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            command = [str(program.python), "-m", f"peers.{program.driver}", shape, str(tasks), folder]
            whole, text = spend(command, HERE, program.limit)
        laps = json.loads(text.strip().splitlines()[-1])
        runs.append(Measured(laps={name: (lap[0], lap[1]) for name, lap in laps.items()}, whole=whole))
    names = runs[0].laps
    return Measured(
        laps={name: _median([each.laps[name] for each in runs]) for name in names},
        whole=_median([each.whole for each in runs]),
    )


def _median(values: list[Spent]) -> Spent:
    return sorted(values, key=lambda spent: spent[1])[len(values) // 2]


# -- one row ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Row:
    """A program's figures in one shape: milliseconds per task for each lap and N, and seconds of a start with one.

    `capped` says with how many tasks fewer than N it was measured, `bounds` what it takes at least.
    """

    program: str
    start: Spent | None = None
    laps: dict[str, dict[int, Spent]] = field(default_factory=dict)
    bounds: dict[int, float] = field(default_factory=dict)
    capped: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def measure(program: Program, shape: str, sizes: tuple[int, ...]) -> Row:
    """Run a program at each size, as far as the limit goes."""
    row = Row(program=program.name)
    tasks = size = 1
    try:
        one = run(program, shape, 1)
        row.start = one.whole
        taken = 0.0
        for before, size in zip((1, *sizes), sizes, strict=False):
            tasks = _within(program.limit, size, before, taken)
            if tasks < size:
                expected = taken / before * size
                done = f"measured with {tasks:,}" if tasks else "not run"
                row.notes.append(f"{program.name}: {size:,} tasks would take some {expected:,.0f} s: {done}")
            if not tasks:
                break
            measured = run(program, shape, tasks)
            taken = measured.laps["running"][0]
            for lap, spent in measured.laps.items():
                row.laps.setdefault(lap, {})[size] = _per_task(spent, one.laps[lap], tasks)
            if tasks < size:
                row.capped[size] = tasks
                break
    except StoppedError:
        limit = program.limit
        row.notes.append(f"{program.name}: ended after {limit:.0f} s with {tasks:,} tasks; the figure is a lower bound")
        row.bounds[size] = limit / tasks * 1000
    except FailedError as error:
        row.notes.append(f"{program.name}: failed with {tasks:,} tasks: {error}")
    return row


def _within(limit: float, size: int, before: int, taken: float) -> int:
    """How many tasks fit into the limit, judged by the size before; 0 if hardly more than that."""
    if taken / before * size <= limit:
        return size
    fitting = int(CAPPED * limit / taken * before) // 100 * 100
    return fitting if fitting >= 2 * before else 0


def _per_task(spent: Spent, one: Spent, tasks: int) -> Spent:
    """Milliseconds."""
    wall, cpu = ((many - single) / (tasks - 1) * 1000 for many, single in zip(spent, one, strict=True))
    return wall, cpu


# -- the table --------------------------------------------------------------------------------------------------------


def line(name: str, target: str, cells: list[str], start: str = "") -> None:
    """One line of the table."""
    print(f"  {name:<28}{target:>6}" + "".join(f"{each:>20}" for each in cells) + f"{start:>19}", flush=True)


def cell(spent: Spent | None) -> str:
    """Processor time, and wall time in parentheses."""
    return f"{spent[1]:.2f} ({spent[0]:.2f})" if spent else "-"


def figure(row: Row, size: int) -> str:
    """What a task took with N tasks, or what is known of it."""
    if size in row.bounds:
        return f"(> {row.bounds[size]:.2f})"
    capped = f" @{row.capped[size]}" if size in row.capped else ""
    return cell(row.laps.get("running", {}).get(size)) + capped


def show(row: Row, sizes: tuple[int, ...], target: str = "") -> None:
    """A program's line."""
    start = cell(row.start) + " s" if row.start else ""
    line(row.program, target, [figure(row, size) for size in sizes], start)


def show_parts(ours: Row, bare: Row, sizes: tuple[int, ...]) -> None:
    """What of Penstock's figures is DuckDB's, and what loading and planning add."""
    running, loading, theirs = ours.laps.get("running", {}), ours.laps.get("loading", {}), bare.laps.get("running", {})
    net = [cell(_minus(running.get(size), theirs.get(size))) for size in sizes]
    line("  less bare DuckDB", "", net)
    line("  loading and planning", "", [cell(loading.get(size)) for size in sizes])


def _minus(many: Spent | None, less: Spent | None) -> Spent | None:
    return (many[0] - less[0], many[1] - less[1]) if many and less else None


def peers() -> tuple[list[Program], list[str]]:
    """The peers that could be installed, and why the others could not."""
    programs, missing = [], []
    for peer in ENGINES:
        name = PINS[peer][0].replace("==", " ")
        try:
            python = python_of(peer, BUILD)
        except NotInstalledError as error:
            missing.append(f"{name}: not installed: {error}")
        else:
            programs.append(Program(name=name, driver=f"run_{peer}", python=python, limit=LIMIT))
    return programs, missing


def show_shape(shape: str, sizes: tuple[int, ...], others: list[Program], missing: list[str]) -> None:
    """One shape's table."""
    meaning, target = SHAPES[shape]
    heads = [f"N = {size:,}" for size in sizes]
    print(f"\n{shape}: {meaning}; ms a task: processor (wall)")
    line("", "target", heads, "start, one task")
    ours = measure(Program(name="penstock", driver="run_penstock"), shape, sizes)
    bare = measure(Program(name="bare DuckDB", driver="run_duckdb"), shape, sizes)
    show(ours, sizes, target)
    show_parts(ours, bare, sizes)
    show(bare, sizes)
    rows = [ours, bare]
    for program in others:
        rows.append(measure(program, shape, sizes))
        show(rows[-1], sizes)
    for note in (*(note for row in rows for note in row.notes), *missing):
        print(f"    {note}")


def show_python() -> None:
    """Python tasks, each isolated from the engine's process."""
    row = measure(Program(name="penstock", driver="run_penstock"), "python", (PYTHON_TASKS,))
    print(f"\npython: {PYTHON_TASKS} tasks in processes of their own, one row each; ms a task: processor (wall)")
    line("", "target", [f"N = {PYTHON_TASKS}"], "start, one task")
    show(row, (PYTHON_TASKS,), "<= 20")
    for note in row.notes:
        print(f"    {note}")


def show_cold_start() -> None:
    """`penstock run` on a project of one task, as a user's shell sees it."""
    found: dict[str, list[Spent]] = {}
    for _ in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            one_task(Path(folder))
            command = [str(PENSTOCK), "run", "--until", "2024-01-02"]
            floor = [sys.executable, "-c", "import apsw, click, duckdb"]
            for name, words in (
                ("penstock run, first", command),
                ("penstock run, up to date", command),
                ("python: its imports alone", floor),
            ):
                found.setdefault(name, []).append(spend(words, Path(folder))[0])
    print("\ncold start: a project of one task; s of the whole process: processor (wall)")
    line("", "target", ["s"])
    for name, spent in found.items():
        line(name, "<=0.15" if name.endswith("first") else "", [cell(_median(spent[1:]))])


def one_task(folder: Path) -> None:
    """The files of a project of one SQL dataset."""
    pipeline = folder / "pipelines" / "b"
    pipeline.mkdir(parents=True)
    (folder / "penstock.yaml").write_text("name: bench\n", encoding="utf-8")
    settings = 'owner: bench\nschedule: "@daily"\nstart: 2024-01-01\n'
    (pipeline / "pipeline.yaml").write_text(settings, encoding="utf-8")
    (pipeline / "one.sql").write_text("/* penstock\nmaterialize: table\n*/\nSELECT 1 AS n\n", encoding="utf-8")


def main() -> None:
    """Print the tables."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended too
    quick = "--quick" in sys.argv[1:]
    BUILD.mkdir(parents=True, exist_ok=True)
    others, missing = ([], []) if quick else peers()
    sizes = SIZES[:-1] if quick else SIZES
    print(f"marginal cost of a durable no-op task; median of {ROUNDS} where a run takes less than {BRIEF:.0f} s")
    print(
        "durable as each has it: Penstock and DuckDB sync to disk, Luigi renames files, Dagster and Prefect keep SQLite"
    )
    print(f"{os.cpu_count()} processors; load average before {os.getloadavg()[0]:.1f}")
    for shape in SHAPES:
        show_shape(shape, sizes, others, missing)
    show_python()
    show_cold_start()


if __name__ == "__main__":
    main()
