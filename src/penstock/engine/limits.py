"""What bounds a project's work: the limits of its pools, pipelines and datasets, and what each piece counts against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.frontier import Bounds

if TYPE_CHECKING:
    from penstock.engine.frontier import Key
    from penstock.model.pipelines import Project
    from penstock.plan.build import Work


def limits_of(project: Project) -> dict[Key, int]:
    """The limits that a project's settings, pipelines and datasets set."""
    limits: dict[Key, int] = {("pool", name): size for name, size in project.settings.pools.items()}
    limits.update(
        {
            ("pipeline", name): pipeline.concurrency
            for name, pipeline in project.pipelines.items()
            if pipeline.concurrency
        }
    )
    limits.update(
        {
            ("dataset", name): dataset.limits.concurrency
            for name, dataset in project.datasets.items()
            if dataset.limits.concurrency
        }
    )
    return limits


def bounds_of(project: Project, work: Work) -> Bounds:
    """What one piece of work counts against, and how urgent it is."""
    dataset = project.datasets[work.slice.dataset]
    pipeline = project.pipeline_of(dataset.name)
    keys: list[Key] = [("pool", dataset.limits.pool)] if dataset.limits.pool else []
    if pipeline.concurrency:
        keys.append(("pipeline", pipeline.name))
    if dataset.limits.concurrency:
        keys.append(("dataset", dataset.name))
    return Bounds(keys=tuple(keys), priority=pipeline.priority + dataset.limits.priority)
