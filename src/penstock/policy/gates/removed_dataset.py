"""A dataset is gone from the project, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.removals import is_declared_gone
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset
    from penstock.model.stories import Story
    from penstock.policy.facts import ImplementationFacts

GATE = "removed_dataset"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse to lose a dataset unless the story's impact bounds its rows at -100%."""
    base, project = facts.base, facts.project
    if project is None:
        return not_applicable(GATE, "The project cannot be read.")
    if base is None or not base.datasets:
        return not_applicable(GATE, "No dataset was there before.")
    gone = sorted(set(base.datasets) - set(project.datasets))
    undeclared = [name for name in gone if not is_declared_gone(name, facts.story)]
    if not undeclared:
        return passed(GATE, f"{counted(len(gone), 'dataset')} of {len(base.datasets):,} removed, each as declared.")
    readers = {name: base.downstream(name) for name in undeclared}
    findings = [_finding(base.datasets[name], readers[name], facts.story) for name in undeclared]
    return failed(GATE, f"{counted(len(undeclared), 'dataset')} removed undeclared: {listed(undeclared)}.", findings)


def _finding(dataset: Dataset, readers: tuple[str, ...], story: Story) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"{dataset.name} is removed, and the story does not say so",
        place=Place(file=dataset.file, dataset=dataset.name),
        found=f"gone; read by {listed(readers)}" if readers else "gone; no other dataset read it",
        expected="every dataset of the base revision",
        remedy=f"put {dataset.file} back, or declare `{dataset.name}: {{rows: -100%..-100%}}` under `impact`"
        f" in {story.file}",
    )
