"""A dataset that the change makes promises nothing, or nobody answers for it and its pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.making import made_datasets, pipelines_of
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset, Pipeline
    from penstock.policy.facts import ImplementationFacts

GATE = "missing_contract"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse datasets made without contract, owner or columns, and pipelines without owner or SLA."""
    project = facts.project
    if project is None:
        return not_applicable(GATE, "The project cannot be read.")
    datasets = made_datasets(project, facts)
    pipelines = pipelines_of(project, datasets, facts)
    if not datasets and not pipelines:
        return not_applicable(GATE, "The change makes no dataset and no pipeline.")
    findings = (
        *(finding for dataset in datasets for finding in _dataset(dataset)),
        *(finding for pipeline in pipelines for finding in _pipeline(pipeline)),
    )
    looked_at = f"{counted(len(datasets), 'dataset')} in {counted(len(pipelines), 'pipeline')}"
    if not findings:
        return passed(GATE, f"{looked_at} with contract, owner, columns and SLA.")
    named = listed(dict.fromkeys(finding.place.dataset or str(finding.place.file) for finding in findings))
    return failed(GATE, f"{counted(len(findings), 'promise')} missing in {looked_at}: {named}.", findings)


def _dataset(dataset: Dataset) -> Iterator[Finding]:
    contract = dataset.contract
    place = Place(file=contract.file if contract else dataset.file, dataset=dataset.name)
    wanted = f"contracts/{dataset.name}.odcs.yaml"
    if contract is None:
        yield _finding("contract", f"{dataset.name} has no contract", place, f"write {wanted}")
    elif not contract.columns:
        yield _finding("columns", f"the contract of {dataset.name} lists no column", place, f"list them in {wanted}")
    if contract is not None and not (contract.owner or "").strip():
        yield _finding("owner", f"the contract of {dataset.name} names no owner", place, f"name `team` in {wanted}")


def _pipeline(pipeline: Pipeline) -> Iterator[Finding]:
    place = Place(file=pipeline.file)
    if not pipeline.owner.strip():
        yield _finding("owner", f"pipeline {pipeline.name} has no owner", place, "set `owner`")
    if pipeline.sla is None:
        yield _finding("sla", f"pipeline {pipeline.name} has no SLA", place, "set `sla.ready_by`")


def _finding(detail: str, message: str, place: Place, remedy: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}.{detail}",
        message=message,
        place=place,
        found=f"no {detail}",
        expected="contract, owner and columns of each dataset; owner and SLA of its pipeline",
        remedy=remedy,
    )
