"""Bare DuckDB: one CREATE TABLE for each task, each its own transaction, closed at the end."""

from __future__ import annotations

import duckdb

from peers.driver import Stopwatch, answer, job, must


def main() -> None:
    """Run the job."""
    wanted = job()
    connection = duckdb.connect(str(wanted.folder / "bare.duckdb"))
    clock = Stopwatch()
    for number in range(wanted.tasks):
        before = wanted.before(number)
        query = f"SELECT n + 1 AS n FROM {before}" if before else "SELECT 1 AS n"
        connection.execute(f"CREATE TABLE {wanted.name(number)} AS {query}")
    connection.close()
    running = clock.lap()
    with duckdb.connect(str(wanted.folder / "bare.duckdb")) as connection:
        tables = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
    must(int(tables[0][0]), wanted)
    answer(running=running)


if __name__ == "__main__":
    main()
