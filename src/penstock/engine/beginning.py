"""How a run begins in the ledger: what is recorded of it before anything is built."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from penstock.engine.attempt import AGAIN, Job
from penstock.engine.run import Running
from penstock.ledger.facts import RunCancelRequested, RunStarted, VersionDefined, VersionDescribed, VersionHeld
from penstock.model.pipelines import SqlTask
from penstock.plan.versions import described, own_digest
from penstock.quality.standing import blocking_rules, held_of, held_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.engine.run import Request
    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Journal, Value
    from penstock.model.pipelines import Dataset

FEW = 50
"""Datasets up to which each one's versions are asked for; beyond, all are read at once."""


def running_of(journal: Journal, request: Request, token: int, now: float) -> Running:
    """A run with what the ledger knows of its earlier attempts; `now` is by the monotonic clock."""
    attempts = journal.rows("attempts", run=request.run)
    job = Job(
        run=request.run,
        purpose=request.purpose,
        project=request.project,
        versions=request.plan.versions,
        token=token,
        spent=_spent(attempts),
        until=request.plan.until,
        horizons=request.plan.horizons,
        counted_by=_counted_by(journal) if request.plan.horizons else {},
    )
    numbers = {str(row["publish_id"]): int(row["attempt"] or 0) for row in attempts}
    return Running(job=job, began=now, attempts=numbers)


def _counted_by(journal: Journal) -> dict[str, str]:
    return {str(row["dataset"]): str(row["counted_by"] or "") for row in journal.rows("horizons")}


def opening_facts(journal: Journal, request: Request) -> list[Fact]:
    """That a run starts, last, and before it the versions it builds of which nothing is known yet."""
    used = {work.version.dataset: work.version for work in request.plan.works}
    rows = (
        [row for name in used for row in journal.rows("versions", dataset=name)]
        if len(used) < FEW
        else journal.rows("versions")
    )
    known = {(row["dataset"], row["version"]): row for row in rows}
    facts: list[Fact] = [
        VersionDefined(
            dataset=version.dataset,
            version=version.fingerprint,
            relation=version.relation,
            materialization=str(dataset.materialization),
            meanings=version.meanings,
            own=own_digest(dataset),
            query=dataset.task.text if isinstance(dataset.task, SqlTask) else "",
            described=described(dataset),
            reads={read: request.plan.versions[read].fingerprint for read in dataset.reads},
            grain=str(dataset.interval.grain) if dataset.interval else "",
            held=held_text(blocking_rules(dataset.contract)),
            cut_by=dataset.interval.column if dataset.interval else "",
        )
        for name, version in used.items()
        if (version.dataset, version.fingerprint) not in known
        for dataset in (request.project.datasets[name],)
    ]
    for name, version in used.items():
        if (row := known.get((version.dataset, version.fingerprint))) is not None:
            facts += _less_held(row, request.project.datasets[name])
    plan = request.plan
    if not request.queued and is_unwanted(journal, request.run):  # it was cancelled once, and is asked for again
        facts.append(RunCancelRequested(run=request.run, by=""))
    started = RunStarted(run=request.run, purpose=request.purpose, plan=plan.digest, tasks=len(plan.works))
    return [*facts, started]


def _less_held(row: Mapping[str, Value], dataset: Dataset) -> list[Fact]:
    """Rows that are built now come by the contract as it is: checks that it lost, not all rows are held to any more.

    Then what is said of the version is not known until this run is over: whoever looks first judges the rows anew.
    """
    held, now = held_of(row["held"]), set(blocking_rules(dataset.contract))
    if held <= now:
        return []
    name, version = str(row["dataset"]), str(row["version"])
    return [
        VersionHeld(dataset=name, version=version, held=held_text(held & now), reason="the contract lost checks"),
        VersionDescribed(dataset=name, version=version, described=""),
    ]


def is_unwanted(journal: Journal, run: str) -> bool:
    """Whether somebody asked to cancel a run."""
    return any(row["cancel"] for row in journal.rows("runs", run=run))


def _spent(attempts: tuple[Mapping[str, object], ...]) -> Counter[str]:
    """How often each slice was published when the same was asked before."""
    published = {str(row["publish_id"]) for row in attempts if row["state"] == "published"}
    return Counter(publish_id.partition(AGAIN)[0] for publish_id in published)
