"""Promotion and rollback of a hundred datasets, with few rows and with a million, beside the bare statements.

    python benchmarks/promotion.py

A promotion is all that there is to one: its intent in the ledger, the swap at the target, its outcome in the ledger.
Bare DuckDB re-makes the same views in one transaction, and records nothing. Milliseconds; target < 100.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from penstock.app.runtime import EngineRuntime
from penstock.app.wiring import Workplace
from penstock.model.intervals import parse_moment

DATASETS, ROUNDS, TARGET = 100, 15, 100
SIZES = {"10 rows": 10, "1 M rows": 1_000_000}
UNTIL = parse_moment("2024-01-02")
PROD = "prod"


def project(folder: Path, rows: int, version: int, changed: int) -> None:
    """A hundred datasets with so many rows in all; the first `changed` of them in a version of their own."""
    pipeline = folder / "pipelines" / "m"
    pipeline.mkdir(parents=True, exist_ok=True)
    (folder / "penstock.yaml").write_text("name: promoted\n", encoding="utf-8")
    (pipeline / "pipeline.yaml").write_text("owner: bench\nschedule: manual\nstart: 2024-01-01\n", encoding="utf-8")
    for number in range(DATASETS):
        count = rows // DATASETS + (number < rows % DATASETS)
        value = version if number < changed else 0
        query = f"SELECT range AS id, range * {number} + {value} AS v, 'row ' || range AS name FROM range({count})"
        text = f"/* penstock\nmaterialize: table\n*/\n{query}\n"
        (pipeline / f"d{number:03}.sql").write_text(text, encoding="utf-8")


def built(place: Workplace, runtime: EngineRuntime) -> dict[str, str]:
    """Build the project as its files are; what production would then show."""
    place.reload()
    outcome = runtime.build(place.project, UNTIL, "bench", root=place.root)
    if outcome.findings:
        raise SystemExit(str(outcome.findings))
    return dict(runtime.versions(place.project))


def milliseconds(rows: int, changed: int) -> dict[str, list[float]]:
    """How long each promotion, and each rollback, took."""
    with tempfile.TemporaryDirectory() as folder:
        project(Path(folder), rows, 1, changed)
        place = Workplace(Path(folder))
        place.hold()
        runtime = EngineRuntime(place)
        old = built(place, runtime)
        project(Path(folder), rows, 2, changed)
        new = built(place, runtime)
        if sum(old[name] != new[name] for name in old) != changed:
            raise SystemExit("the two versions are not what was asked for")
        runtime.promote(old, "first", PROD)
        taken: dict[str, list[float]] = {"promotion": [], "rollback": []}
        for number in range(ROUNDS):
            for name, mapping in (("promotion", new), ("rollback", old)):
                began = time.perf_counter()
                runtime.promote(mapping, f"{name} {number}", PROD)
                taken[name].append((time.perf_counter() - began) * 1000)
                if place.warehouse.environment(PROD) != mapping:
                    raise SystemExit("the swap was not carried out")
        place.close()
    return taken


def bare(rows: int) -> list[float]:
    """The same views by DuckDB alone, in one transaction."""
    taken = []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "bare.duckdb")) as connection:
        connection.execute("CREATE SCHEMA v")
        connection.execute("CREATE SCHEMA m")
        for number in range(DATASETS):
            count = rows // DATASETS + (number < rows % DATASETS)
            for version in (0, 1):
                query = f"SELECT range AS id, range * {number} + {version} AS v, 'row ' || range AS name"
                connection.execute(f"CREATE TABLE v.d{number:03}_{version} AS {query} FROM range({count})")
        for round_ in range(2 * ROUNDS):
            began = time.perf_counter()
            connection.execute("BEGIN")
            for number in range(DATASETS):
                made = f"CREATE OR REPLACE VIEW m.d{number:03} AS SELECT * FROM v.d{number:03}_{round_ % 2}"
                connection.execute(made)
            connection.execute("COMMIT")
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def main() -> None:
    """Print the table."""
    print(f"{DATASETS} datasets, {ROUNDS} rounds; milliseconds, median (slowest); target < {TARGET}")
    for name, rows in SIZES.items():
        theirs = bare(rows)
        for changed in (DATASETS, 1):
            for what, ours in milliseconds(rows, changed).items():
                said = f"{what} of {changed}, {name}"
                ratio = statistics.median(ours) / statistics.median(theirs)
                print(f"  {said:<28} {_cell(ours):>18}   {ratio:5.2f}x bare", flush=True)
        print(f"  {f'bare DuckDB, 100, {name}':<28} {_cell(theirs):>18}", flush=True)


def _cell(taken: list[float]) -> str:
    return f"{statistics.median(taken):.1f} ({max(taken):.1f})"


if __name__ == "__main__":
    main()
