"""What it takes to know what to do, and to do it first: a thousand generated SQL datasets, beside SQLMesh and dbt.

    python benchmarks/planning.py                 1,000 datasets; the peers' environments are made in build/bench
    python benchmarks/planning.py --size 100      fewer
    python benchmarks/planning.py --alone         without the peers

Each dataset joins two of those before it, one of them folded in a CTE. The texts are the same for all; first builds are
held against the same tables made by bare DuckDB. Times are of whole processes, wall and CPU.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from peers.environments import PINS, SILENT, NotInstalledError, python_of

if TYPE_CHECKING:
    from collections.abc import Callable

PENSTOCK = Path(sys.executable).with_name("penstock")
BUILD = Path(__file__).resolve().parent.parent / "build" / "bench"
DATASETS, FIRST, ROWS = 1_000, 100, 100
EDITED = ("x.g, x.v", "x.g + 1 AS g, x.v")
"""A column of other values in the middle of the project."""
START = "2024-01-01"
_READ = re.compile(r"\bm\.(d\d+)")

Spent = tuple[float, float]
"""Wall and CPU seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was asked of a tool, what it took, and its last line; `beside` names the figure that it is held against."""

    name: str
    spent: Spent
    said: str = ""
    target: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How a project is written for a tool, and what is asked of it: each question with the figure it is held against.

    `EDIT` among the questions stands for the edit of one query; a question without a name is only a preparation.
    """

    name: str
    write: Callable[[Path, list[str]], None]
    file: str
    asked: tuple[tuple[str, str, list[str]], ...]


EDIT = ("", "", [""])


def queries(count: int) -> list[str]:
    """The queries of `d0`, `d1`, …; the first ones make rows, each further one reads two before it."""
    made = []
    first = min(FIRST, count // 2)
    for number in range(count):
        if number < first:
            made.append(f"SELECT range AS id, range % 7 AS g, range * {number + 1} AS v FROM range({ROWS})")
            continue
        one, two = number - first + number * 7 % (first * 6 // 10), number - first // 2 - number * 3 % (first * 4 // 10)
        made.append(
            f"WITH x AS (SELECT id, g, v FROM m.d{one} WHERE v >= {number % 5}),\n"
            f"y AS (SELECT id, sum(v) AS total, count(*) AS n FROM m.d{two} GROUP BY id)\n"
            "SELECT x.id, x.g, x.v + coalesce(y.total, 0) % 1000 AS v FROM x LEFT JOIN y ON x.id = y.id"
        )
    return made


# -- the tools --------------------------------------------------------------------------------------------------------


def write_penstock(folder: Path, made: list[str]) -> None:
    """A Penstock project of these queries."""
    _write(folder / "penstock.yaml", "name: planned\n")
    _write(folder / "pipelines/m/pipeline.yaml", f"owner: bench\nschedule: manual\nstart: {START}\n")
    for number, query in enumerate(made):
        _write(folder / f"pipelines/m/d{number}.sql", f"/* penstock\nmaterialize: table\n*/\n{query}\n")


def write_sqlmesh(folder: Path, made: list[str]) -> None:
    """A SQLMesh project of these queries, its state beside its tables in one DuckDB file."""
    connection = "gateways:\n  local:\n    connection: {type: duckdb, database: warehouse.duckdb}\n"
    rest = f"disable_anonymized_analytics: true\nmodel_defaults: {{dialect: duckdb, start: {START}}}\n"
    _write(folder / "config.yaml", connection + "default_gateway: local\n" + rest)
    for number, query in enumerate(made):
        _write(folder / f"models/d{number}.sql", f"MODEL (name m.d{number}, kind FULL);\n\n{query}\n")


def write_dbt(folder: Path, made: list[str]) -> None:
    """A dbt project of these queries."""
    project = "name: planned\nversion: '1.0.0'\nprofile: planned\nflags: {send_anonymous_usage_stats: false}\n"
    _write(folder / "dbt_project.yml", project + "models: {planned: {+materialized: table}}\n")
    target = "outputs: {dev: {type: duckdb, path: warehouse.duckdb, threads: 4}}"
    _write(folder / "profiles.yml", f"planned: {{target: dev, {target}}}\n")
    for number, query in enumerate(made):
        _write(folder / f"models/d{number}.sql", _READ.sub(r"{{ ref('\1') }}", query) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


PLAN_SAME, PLAN_EDITED, BUILD_ALL, BARE = "plan, nothing changed", "plan, one query edited", "build all", "bare DuckDB"


def penstock() -> Tool:
    """What is asked of Penstock: what everything else is held against."""
    own = str(PENSTOCK)
    asked = (
        ("plan, nothing known", "", [own, "plan"]),
        (BUILD_ALL, BARE, [own, "run"]),
        (PLAN_SAME, "", [own, "plan"]),
        ("run, nothing to do", "", [own, "run"]),
        EDIT,
        (PLAN_EDITED, "", [own, "plan"]),
    )
    return Tool(name="Penstock", write=write_penstock, file="pipelines/m/d{}.sql", asked=asked)


def sqlmesh(python: Path) -> Tool:
    """What is asked of SQLMesh; a plan that is only explained is not applied."""
    plan = [str(python.with_name("sqlmesh")), "plan", "--no-prompts", "--skip-tests"]
    asked = (
        (BUILD_ALL, BARE, [*plan, "--auto-apply"]),
        (PLAN_SAME, PLAN_SAME, [*plan, "--explain"]),
        EDIT,
        (PLAN_EDITED, PLAN_EDITED, [*plan, "--explain"]),
    )
    return Tool(name=_named("sqlmesh"), write=write_sqlmesh, file="models/d{}.sql", asked=asked)


def dbt(python: Path) -> Tool:
    """What is asked of dbt; what it knows of the project before is its manifest of then."""
    own = [str(python.with_name("dbt")), "--no-use-colors"]
    modified = [*own, "ls", "--select", "state:modified+", "--state", "before"]
    asked = (
        ("parse, nothing known", "plan, nothing known", [*own, "parse"]),
        (BUILD_ALL, BARE, [*own, "build"]),
        ("", "", ["cp", "-r", "target", "before"]),
        ("parse, nothing changed", PLAN_SAME, [*own, "parse"]),
        ("ls state:modified+, nothing changed", PLAN_SAME, modified),
        EDIT,
        ("ls state:modified+, one query edited", PLAN_EDITED, modified),
    )
    return Tool(name=_named("dbt"), write=write_dbt, file="models/d{}.sql", asked=asked)


def _named(peer: str) -> str:
    return " with ".join(pin.replace("==", " ") for pin in PINS[peer] if pin.startswith((peer, "dbt")))


TARGETS = {"plan, nothing known": "< 8", PLAN_SAME: "< 1", PLAN_EDITED: "< 1"}

# -- measuring --------------------------------------------------------------------------------------------------------


def timed(folder: Path, command: list[str]) -> tuple[Spent, str]:
    """Wall and CPU seconds of a command, and its last line."""
    unset = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**unset, **SILENT}, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        said.seek(0)
        lines = [line.strip() for line in said.read().splitlines() if line.strip()]
    if status:
        words = "\n".join(lines[-5:])
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}:\n{words}")
    return (wall, used.ru_utime + used.ru_stime), lines[-1] if lines else ""


def measured(tool: Tool, folder: Path, made: list[str]) -> list[Measured]:
    """Ask a tool everything, in order."""
    tool.write(folder, made)
    edited = folder / tool.file.format(len(made) // 2)
    found = []
    for name, beside, command in tool.asked:
        if (name, beside, command) == EDIT:
            text = edited.read_text(encoding="utf-8")
            if EDITED[0] not in text:
                raise SystemExit(f"{edited.name} is not as expected")
            edited.write_text(text.replace(*EDITED), encoding="utf-8")
            continue
        spent, said = timed(folder, command)
        target = TARGETS.get(name, "") if tool.name == "Penstock" else ""
        if name:
            found.append(Measured(name=name, spent=spent, said=said, target=target, beside=beside))
    return found


def bare(folder: Path, made: list[str]) -> Spent:
    """The same tables by DuckDB alone, each in a transaction of its own."""
    began, cpu = time.perf_counter(), time.process_time()
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.execute("CREATE SCHEMA m")
        for number, query in enumerate(made):
            connection.execute(f"CREATE TABLE m.d{number} AS {query}")
    return time.perf_counter() - began, time.process_time() - cpu


def show(tool: str, figures: list[Measured], known: dict[str, Spent]) -> None:
    """A tool's part of the table, with ratios of wall and of CPU time."""
    print(f"  {tool}")
    for each in figures:
        pairs = zip(each.spent, known[each.beside], strict=True) if each.beside else ()
        ratios = " ".join(f"{mine / other:6.1f}x" for mine, other in pairs)
        cells = f"{each.target:>5} {each.spent[0]:>8.2f} {each.spent[1]:>8.2f}  {ratios:<16}"
        print(f"    {each.name:<38} {cells} {each.said[:56]}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=DATASETS)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    made = queries(options.size)
    print(f"{len(made):,} SQL datasets; seconds and ratios, wall and CPU; builds beside bare DuckDB, plans beside ours")
    with tempfile.TemporaryDirectory() as place:
        spent = bare(Path(place), made)
        show("bare DuckDB", [Measured(name=BUILD_ALL, spent=spent)], {})
        ours = measured(penstock(), Path(place) / "penstock", made)
        known = {BARE: spent, **{each.name: each.spent for each in ours}}
        show("Penstock", ours, known)
        for peer, make in () if options.alone else (("sqlmesh", sqlmesh), ("dbt", dbt)):
            try:
                tool = make(python_of(peer, BUILD))
            except NotInstalledError as error:
                print(f"  {peer} cannot be installed here: {error}")
                continue
            show(tool.name, measured(tool, Path(place) / peer, made), known)
            shutil.rmtree(Path(place) / peer)


if __name__ == "__main__":
    main()
