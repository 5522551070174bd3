"""What a diff of 10 million rows by 10 columns takes beside the bare DuckDB query that any diff must run.

Bare, by key: a full outer join with one count of differing values for each column. Bare, without a key: both sides
stacked and grouped by every column. Ours adds totals, examples and the proof that keys do not repeat. Each round runs
both, in a process of its own; wall and processor seconds, and the largest resident set. Budget: 1.5x.

    python benchmarks/diffs.py                 everything
    python benchmarks/diffs.py --rows 1000000  smaller
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from penstock.quality.comparison import compare
from penstock.quality.comparison_sql import Side
from penstock.quality.distributions import distributions

ROUNDS = 3
LIMIT = "1GB"
"""What a small machine would give DuckDB; the rest goes to disk."""
COLUMNS = {
    "id": "BIGINT", "store": "BIGINT", "customer": "VARCHAR", "day": "DATE", "gross": "DECIMAL(18,2)",
    "tax": "DECIMAL(18,2)", "weight": "DOUBLE", "sold_at": "TIMESTAMP", "paid": "BOOLEAN", "units": "BIGINT",
}  # fmt: skip
MADE = """
SELECT i AS id, i * 7919 % 1000 AS store, 'customer ' || (i * 31 % 50000) AS customer,
  DATE '2020-01-01' + CAST(i % 1500 AS INTEGER) AS day, CAST(i % 10000 / 100 AS DECIMAL(18, 2)) AS gross,
  CAST(i % 3000 / 100 AS DECIMAL(18, 2)) AS tax, i * 13 % 99991 / 7 AS weight,
  TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS sold_at, i % 3 = 0 AS paid, {units} AS units
FROM range({rows}) AS t(i)
"""
MANY = """
SELECT id, store + 1 AS store, customer || CASE WHEN id % 2 = 0 THEN '!' ELSE '' END AS customer, day + 1 AS day,
  CAST(gross * 2 AS DECIMAL(18, 2)) AS gross, tax, weight * 1.5 AS weight, sold_at, NOT paid AS paid, units
FROM old WHERE id % 10 <> 0 UNION ALL SELECT id + {rows}, * EXCLUDE (id) FROM old WHERE id % 10 = 0
"""
CASES = {
    "by key, few changes": ("few", ("id",)),
    "by key, many changes": ("many", ("id",)),
    "by two keys, many changes": ("many", ("id", "sold_at")),
    "by key, identical": ("same", ("id",)),
    "by key, one in 1,000 repeats": ("repeats", ("id",)),
    "no key, few changes": ("few", ()),
    "no key, identical": ("same", ()),
}
CAPPED = {f"{name}, {LIMIT}": (*CASES[name], LIMIT) for name in ("by key, many changes", "no key, few changes")}


def make(path: Path, rows: int) -> None:
    """A database of the sides."""
    with duckdb.connect(str(path)) as connection:
        plain = MADE.format(rows=rows, units="i % 17")
        connection.execute(f"CREATE TABLE old AS {plain}")
        connection.execute(f"CREATE TABLE same AS {plain}")
        few = MADE.format(rows=rows, units="CASE WHEN i % 10000 = 7 THEN 99 ELSE i % 17 END")
        connection.execute(f"CREATE TABLE few AS SELECT * FROM ({few}) WHERE id % 100000 <> 3")
        connection.execute(f"CREATE TABLE many AS {MANY.format(rows=rows)}")
        connection.execute("CREATE TABLE repeats AS FROM old UNION ALL FROM old WHERE id % 1000 = 5")


def bare(other: str, key: tuple[str, ...]) -> str:
    """The query that any diff must run."""
    if not key:
        names = ", ".join(COLUMNS)
        sides = f"SELECT {names}, -1 AS s FROM old UNION ALL SELECT {names}, 1 AS s FROM {other}"
        return f"SELECT count(*) FROM (SELECT {names}, sum(s) FROM ({sides}) GROUP BY {names} HAVING sum(s) <> 0)"
    both = f"o.{key[0]} IS NOT NULL AND w.{key[0]} IS NOT NULL"
    counts = [f"count(*) FILTER (WHERE {side}.{key[0]} IS NULL)" for side in ("o", "w")]
    counts += [
        f"count(*) FILTER (WHERE {both} AND o.{name} IS DISTINCT FROM w.{name})" for name in COLUMNS if name not in key
    ]
    return f"SELECT {', '.join(counts)} FROM old AS o FULL JOIN {other} AS w USING ({', '.join(key)})"


def measure(path: str, what: str, other: str, key: tuple[str, ...], limit: str | None) -> None:
    """Run one thing once, as the warehouse does: reading alone, nothing outside within reach; print what it took."""
    connection = duckdb.connect(path, read_only=True)
    if limit:
        connection.execute(f"SET memory_limit = '{limit}'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    sides = [Side(relation=name, columns=tuple(COLUMNS.items())) for name in ("old", other)]

    def ask(sql: str) -> list[tuple[object, ...]]:
        return connection.execute(sql).fetchall()

    wall, cpu = time.perf_counter(), time.process_time()
    if what == "bare":
        ask(bare(other, key))
    elif what == "ours":
        compare(ask, "a.b", sides[0], sides[1], key=key)
    else:
        distributions(ask, sides[0], sides[1], tuple(COLUMNS))
    spent = (time.perf_counter() - wall, time.process_time() - cpu)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*spent, rss]))


def run(path: Path, what: str, other: str, key: tuple[str, ...], limit: str | None) -> tuple[float, float, float] | str:
    """Wall and processor seconds and megabytes, in a process of its own; or why it failed."""
    arguments = [str(path), what, other, ",".join(key), limit or ""]
    done = subprocess.run([sys.executable, __file__, "--one", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:90]
    wall, cpu, rss = json.loads(done.stdout)
    return wall, cpu, rss


def line(name: str, path: Path, other: str, key: tuple[str, ...], limit: str | None) -> None:
    """One case, the two interleaved so that both meet the same machine."""
    taken: dict[str, list[tuple[float, float, float]]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        for what, found in taken.items():
            one = run(path, what, other, key, limit)
            if isinstance(one, str):
                print(f"  {name:<34} {what}: {one}", flush=True)
                return
            found.append(one)
    ours, theirs = (
        [statistics.median(column) for column in zip(*taken[what], strict=True)] for what in ("ours", "bare")
    )
    print(
        f"  {name:<34}{theirs[0]:7.2f}{ours[0]:7.2f}{ours[0] / theirs[0]:6.2f}x {theirs[1]:8.2f}{ours[1]:7.2f}"
        f"{ours[1] / theirs[1]:6.2f}x {theirs[2]:9.0f}{ours[2]:7.0f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--one", nargs=5)
    given = options.parse_args()
    if given.one:
        path, what, other, key, limit = given.one
        measure(path, what, other, tuple(part for part in key.split(",") if part), limit or None)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "diffs.duckdb"
        make(path, given.rows)
        print(f"{given.rows:,} rows x {len(COLUMNS)} columns; median of {ROUNDS}; bare DuckDB, ours, ratio")
        print(f"  {'':<34}{'wall, s':>20} {'processor, s':>22} {'RSS, MB':>16}")
        for name, (other, key) in CASES.items():
            line(name, path, other, key, None)
        for name, (other, key, limit) in CAPPED.items():
            line(name, path, other, key, limit)
        shapes = run(path, "shapes", "many", (), None)
        print(f"  distributions of all {len(COLUMNS)} columns, both sides: {shapes}")


if __name__ == "__main__":
    main()
