"""What it takes to know what to do: `penstock plan` over a thousand generated SQL datasets, beside their bare build.

    python benchmarks/planning.py            1,000 datasets
    python benchmarks/planning.py 200        fewer

Each dataset joins two of those before it, one of them folded in a CTE. Times are of whole processes, wall and CPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

PENSTOCK = Path(sys.executable).with_name("penstock")
DATASETS, FIRST, ROWS = 1_000, 100, 100
HEADER = "/* penstock\nmaterialize: table\n*/\n"
EDITED = ("x.g, x.v", "x.g + 1 AS g, x.v")
"""A column of other values in the middle of the project."""


def queries(count: int) -> list[str]:
    """The queries of `d0`, `d1`, …; the first ones make rows, each further one reads two before it."""
    made = []
    for number in range(count):
        if number < FIRST:
            made.append(f"SELECT range AS id, range % 7 AS g, range * {number + 1} AS v FROM range({ROWS})")
            continue
        one, two = number - FIRST + number * 7 % 60, number - FIRST // 2 - number * 3 % 40
        made.append(
            f"WITH x AS (SELECT id, g, v FROM m.d{one} WHERE v >= {number % 5}),\n"
            f"y AS (SELECT id, sum(v) AS total, count(*) AS n FROM m.d{two} GROUP BY id)\n"
            "SELECT x.id, x.g, x.v + coalesce(y.total, 0) % 1000 AS v FROM x LEFT JOIN y ON x.id = y.id"
        )
    return made


def write_project(folder: Path, made: list[str]) -> None:
    """A project of these queries."""
    pipeline = folder / "pipelines" / "m"
    pipeline.mkdir(parents=True)
    (folder / "penstock.yaml").write_text("name: planned\n", encoding="utf-8")
    (pipeline / "pipeline.yaml").write_text("owner: bench\nschedule: manual\nstart: 2024-01-01\n", encoding="utf-8")
    for number, query in enumerate(made):
        (pipeline / f"d{number}.sql").write_text(f"{HEADER}{query}\n", encoding="utf-8")


def timed(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of a command, and its last line."""
    began = time.perf_counter()
    process = subprocess.Popen([str(PENSTOCK), *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - asked for above
    said = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"penstock {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, said[-1]


def bare(folder: Path, made: list[str]) -> tuple[float, float]:
    """The same tables by DuckDB alone, each in a transaction of its own: wall and CPU seconds."""
    began, cpu = time.perf_counter(), time.process_time()
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.execute("CREATE SCHEMA m")
        for number, query in enumerate(made):
            connection.execute(f"CREATE TABLE m.d{number} AS {query}")
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DATASETS
    made = queries(count)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "project"
        write_project(folder, made)
        rows = [("plan, nothing known", "< 8", *timed(folder, "plan"))]
        rows.append(("run, all to be built", "", *timed(folder, "run")))
        rows.append(("  bare DuckDB", "", *bare(Path(place), made), ""))
        rows.append(("plan, nothing changed", "< 1", *timed(folder, "plan")))
        rows.append(("run, nothing to do", "", *timed(folder, "run")))
        edited = folder / "pipelines" / "m" / f"d{count // 2}.sql"
        edited.write_text(edited.read_text(encoding="utf-8").replace(*EDITED), encoding="utf-8")
        rows.append(("plan, one query edited", "< 1", *timed(folder, "plan")))
    print(f"{count:,} SQL datasets; seconds; target in the second column")
    print(f"  {'':<24} {'':>5} {'wall':>8} {'CPU':>8}")
    for name, target, wall, cpu, said in rows:
        print(f"  {name:<24} {target:>5} {wall:>8.2f} {cpu:>8.2f}   {said}")


if __name__ == "__main__":
    main()
