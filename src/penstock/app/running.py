"""`plan`, `run`, `diff`, `query`: building the working tree into an environment, and looking at what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb.warehouse import PRODUCTION
from penstock.app.runtime import EngineRuntime
from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place
from penstock.plan.versions import relation_of, versions_of
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from penstock.app.wiring import Workplace
    from penstock.delivery.ports import BuildOutcome
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Work
    from penstock.quality.comparison import DatasetDiff

DEVELOPMENT = "dev"


def plan(place: Workplace, until: datetime | None, select: frozenset[str] | None = None) -> BuildPlan:
    """What a run would build."""
    project = place.project
    _known(project, select)
    return EngineRuntime(place).plan(project, until or place.clock.now(), select)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run did, and what the environment shows now."""

    outcome: BuildOutcome
    environment: str
    mapping: Mapping[str, str]


def run(
    place: Workplace,
    environment: str,
    until: datetime | None,
    select: frozenset[str] | None,
    progress: Callable[[Work, str], None],
) -> Ran:
    """Build what is missing of the working tree's versions; outside production the environment then shows them.

    Raises:
        RefusedError: production shows other versions than the working tree has; only a delivery may change that.
        InputError: a source file is broken or missing; nothing was recorded.
    """
    project = place.project
    select = _with_upstream(project, select)
    place.hold()
    runtime = EngineRuntime(place, progress)
    versions = runtime.versions(project)
    shown = mapping_of(place.ledger, environment)
    if environment == PRODUCTION:
        select = select or frozenset(name for name in versions if name in shown or not shown)
        chosen = {name: versions[name] for name in select}
        other = sorted(name for name, version in chosen.items() if shown.get(name) != version)
        if other:
            raise RefusedError(_not_delivered(other))
    moment = until or place.clock.now()
    _look_at_sources(place, runtime.plan(project, moment, select), project)
    outcome = runtime.build(project, moment, f"run of {environment}", root=place.root, select=select)
    built = {name: versions[name] for name in select or versions}
    mapping = {**{name: version for name, version in shown.items() if name in versions or select}, **built}
    if environment != PRODUCTION and not outcome.findings and mapping != shown:
        runtime.promote(mapping, f"run of {environment}", environment)
    return Ran(outcome=outcome, environment=environment, mapping=mapping_of(place.ledger, environment))


def _look_at_sources(place: Workplace, build: BuildPlan, project: Project) -> None:
    """Look at every file that the plan will read before anything is recorded."""
    from penstock.adapters.sources.inspection import arrivals  # noqa: PLC0415 - only a run needs it
    from penstock.model.pipelines import FileSource  # noqa: PLC0415 - as above

    findings: list[Finding] = []
    for step in build.steps:
        dataset = project.datasets[step.dataset]
        needed = [work for work in build.works if work.slice.dataset == step.dataset]
        if not isinstance(dataset.task, FileSource) or not needed:
            continue
        by = dataset.interval
        pieces = tuple(p for gap in step.missing for p in gap.split(by.grain)) if by else None
        findings.extend(arrivals(dataset.task, dataset.name, place.root, pieces)[1])
    if findings:
        raise InputError(tuple(findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A query's answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def objects(self) -> list[dict[str, Any]]:
        """Each row as an object."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(place: Workplace, sql: str, environment: str) -> Rows:
    """The answer of a read-only query over an environment's datasets.

    Raises:
        InputError: the environment shows nothing, or the query is refused.
    """
    mapping = mapping_of(place.ledger, environment)
    if not mapping:
        raise InputError(_nothing_shown(place, environment))
    relations = {name: relation_of(name, version) for name, version in mapping.items()}
    rewritten = rewrite_adhoc(sql.strip().rstrip(";"), relations)
    names, rows = place.reading().query(rewritten)
    return Rows(columns=names, rows=tuple(rows))


def diff(place: Workplace, old: str, new: str) -> tuple[tuple[DatasetDiff, ...], tuple[str, ...], tuple[str, ...]]:
    """What two environments show differently: differences, datasets only in `new`, datasets only in `old`."""
    before, after = mapping_of(place.ledger, old), mapping_of(place.ledger, new)
    for environment, mapping in ((old, before), (new, after)):
        if not mapping and environment != PRODUCTION:
            raise InputError(_nothing_shown(place, environment))
    project = place.project
    place.hold()
    runtime = EngineRuntime(place)
    moved = sorted(name for name in set(before) & set(after) if before[name] != after[name])
    diffs = tuple(
        runtime.compare_relations(
            project.datasets[name], relation_of(name, before[name]), relation_of(name, after[name])
        )
        for name in moved
        if name in project.datasets
    )
    return diffs, tuple(sorted(set(after) - set(before))), tuple(sorted(set(before) - set(after)))


def _with_upstream(project: Project, select: frozenset[str] | None) -> frozenset[str] | None:
    """The datasets asked for and everything they are made of."""
    if select is None:
        return None
    _known(project, select)
    wanted = set(select)
    todo = list(select)
    while todo:
        for upstream in project.datasets[todo.pop()].reads:
            if upstream not in wanted:
                wanted.add(upstream)
                todo.append(upstream)
    return frozenset(wanted)


def _known(project: Project, select: frozenset[str] | None) -> None:
    unknown = sorted((select or frozenset()) - set(project.datasets))
    if unknown:
        raise InputError(
            Finding(
                code="project.unknown_dataset",
                message=f"there is no dataset {unknown[0]}",
                found=unknown[0],
                expected=", ".join(project.datasets) or "a dataset of this project",
                remedy="correct the name",
            )
        )


def versions(project: Project) -> Mapping[str, str]:
    """Each dataset's version in the working tree."""
    return {name: version.fingerprint for name, version in versions_of(project).items()}


def _not_delivered(names: list[str]) -> Finding:
    return Finding(
        code="run.not_delivered",
        message=f"production does not show the working tree's version of {', '.join(names)}",
        place=Place(dataset=names[0]),
        expected="versions that a delivered change promoted",
        remedy="`penstock deliver STORY` brings a change to production; `penstock run --env dev` tries it out",
    )


def _nothing_shown(place: Workplace, environment: str) -> Finding:
    others = sorted({str(row["environment"]) for row in place.ledger.rows("environments")})
    return Finding(
        code="environment.empty",
        message=f"the environment {environment} shows no dataset",
        found=environment,
        expected=" | ".join(others) or "an environment that something was built into",
        remedy=f"add --env {others[0]}"
        if others
        else "`penstock run` builds into dev; `penstock deliver` ships to prod",
    )
