"""`explain`: why a dataset is or is not built by the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.planning import chosen
from penstock.app.running import Wanted, plan
from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.explain import Circumstances, Explanation, explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value


def explained(place: Workplace, dataset: str, environment: str) -> Explanation:
    """Why a dataset stands as it does, and what the next run would do with it.

    Raises:
        InputError: there is no such dataset.
    """
    project = place.project
    if dataset in project.pipelines:
        raise InputError(_pipeline(dataset, chosen(project, (dataset,))))
    chosen(project, (dataset,))
    names = (dataset, *project.upstream(dataset))
    ledger = place.ledger
    planned = plan(place, Wanted(environment=environment))
    newest = {}
    for name in names:  # of what the files say now: how an earlier definition failed explains nothing
        rows = ledger.rows("attempts", dataset=name, version=planned.versions[name].fingerprint)
        if (row := _newest(rows)) is not None:
            newest[name] = row
    around = Circumstances(
        attempts=newest,
        shown=mapping_of(ledger, environment),
        paused=frozenset(str(row["pipeline"]) for row in ledger.rows("schedules", paused=1))
        | {name for name, pipeline in project.pipelines.items() if pipeline.paused},
        earlier={dataset: [str(row["version"]) for row in sorted(ledger.rows("versions", dataset=dataset), key=_made)]},
    )
    return explain(project, planned, dataset, around)


def _newest(rows: tuple[Mapping[str, Value], ...]) -> Mapping[str, Value] | None:
    return max(rows, key=lambda row: str(row["started_at"]), default=None)


def _made(row: Mapping[str, Value]) -> str:
    return str(row["defined_at"])


def _pipeline(name: str, datasets: tuple[str, ...]) -> Finding:
    return Finding(
        code="explain.pipeline",
        message=f"{name} is a pipeline",
        found=name,
        expected=f"one of its datasets: {', '.join(datasets)}",
        remedy="name a dataset",
    )
