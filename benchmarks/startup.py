"""What commands cost to start: medians of whole processes, warm, wall time and CPU, beside a bare Python.

`run` is measured on a project of one table: with nothing to do, and with the table to be built.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent.parent
PENSTOCK = Path(sys.executable).with_name("penstock")
ROUNDS = 15
SMALL = {
    "penstock.yaml": "name: small\n",
    "pipelines/small/pipeline.yaml": "owner: bench\nschedule: manual\nstart: 2024-01-01\n",
    "pipelines/small/one.sql": "/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command, where it runs, and what is done before each time."""

    words: list[str]
    folder: Path
    before: Callable[[], None] | None = None


def once(command: Command) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    if command.before is not None:
        command.before()
    began = time.perf_counter()
    process = subprocess.Popen(command.words, cwd=command.folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command.words} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def measure(commands: dict[str, Command]) -> dict[str, tuple[float, float]]:
    """Medians in milliseconds; the commands take turns, so that a slow moment hits all of them."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        once(command)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(once(command))
    return {
        name: (statistics.median(wall for wall, _ in found) * 1000, statistics.median(cpu for _, cpu in found) * 1000)
        for name, found in times.items()
    }


def delivered_example(folder: Path) -> Path:
    """The retail example after RETAIL-1 was written: what `check` has to read. Made by the product itself."""
    project = folder / "retail"
    shutil.copytree(HERE / "examples" / "retail", project)
    (project / ".gitignore").write_text(".penstock/\ndata/\n", encoding="utf-8")
    environment = {**os.environ, "PENSTOCK_KEYS": str(folder / "keys")}
    steps = (
        (["git", "init", "--quiet", "--initial-branch", "main"], 0),
        ([str(PENSTOCK), "key", "new", "bench-author", "--role", "author"], 0),
        (["git", "add", "--all"], 0),
        (["git", "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "--quiet", "-m", "start"], 0),
        ([str(PENSTOCK), "deliver", "stories/RETAIL-1.md", "--as", "bench-author", "--until", "2010-12-04"], 4),
    )
    for command, ends in steps:
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != ends:
            raise SystemExit(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return project / ".penstock" / "worktrees" / "RETAIL-1"


def small_project(folder: Path) -> Path:
    """A project of one table, built once."""
    for name, text in SMALL.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    once(Command([str(PENSTOCK), "run"], folder))
    return folder


def edit(project: Path) -> None:
    """Give the table another query, so that there is something to build."""
    query = project / "pipelines" / "small" / "one.sql"
    query.write_text(f"{SMALL['pipelines/small/one.sql']}-- {time.time_ns()}\nWHERE {time.time_ns()} > 0\n")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        example = delivered_example(Path(folder))
        built = small_project(Path(folder) / "built")
        edited = small_project(Path(folder) / "edited")
        python, penstock = sys.executable, str(PENSTOCK)
        found = measure(
            {
                "python -c pass": Command([python, "-c", "pass"], example),
                "python -c 'import click, yaml'": Command([python, "-c", "import click, yaml"], example),
                "python -c 'import sqlglot'": Command([python, "-c", "import sqlglot"], example),
                "python -c 'import duckdb'": Command([python, "-c", "import duckdb"], example),
                "penstock --help": Command([penstock, "--help"], example),
                "penstock check (retail)": Command([penstock, "check"], example),
                "penstock run (nothing to do)": Command([penstock, "run"], built),
                "penstock run (one table)": Command([penstock, "run"], edited, partial(edit, edited)),
            }
        )
    bare = found["python -c pass"][0]
    print(f"medians of {ROUNDS}, warm, in ms; budget: --help 150 and check 400 wall, run with nothing to do 150 CPU")
    print(f"  {'':<32} {'wall':>7} {'CPU':>7}")
    for name, (wall, cpu) in found.items():
        print(f"  {name:<32} {wall:>7.0f} {cpu:>7.0f}   {wall / bare:>5.1f}x bare python")


if __name__ == "__main__":
    main()
