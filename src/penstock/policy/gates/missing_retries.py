"""A task or a pipeline of the change gives up at once, waits too little in between, or may run for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.tasks import TaskKind
from penstock.policy.making import made_datasets, pipelines_of
from penstock.policy.verdicts import counted, judged, listed, not_applicable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset, Pipeline, Retry
    from penstock.policy.facts import ImplementationFacts

GATE = "missing_retries"
_PROGRAMS = frozenset({TaskKind.PYTHON, TaskKind.COMMAND})
_IDEMPOTENT = "; what it does beside its rows must bear to be done twice"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse tasks and pipelines made or altered without attempts, backoff and timeout, or with less, undeclared.

    What lacked them before and is only touched is a warning for timeouts: programs are stopped by default.
    """
    project = facts.project
    if project is None:
        return not_applicable(GATE, "The project cannot be read.")
    datasets = made_datasets(project, facts)
    pipelines = pipelines_of(project, datasets, facts)
    if not datasets and not pipelines:
        return not_applicable(GATE, "The change makes no dataset and no pipeline.")
    findings = (
        *(finding for pipeline in pipelines for finding in _pipeline(pipeline, facts)),
        *(finding for dataset in datasets for finding in _dataset(dataset, facts)),
    )
    looked_at = f"{counted(len(datasets), 'dataset')} in {counted(len(pipelines), 'pipeline')}"
    named = listed(dict.fromkeys(finding.place.dataset or str(finding.place.file) for finding in findings))
    return judged(
        GATE,
        findings,
        good=f"{looked_at} with attempts, backoff and timeouts, as they had.",
        bad=f"{counted(len(findings), 'limit')} missing or lowered in {looked_at}: {named}.",
    )


def _pipeline(pipeline: Pipeline, facts: ImplementationFacts) -> Iterator[Finding]:
    place, name = Place(file=pipeline.file), f"pipeline {pipeline.name}"
    yield from _absent(pipeline.retry, name, place)
    before = facts.base.pipelines.get(pipeline.name) if facts.base else None
    declared = facts.story.pipeline == pipeline.name and "retries" in facts.story.own
    if before is not None and not declared:
        yield from _lowered(before.retry, pipeline.retry, name, place, facts)


def _dataset(dataset: Dataset, facts: ImplementationFacts) -> Iterator[Finding]:
    place = Place(file=dataset.file, dataset=dataset.name)
    before = facts.base.datasets.get(dataset.name) if facts.base else None
    if dataset.retry is not None:
        yield from _absent(dataset.retry, dataset.name, place)
        if before is not None and before.retry is not None:
            yield from _lowered(before.retry, dataset.retry, dataset.name, place, facts)
    yield from _timeout(dataset, before, place)


def _absent(retry: Retry, name: str, place: Place) -> Iterator[Finding]:
    if retry.attempts <= 1:
        yield Finding(
            code=f"gate.{GATE}.attempts",
            message=f"{name} never tries again after an error that may pass",
            place=place,
            found="1 attempt",
            expected="2 attempts or more",
            remedy=f"set `retries.attempts` to 2 or more{_IDEMPOTENT}",
        )
    elif retry.delay <= 0 or retry.cap <= 0 or (retry.factor <= 1 and retry.attempts > 2):
        yield Finding(
            code=f"gate.{GATE}.backoff",
            message=f"{name} does not wait longer from attempt to attempt",
            place=place,
            found=_said(retry),
            expected="a delay and a cap above 0, and a factor above 1",
            remedy="set `retries.delay`, `retries.factor` and `retries.cap`, or leave them out: 1, 2 and 60 hold then",
        )


def _lowered(before: Retry, after: Retry, name: str, place: Place, facts: ImplementationFacts) -> Iterator[Finding]:
    words = ("attempts", "delay", "factor", "cap")
    lower = [word for word in words if getattr(after, word) < getattr(before, word)]
    if lower and after.attempts > 1:
        yield Finding(
            code=f"gate.{GATE}.lowered",
            message=f"{name} has less {', '.join(lower)} than before, undeclared",
            place=place,
            found=_said(after),
            expected=_said(before),
            remedy=f"put `retries` back as they were, or say `retries:` in {facts.story.file}",
        )


def _said(retry: Retry) -> str:
    return f"{retry.attempts} attempts, delay {retry.delay:g} s, factor {retry.factor:g}, cap {retry.cap:g} s"


def _timeout(dataset: Dataset, before: Dataset | None, place: Place) -> Iterator[Finding]:
    was = before.timeout if before else None
    if dataset.timeout is None and (was is not None or dataset.task.kind in _PROGRAMS):
        new = before is None or was is not None
        yield Finding(
            code=f"gate.{GATE}.timeout",
            message=f"{dataset.name} does not say for how long it may run",
            severity=Severity.ERROR if new else Severity.WARNING,
            place=place,
            found="no timeout",
            expected=f"a timeout; it was {was}" if was else "a timeout, as every program has that a change makes",
            remedy="set `timeout`, such as 10m",
        )
    elif dataset.timeout is not None and was is not None and dataset.timeout < was:
        yield Finding(
            code=f"gate.{GATE}.timeout",
            message=f"{dataset.name} is stopped earlier than before",
            severity=Severity.WARNING,
            place=place,
            found=str(dataset.timeout),
            expected=str(was),
            remedy="make sure that its longest run so far ends in time",
        )
