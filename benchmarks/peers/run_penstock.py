"""Penstock: a project of SQL datasets (or of Python ones), loaded, planned and built as `penstock run` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers.driver import Stopwatch, answer, job, must
from penstock.app.runtime import EngineRuntime
from penstock.app.wiring import Workplace
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from peers.driver import Job

UNTIL = parse_moment("2024-01-02")
SETTINGS = "name: bench\nparallel: 2\n"
PIPELINE = 'owner: bench\nschedule: "@daily"\nstart: 2024-01-01\n'
SQL = "/* penstock\nmaterialize: table\n*/\n{query}\n"
PYTHON = """import duckdb
from penstock.tasks import task


@task(reads={})
def one():
    return duckdb.sql("SELECT 1 AS n")
"""


def write(job: Job) -> None:
    """The project's files."""
    folder = job.folder / "pipelines" / "b"
    folder.mkdir(parents=True)
    (job.folder / "penstock.yaml").write_text(SETTINGS, encoding="utf-8")
    (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    for number in range(job.tasks):
        before = job.before(number)
        query = f"SELECT n + 1 AS n FROM b.{before}" if before else "SELECT 1 AS n"
        ending, text = (".py", PYTHON) if job.shape == "python" else (".sql", SQL.format(query=query))
        (folder / f"{job.name(number)}{ending}").write_text(text, encoding="utf-8")


def main() -> None:
    """Run the job."""
    wanted = job()
    write(wanted)
    place = Workplace(wanted.folder)
    place.hold()
    clock = Stopwatch()
    project = place.project
    runtime = EngineRuntime(place)
    runtime.plan(project, UNTIL)
    loading = clock.lap()
    runtime.plan(project, UNTIL)  # `build` plans once more: what that takes is not running
    again = clock.lap()
    place.token()  # opens the ledger and the warehouse
    clock.lap()
    outcome = runtime.build(project, UNTIL, "bench", root=place.root)
    place.close()
    wall, cpu = clock.lap()
    if outcome.findings:
        raise SystemExit(outcome.findings[0].message)
    must(sum(outcome.rows.values()), wanted)
    answer(loading=loading, running=(wall - again[0], cpu - again[1]))


if __name__ == "__main__":
    main()
