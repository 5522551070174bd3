"""What is built, what is missing, and how long it took before: what a command must know before it builds anything.

Nothing here needs the warehouse or the SQL parser, so that a run with nothing to do starts neither.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.adapters.sources.looking import look
from penstock.app import restating
from penstock.engine.promotion import mapping_of
from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource, Refresh
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.model.intervals import Grain, stamp
from penstock.model.sources import FileSource
from penstock.plan.build import Action, coverage_of, plan_build, thought_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.ledger.journal import Journal
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Coverage, Mark
    from penstock.plan.estimate import Past
    from penstock.plan.movement import Shown

MANY = 200
"""Datasets from which reading all of the ledger's coverage at once is cheaper than asking for each."""
HISTORY = 50
"""How many earlier attempts of a dataset an estimate looks at."""


def coverage(journal: Journal, project: Project | None = None, marks: Sequence[Mark] = ()) -> Coverage:
    """What the ledger says is built and holds, of a project's datasets or at all; less what `marks` say of now."""
    rows, thought = journal.rows, thought_of(marks)
    if project is None or len(project.datasets) > MANY:
        return coverage_of(rows("coverage"), (*rows("stale"), *thought), rows("horizons"))
    built = [row for name in project.datasets for row in rows("coverage", dataset=name)]
    stale = [row for name in project.datasets for row in rows("stale", dataset=name)]
    return coverage_of(built, (*stale, *thought), rows("horizons"))


def plan(
    journal: Journal,
    root: Path,
    project: Project,
    until: datetime,
    select: frozenset[str] | None = None,
    window: Interval | None = None,
) -> BuildPlan:
    """What is missing up to a moment, as the files of the sources below `root` are now."""
    arrived = arrived_whole(root, project, until)
    held = coverage(journal, project, restating.marks(journal, root, project, until))
    return plan_build(project, held, until, select, arrived=arrived, window=window)


def shown_in(journal: Journal, environment: str) -> dict[str, Shown]:
    """What an environment shows, with what the ledger knows of each version's columns."""
    from penstock.plan.movement import Shown  # noqa: PLC0415 - only a preview needs it

    found = {}
    for name, version in mapping_of(journal, environment).items():
        rows = journal.rows("versions", dataset=name, version=version)
        row = rows[0] if rows else {}
        found[name] = Shown(
            version=version,
            meanings=json.loads(str(row.get("meanings") or "{}")),
            own=str(row.get("own") or ""),
            described=str(row.get("described") or ""),
            held=str(row.get("held") or ""),
        )
    return found


def arrived_whole(root: Path, project: Project, until: datetime) -> dict[str, str]:
    """For each source without intervals, a digest of its files; of one that is asked, what `refresh` calls one time."""
    digests = {}
    for name, dataset in project.datasets.items():
        if isinstance(dataset.task, DatabaseSource | ConnectorSource) and dataset.interval is None:
            digests[name] = _time_of(dataset.task.refresh, until)
        if isinstance(dataset.task, FileSource) and dataset.interval is None:
            found, wrong = look(dataset.task, name, root, None)
            broken = [finding.message for finding in wrong if finding.code != "source.missing_file"]
            parts = json.dumps([*found, *broken])
            digests[name] = hashlib.sha256(parts.encode()).hexdigest()[:16]
    return digests


def _time_of(refresh: Refresh, until: datetime) -> str:
    return stamp(until if refresh is Refresh.ALWAYS else Grain(refresh).floor(until))


def history(journal: Journal, planned: BuildPlan) -> dict[str, list[Past]]:
    """What slices of a plan's datasets took before, by dataset, in whatever version."""
    from penstock.plan.estimate import Past  # noqa: PLC0415 - a run with nothing to do needs no past

    times: dict[str, list[Past]] = {}
    for step in planned.steps:
        if step.action is Action.REUSE:
            continue
        for row in journal.rows("attempts", dataset=step.dataset, state="published", limit=HISTORY):
            measured = json.loads(str(row["measured"] or "{}"))
            if "ran" in measured:
                past = Past(
                    ran=measured["ran"] / 1_000_000,
                    cpu=measured.get("cpu", 0) / 1_000_000,
                    rows=int(row["rows"] or 0),
                    bytes=int(measured.get("bytes", 0)),
                )
                times.setdefault(step.dataset, []).append(past)
    return times


def chosen(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """The datasets that names of pipelines and datasets stand for; none for no names.

    Raises:
        InputError: a name is neither.
    """
    unknown = sorted(set(names) - set(project.datasets) - set(project.pipelines))
    if unknown:
        raise InputError(
            Finding(
                code="project.unknown_dataset",
                message=f"there is no dataset or pipeline {unknown[0]}",
                found=unknown[0],
                expected=", ".join([*project.pipelines, *project.datasets]) or "a dataset of this project",
                remedy="correct the name",
            )
        )
    return tuple(
        sorted(name for name, dataset in project.datasets.items() if name in names or dataset.pipeline in names)
    )
