"""Why a dataset would be built by the next run, or would not, and why it stands as it does: a closed set of reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Project
    from penstock.plan.build import Action, BuildPlan


class Cause(StrEnum):
    """What stands behind a dataset's state."""

    UP_TO_DATE = "nothing changed since it was built"
    NEVER_BUILT = "it was never built"
    DEFINITION_CHANGED = "its own definition changed"
    UPSTREAM_CHANGED = "a dataset that it reads has another version"
    INTERVALS_MISSING = "intervals have passed since it was built"
    INPUTS_GREW = "what it reads has grown since"
    FILES_OTHER = "its files are others than those read in"
    READ_AGAIN = "it is read again: only that tells whether there is anything new"
    READS_AGAIN = "what it reads was built again, and may have changed"
    ASKED_AGAIN = "a backfill asks for it again"
    UPSTREAM_AGAIN = "what it reads is built again by a backfill"
    OUT_OF_TURN = "an earlier interval was merged after it"
    LAST_ATTEMPT_FAILED = "its last attempt failed"
    UPSTREAM_FAILED = "the last attempt of a dataset that it reads failed"
    RUNNING = "it is being built now"
    PAUSED = "its pipeline is paused"
    EXPIRED = "what is older is past its retention"
    READS_EXPIRED = "what is older cannot be built: what it is built of is past its retention"
    NOT_SHOWN = "the environment does not show this version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A dataset's next step and the causes, each with what it rests on."""

    dataset: str
    version: str
    action: Action
    causes: tuple[tuple[Cause, str], ...]
    missing: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the ledger says around a dataset.

    `attempts` are the newest attempt of each dataset as ledger rows; `shown` is what the environment shows; `paused`
    the pipelines that are; `earlier` the versions of datasets that were built before.
    """

    attempts: Mapping[str, Mapping[str, object]]
    shown: Mapping[str, str]
    paused: frozenset[str] = frozenset()
    earlier: Mapping[str, Sequence[str]] | None = None


def explain(project: Project, plan: BuildPlan, dataset: str, around: Circumstances) -> Explanation:
    """Why `dataset` is or is not built by a plan."""
    step = next(step for step in plan.steps if step.dataset == dataset)
    causes = [*_of_plan(project, plan, dataset, around), *_of_attempts(project, dataset, around)]
    if project.datasets[dataset].pipeline in around.paused:
        causes.append((Cause.PAUSED, project.datasets[dataset].pipeline))
    shown = around.shown.get(dataset)
    if shown != step.version:
        causes.append((Cause.NOT_SHOWN, f"it shows {shown}" if shown else "it shows none"))
    return Explanation(
        dataset=dataset, version=step.version, action=step.action, causes=tuple(causes), missing=step.missing
    )


def _of_plan(project: Project, plan: BuildPlan, dataset: str, around: Circumstances) -> list[tuple[Cause, str]]:
    """The plan's reasons; a new version is taken apart into what is new about it."""
    step = next(step for step in plan.steps if step.dataset == dataset)
    found: list[tuple[Cause, str]] = []
    for reason in step.reasons:
        match reason.name:
            case "UP_TO_DATE":
                found.append((Cause.UP_TO_DATE, ""))
            case "NEW_VERSION":
                found += _of_version(project, plan, dataset, around)
            case "MISSING":
                found.append((Cause.INTERVALS_MISSING, ", ".join(str(gap) for gap in step.missing)))
            case "INPUTS_MOVED":
                found.append((Cause.INPUTS_GREW, ", ".join(project.datasets[dataset].reads)))
            case "READS_AGAIN":
                found.append((Cause.READS_AGAIN, ", ".join(project.datasets[dataset].reads)))
            case "READ_AGAIN":
                found.append((Cause.READ_AGAIN, ""))
            case "FILES_RESTATED":
                found.append((Cause.FILES_OTHER, ", ".join(str(gap) for gap in step.missing)))
            case "ASKED_AGAIN" | "UPSTREAM_AGAIN" | "OUT_OF_TURN":
                found.append((Cause[reason.name], ", ".join(str(gap) for gap in step.missing)))
    if dataset in plan.horizons:
        found.append((Cause.EXPIRED, f"no rows before {stamp(plan.horizons[dataset])}"))
    if dataset in plan.unbuildable:
        found.append((Cause.READS_EXPIRED, ", ".join(sorted(plan.horizons.keys() & set(project.upstream(dataset))))))
    return found


def _of_version(project: Project, plan: BuildPlan, dataset: str, around: Circumstances) -> list[tuple[Cause, str]]:
    own = plan.versions[dataset].fingerprint  # it is known from the first attempt on, built or not
    earlier = [version for version in (around.earlier or {}).get(dataset, ()) if version != own]
    if not earlier:
        return [(Cause.NEVER_BUILT, "")]
    new_upstream = [
        name
        for name in project.datasets[dataset].reads
        if around.shown.get(name) not in {None, plan.versions[name].fingerprint}
    ]
    if new_upstream:
        return [(Cause.UPSTREAM_CHANGED, ", ".join(new_upstream))]
    return [(Cause.DEFINITION_CHANGED, f"built before as version {earlier[-1]}")]


def _of_attempts(project: Project, dataset: str, around: Circumstances) -> list[tuple[Cause, str]]:
    found = []
    last = around.attempts.get(dataset)
    if last is not None and last["state"] == "failed":
        found.append((Cause.LAST_ATTEMPT_FAILED, str(last["message"])))
    if last is not None and last["state"] in {"running", "audited"}:
        found.append((Cause.RUNNING, f"run {last['run']}"))
    failed = [
        name
        for name in project.upstream(dataset)
        if (attempt := around.attempts.get(name)) is not None and attempt["state"] == "failed"
    ]
    if failed:
        found.append((Cause.UPSTREAM_FAILED, ", ".join(failed)))
    return found
