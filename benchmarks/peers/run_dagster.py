"""Dagster: assets materialised in one process, with its default SQLite storage of runs and events on disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from peers.driver import Stopwatch, answer, job, must

if TYPE_CHECKING:
    from peers.driver import Job

SETTINGS = """
telemetry: {enabled: false}
python_logs: {python_log_level: ERROR}
"""


def asset(job: Job, number: int) -> Any:
    """One asset that returns nothing, so that no I/O manager has work."""
    import dagster

    def nothing() -> None:
        return None

    before = job.before(number)
    return dagster.asset(name=job.name(number), deps=[before] if before else [])(nothing)


def main() -> None:
    """Run the job."""
    wanted = job()
    (wanted.folder / "dagster.yaml").write_text(SETTINGS, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(wanted.folder)
    import dagster

    with dagster.DagsterInstance.get() as instance:
        clock = Stopwatch()
        assets = [asset(wanted, number) for number in range(wanted.tasks)]
        dagster.materialize(assets, instance=instance)
        running = clock.lap()
        keys = [dagster.AssetKey(wanted.name(number)) for number in range(wanted.tasks)]
        events = instance.get_latest_materialization_events(keys)
    must(sum(event is not None for event in events.values()), wanted)
    answer(running=running)


if __name__ == "__main__":
    main()
