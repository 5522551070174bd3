"""How pipelines would keep their promises in the months to come, by what the ledger knows of their past."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.engine.run import NO_FAULT
from penstock.model.intervals import Interval
from penstock.plan.order import topological
from penstock.plan.readiness import Pace, readiness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.ledger.journal import Journal, Value
    from penstock.model.intervals import Grain
    from penstock.model.pipelines import Dataset, Project
    from penstock.policy.facts import Readiness

HISTORY = 400
"""How many attempts of a dataset are looked at."""


def foreseen(
    journal: Journal, project: Project, pipelines: Sequence[str], now: datetime, *, seed: int = 0
) -> tuple[Readiness, ...]:
    """The answer for each of the pipelines that has a schedule and a time to be ready by.

    A pipeline that lies in the past is played from its own beginning.
    """
    found = []
    for name in pipelines:
        pipeline = project.pipelines.get(name)
        if pipeline is None:
            continue
        datasets = [project.datasets[each] for each in topological(project) if project.datasets[each].pipeline == name]
        paces = {dataset.name: _pace(journal, dataset.name, _grain(dataset)) for dataset in datasets}
        start = now if pipeline.end is None or pipeline.end > now else pipeline.start
        lanes = project.settings.parallel
        answer = readiness(pipeline, datasets, paces, max(start, pipeline.start), lanes=lanes, seed=seed)
        found += [answer] if answer is not None else []
    return tuple(found)


def _pace(journal: Journal, dataset: str, grain: Grain | None) -> Pace:
    rows = journal.rows("attempts", dataset=dataset, limit=HISTORY)
    ended = [row for row in rows if row["state"] in {"published", "failed"} and row["code"] not in NO_FAULT]
    published = ((row, json.loads(str(row["measured"] or "{}"))) for row in ended if row["state"] == "published")
    seconds = tuple(
        measured["ran"] / 1_000_000 / _pieces(row, grain) for row, measured in published if "ran" in measured
    )
    failed = sum(1 for row in ended if row["state"] == "failed")
    return Pace(seconds=seconds, failed=failed, ended=len(ended))


def _grain(dataset: Dataset) -> Grain | None:
    return dataset.interval.grain if dataset.interval else None


def _pieces(row: Mapping[str, Value], grain: Grain | None) -> int:
    """How many intervals one attempt built."""
    if grain is None or not row["interval"]:
        return 1
    return max(sum(1 for _ in Interval.parse(str(row["interval"])).split(grain)), 1)
