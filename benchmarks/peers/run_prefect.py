"""Prefect: a flow of tasks against its own local server over SQLite, until every task's end is in the database.

The flow itself returns earlier: its tasks' states travel as events, and those still under way when the process ends
are lost. Waiting for them is what makes the tasks durable. The server is started before the clock is.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from peers.driver import Stopwatch, answer, job, must

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    "PREFECT_LOGGING_LEVEL": "ERROR",
}
ENDED = "SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'"
LANES = 2


def flow(shape: str) -> Any:
    """A flow of so many tasks."""
    import prefect
    from prefect.task_runners import ThreadPoolTaskRunner

    step = prefect.task(lambda before: before, name="step")

    def steps(tasks: int) -> None:
        if shape == "fan":
            step.map(range(tasks)).result()
            return
        value = 0
        for _ in range(tasks):
            value = step(value)

    return prefect.flow(steps, name="steps", task_runner=ThreadPoolTaskRunner(max_workers=LANES))


def recorded(database: Path) -> int:
    """How many tasks have ended, by the server's own database."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(ENDED).fetchone()[0])


def wait(database: Path, tasks: int) -> int:
    """Wait until so many tasks have ended; how many have. The benchmark ends a program that takes too long."""
    while (done := recorded(database)) < tasks:
        time.sleep(0.1)
    return done


def main() -> None:
    """Run the job."""
    wanted = job()
    os.environ.update(SETTINGS, PREFECT_HOME=str(wanted.folder))
    database = wanted.folder / "prefect.db"
    steps = flow(wanted.shape)
    steps(1)
    wait(database, 1)
    clock = Stopwatch()
    steps(wanted.tasks)
    done = wait(database, wanted.tasks + 1)
    running = clock.lap()
    must(done - 1, wanted)
    answer(running=running)


if __name__ == "__main__":
    main()
