"""A dataset that the change makes promises nothing, or nobody answers for it and its pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset, Pipeline, Project
    from penstock.policy.facts import ImplementationFacts

GATE = "missing_contract"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse datasets made without contract, owner or columns, and pipelines without retries, owner or SLA."""
    project = facts.project
    if project is None:
        return not_applicable(GATE, "The project cannot be read.")
    datasets = _made(project, facts)
    pipelines = _pipelines(project, datasets, facts)
    if not datasets and not pipelines:
        return not_applicable(GATE, "The change makes no dataset and no pipeline.")
    findings = (
        *(finding for dataset in datasets for finding in _dataset(dataset)),
        *(finding for pipeline in pipelines for finding in _pipeline(pipeline)),
    )
    looked_at = f"{counted(len(datasets), 'dataset')} in {counted(len(pipelines), 'pipeline')}"
    if not findings:
        return passed(GATE, f"{looked_at} with contract, owner, columns, retries and SLA.")
    named = listed(dict.fromkeys(finding.place.dataset or str(finding.place.file) for finding in findings))
    return failed(GATE, f"{counted(len(findings), 'promise')} missing in {looked_at}: {named}.", findings)


def _made(project: Project, facts: ImplementationFacts) -> list[Dataset]:
    """The datasets that are new, or whose files or contract the branch touches."""
    changed = set(facts.changed_files)
    before = facts.base.datasets if facts.base else {}
    return [
        dataset
        for name, dataset in sorted(project.datasets.items())
        if name not in before
        or changed & {one.file for one in (dataset, dataset.contract, before[name].contract) if one is not None}
    ]


def _pipelines(project: Project, datasets: list[Dataset], facts: ImplementationFacts) -> list[Pipeline]:
    """The pipelines of those datasets, and those whose own file the branch touches."""
    names = {dataset.pipeline for dataset in datasets}
    changed = set(facts.changed_files)
    return [one for name, one in sorted(project.pipelines.items()) if name in names or one.file in changed]


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
    if dataset.retry is not None and dataset.retry.attempts <= 1:
        message = f"{dataset.name} is never tried again after an error that may pass"
        yield _finding("retries", message, Place(file=dataset.file, dataset=dataset.name), "allow 2 attempts or more")


def _pipeline(pipeline: Pipeline) -> Iterator[Finding]:
    place = Place(file=pipeline.file)
    if pipeline.retry.attempts <= 1:
        message = f"pipeline {pipeline.name} never tries again after an error that may pass"
        yield _finding("retries", message, place, "set `retries.attempts` to 2 or more")
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
        expected="contract, owner and columns of each dataset; owner, SLA and more than one attempt of its pipeline",
        remedy=remedy,
    )
