"""Personal data flows into a column that is not tagged as personal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.policy.exposures import exposure_finding
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Finding, Verdict
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
    found = exposure_finding(exposed, f"gate.{GATE}")
    if exposed.place or dataset is None:
        return found
    return replace(found, place=replace(found.place, file=dataset.file))
