"""A table of Postgres into DuckDB: ours (landed, judged, published, recorded) beside bare readers and dlt.

    python benchmarks/database_source.py                     five million rows
    python benchmarks/database_source.py --rows 1000000 --dlt-rows 100000

Every reader is a process of its own, started anew: seconds from its start to its end, and its peak memory. Bare readers
write a table of a DuckDB file and do nothing else. dlt's default reads by SQLAlchemy; it is given fewer rows, and rates
are compared. Readers take turns, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from peers.environments import NotInstalledError, python_of

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "peers"
sys.path.insert(0, str(HERE.parent / "tests"))
VARIABLE = "BENCH_DATABASE"
ROWS, DLT_ROWS, ROUNDS = 5_000_000, 200_000, 3
TARGET_BARE, TARGET_DLT = 0.8, 10.0
TABLE = """
CREATE TABLE {name} AS
SELECT i::bigint AS id, 'customer ' || (i % 1000) AS name, (i % 100)::int AS qty, (i * 0.01)::numeric(12,2) AS price,
       (i * 0.5)::float8 AS weight, timestamptz '2020-01-01' + i * interval '1 second' AS updated_at,
       (date '2020-01-01' + (i / 86400)::int) AS day, (i % 2 = 0) AS ok
FROM generate_series(1, {rows}) AS i
"""
SOURCE = """
format: database
engine: postgres
connection: BENCH_DATABASE
table: public.big
columns: {id: BIGINT, name: VARCHAR, qty: INTEGER, price: "DECIMAL(12,2)", weight: DOUBLE, updated_at: TIMESTAMPTZ,
  day: DATE, ok: BOOLEAN}
"""
BARE_ADBC = """
import os, duckdb, adbc_driver_manager as m, adbc_driver_postgresql as p
connection = m.AdbcConnection(p.connect(os.environ["BENCH_DATABASE"]))
statement = m.AdbcStatement(connection)
statement.set_sql_query("SELECT id, name, qty, price::text AS price, weight, updated_at, day, ok FROM big")
rows, _ = statement.execute_query()
target = duckdb.connect("bare.duckdb")
target.execute("CREATE TABLE big AS SELECT * REPLACE (CAST(price AS DECIMAL(12,2)) AS price) FROM rows")
target.close()
"""
BARE_EXTENSION = """
import os, pathlib, duckdb, duckdb_extension_postgres_scanner as package
(found,) = pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")
target = duckdb.connect("bare.duckdb")
target.execute(f"LOAD '{found}'")
target.execute("ATTACH '" + os.environ["BENCH_DATABASE"] + "' AS shop (TYPE postgres, READ_ONLY)")
target.execute("CREATE TABLE big AS SELECT * FROM shop.public.big")
target.close()
"""
DLT = """
import os, sys, dlt
from dlt.sources.sql_database import sql_table
backend, table = sys.argv[1:]
address = os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+psycopg2://")
target = dlt.destinations.duckdb("dlt.duckdb")
pipeline = dlt.pipeline("bench", destination=target, dataset_name="shop", pipelines_dir="dlt")
pipeline.run(sql_table(credentials=address, table=table, backend=backend), write_disposition="replace")
"""


def command(reader: str, folder: Path) -> list[str]:
    """How a reader is started in a folder of its own."""
    if reader == "ours":
        pipeline = folder / "pipelines" / "shop"
        pipeline.mkdir(parents=True)
        (folder / "penstock.yaml").write_text("name: bench\n", encoding="utf-8")
        (pipeline / "pipeline.yaml").write_text("owner: bench\nschedule: manual\nstart: 2020-01-01\n", encoding="utf-8")
        (pipeline / "big.source.yaml").write_text(SOURCE, encoding="utf-8")
        return [sys.executable, "-m", "penstock.cli.main", "run"]
    if reader == "adbc":
        return [sys.executable, "-c", BARE_ADBC]
    if reader == "extension":
        return [str(python_of("duckdb_postgres", BUILD)), "-c", BARE_EXTENSION]
    backend, table = ("sqlalchemy", "small") if reader == "dlt" else ("pyarrow", "small")
    return [str(python_of("dlt", BUILD)), "-c", DLT, backend, table]


def measure(reader: str, address: str) -> tuple[float, int]:
    """Seconds, and the peak resident memory in MB, of one reading."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = command(reader, folder)
        silent = {"RUNTIME__DLTHUB_TELEMETRY": "false", "HOME": name}
        environment = {**os.environ, **silent, VARIABLE: address}
        log = folder / "log"
        began = time.monotonic()
        with log.open("wb") as out:
            running = subprocess.Popen(started, cwd=folder, env=environment, stdout=out, stderr=out)
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if running.returncode:
            raise SystemExit(f"{reader} ended with {running.returncode}: {log.read_text(errors='replace')[-2000:]}")
        return seconds, used.ru_maxrss // 1024


def main() -> None:
    """Measure and print."""
    from postgres_server import running

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--dlt-rows", type=int, default=DLT_ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    rows = {"ours": options.rows, "adbc": options.rows, "extension": options.rows}
    rows |= {"dlt": options.dlt_rows, "dlt with pyarrow": options.dlt_rows}
    with running() as address:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(TABLE.format(name="big", rows=options.rows).encode())
            connection.execute(TABLE.format(name="small", rows=options.dlt_rows).encode())
            connection.execute("VACUUM ANALYZE")
        found: dict[str, list[tuple[float, int]]] = {reader: [] for reader in rows}
        for number in range(options.rounds):
            for reader in rows:
                if reader.startswith("dlt") and number:
                    continue  # once is enough for what takes so much longer
                try:
                    found[reader].append(measure(reader, address))
                except NotInstalledError as error:
                    if not number:
                        print(f"{reader}: not installed here ({error})")
    rates = {reader: rows[reader] / statistics.median(s for s, _ in took) for reader, took in found.items() if took}
    print(f"{'reader':18}{'rows':>12}{'seconds':>10}{'rows/s':>12}{'peak MB':>10}")
    for reader, rate in rates.items():
        seconds = statistics.median(s for s, _ in found[reader])
        peak = max(memory for _, memory in found[reader])
        print(f"{reader:18}{rows[reader]:>12,}{seconds:>10.2f}{rate:>12,.0f}{peak:>10,}")
    bare = max(rates[reader] for reader in ("adbc", "extension") if reader in rates)
    print(f"ours to the fastest bare reader: {rates['ours'] / bare:.2f}x (target: at least {TARGET_BARE}x)")
    if "dlt" in rates:
        print(f"ours to dlt as it comes: {rates['ours'] / rates['dlt']:.1f}x (target: at least {TARGET_DLT:.0f}x)")
    if options.json:
        figures = {reader: {"rows": rows[reader], "runs": took} for reader, took in found.items()}
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
