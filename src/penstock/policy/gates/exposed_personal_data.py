"""Personal data flows into a column that is not tagged as personal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Project
    from penstock.policy.facts import ExposedColumn, ImplementationFacts

GATE = "exposed_personal_data"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse columns that carry personal data on without saying so."""
    project = facts.project
    if project is None:
        return not_applicable(GATE, "The project cannot be read.")
    if not facts.exposed:
        return passed(GATE, f"No untagged column carries personal data in {counted(len(project.datasets), 'dataset')}.")
    named = listed(f"{one.dataset}.{one.column}" for one in facts.exposed)
    summary = f"{counted(len(facts.exposed), 'untagged column')} with personal data: {named}."
    return failed(GATE, summary, [_finding(one, project) for one in facts.exposed])


def _finding(exposed: ExposedColumn, project: Project) -> Finding:
    dataset = project.datasets.get(exposed.dataset)
    return Finding(
        code=f"gate.{GATE}",
        message=f"{exposed.dataset}.{exposed.column} carries {exposed.kind} from {exposed.comes_from}"
        " and is not tagged as personal",
        place=Place(file=dataset.file if dataset else None, dataset=exposed.dataset, field=exposed.column),
        found=f"{exposed.kind} by lineage, no tag",
        expected="a tag in the contract, or no personal data in the column",
        remedy="leave the column out, make a number of people of it, or tag it in the contract of the dataset",
    )
