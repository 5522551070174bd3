"""The engine against bare DuckDB on the same SQL and machine, and its durable overhead per task.

Prints ratios from one run: a transformation of 10 million rows through stage, audit and publish against
`CREATE TABLE AS` in a bare database, and the milliseconds that a task costs when it does next to nothing.
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

ROWS = 10_000_000
TASKS = 300
ROUNDS = 3
WIDE = (
    "SELECT i, i % 1000 AS bucket, i * 3 % 101 AS value, 'customer ' || (i % 5000) AS customer "
    "FROM range({rows}) AS t(i)"
)


def project(folder: Path, files: dict[str, str]) -> Workplace:
    """A project of these SQL datasets."""
    texts = {
        "penstock.yaml": "name: bench\nparallel: 2\n",
        "pipelines/b/pipeline.yaml": 'owner: bench\nschedule: "@daily"\nstart: 2024-01-01\n',
        **{f"pipelines/b/{name}.sql": f"/* penstock\nmaterialize: table\n*/\n{text}" for name, text in files.items()},
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return Workplace(folder)


def through_penstock(files: dict[str, str]) -> float:
    """Seconds to build these datasets in a fresh project."""
    with tempfile.TemporaryDirectory() as folder:
        place = project(Path(folder), files)
        place.hold()
        runtime = EngineRuntime(place)
        model = place.project
        place.token()
        began = time.perf_counter()
        outcome = runtime.build(model, parse_moment("2024-01-02"), "bench", root=place.root)
        taken = time.perf_counter() - began
        place.close()
        if outcome.findings:
            raise SystemExit(str(outcome.findings))
    return taken


def bare(statements: list[str]) -> float:
    """Seconds to run statements in a fresh database file."""
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(str(Path(folder) / "bare.duckdb"))
        began = time.perf_counter()
        for statement in statements:
            connection.execute(statement)
        taken = time.perf_counter() - began
        connection.close()
    return taken


def main() -> None:
    """Print the table."""
    wide = WIDE.format(rows=ROWS)
    heavy = f"SELECT bucket, customer, count(*) AS n, sum(value) AS total FROM ({wide}) GROUP BY ALL"
    pairs = [
        ("aggregate 10 M rows", {"heavy": heavy}, [f"CREATE TABLE heavy AS {heavy}"]),
        ("write 10 M rows", {"wide": wide}, [f"CREATE TABLE wide AS {wide}"]),
    ]
    print(f"median of {ROUNDS}, seconds; budget: 1.10x where the query is the work")
    for name, files, statements in pairs:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(bare(statements))
            ours.append(through_penstock(files))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"  {name:<22} penstock {a:6.2f}   bare DuckDB {b:6.2f}   {a / b:5.2f}x")
    tiny = {f"t{number:04d}": f"SELECT {number} AS n" for number in range(TASKS)}
    through = statistics.median(through_penstock(tiny) for _ in range(ROUNDS))
    statements = [f"CREATE TABLE {name} AS {text}" for name, text in tiny.items()]
    plain = statistics.median(bare(statements) for _ in range(ROUNDS))
    print(
        f"  {TASKS} tiny tables       penstock {through:6.2f}   bare DuckDB {plain:6.2f}   "
        f"{(through - plain) / TASKS * 1000:.1f} ms more a task"
    )


if __name__ == "__main__":
    main()
