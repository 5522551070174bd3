"""What a change makes: its datasets and the pipelines of those, as several gates ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.pipelines import Dataset, Pipeline, Project
    from penstock.policy.facts import ImplementationFacts


def made_datasets(project: Project, facts: ImplementationFacts) -> list[Dataset]:
    """The datasets that are new, or whose files or contract the branch touches."""
    changed = set(facts.changed_files)
    before = facts.base.datasets if facts.base else {}
    return [
        dataset
        for name, dataset in sorted(project.datasets.items())
        if name not in before
        or changed & {one.file for one in (dataset, dataset.contract, before[name].contract) if one is not None}
    ]


def pipelines_of(project: Project, datasets: list[Dataset], facts: ImplementationFacts) -> list[Pipeline]:
    """The pipelines of those datasets, and those whose own file the branch touches."""
    names = {dataset.pipeline for dataset in datasets}
    changed = set(facts.changed_files)
    return [one for name, one in sorted(project.pipelines.items()) if name in names or one.file in changed]
