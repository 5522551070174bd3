"""What a change makes is tried again, waits in between, ends in time; and has no less of that than before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from policy_cases import (
    REVENUE,
    assert_fails,
    assert_passes,
    codes,
    contract,
    dataset,
    implementation,
    pipeline,
    project,
    story,
)

from penstock.model.findings import Outcome, Severity
from penstock.model.pipelines import CommandTask, PythonTask, Retry
from penstock.policy.gates.missing_retries import judge

if TYPE_CHECKING:
    from penstock.policy.facts import ImplementationFacts

SETTINGS = "pipelines/sales/pipeline.yaml"
PROGRAM = PythonTask(function="best_days", reads_by_parameter={}, code_digest="1")
COMMAND = CommandTask(argv=("Rscript", "fit.R"), reads_by_parameter={}, code_digest="1")
TEN_MINUTES = timedelta(minutes=10)


def made(*datasets: Any, **settings: Any) -> ImplementationFacts:
    """A branch that makes these datasets where nothing was."""
    return implementation(base=None, project=project(*datasets, pipelines=(pipeline(**settings),)), changed_files=())


def altered(before: Retry, after: Retry, **changes: Any) -> ImplementationFacts:
    """A branch that gives the pipeline other retries."""
    base, new = (project(pipelines=(pipeline(retry=retry),)) for retry in (before, after))
    return implementation(base=base, project=new, changed_files=(SETTINGS,), **changes)


def test_the_defaults_are_enough() -> None:
    verdict = judge(made(dataset()))
    assert_passes(verdict)
    assert verdict.summary == "1 dataset in 1 pipeline with attempts, backoff and timeouts, as they had."


@pytest.mark.parametrize(
    ("retry", "missing"),
    [
        (Retry(attempts=1), "attempts"),
        (Retry(delay=0), "backoff"),
        (Retry(cap=0), "backoff"),
        (Retry(factor=1), "backoff"),
    ],
)
def test_a_pipeline_that_gives_up_or_does_not_wait_fails(retry: Retry, missing: str) -> None:
    verdict = judge(made(dataset(), retry=retry))
    assert_fails(verdict, missing)
    assert verdict.findings[0].place.file == SETTINGS


def test_a_dataset_of_its_own_retries_is_judged_by_those() -> None:
    verdict = judge(made(dataset(retry=Retry(attempts=1))))
    assert_fails(verdict, "attempts")
    assert verdict.findings[0].place.dataset == REVENUE


def test_two_attempts_wait_once_and_need_no_factor() -> None:
    assert_passes(judge(made(dataset(), retry=Retry(attempts=2, factor=1))))


@pytest.mark.parametrize("task", [PROGRAM, COMMAND])
def test_a_new_program_needs_a_timeout(task: PythonTask | CommandTask) -> None:
    assert_fails(judge(made(dataset(task=task))), "timeout")
    assert_passes(judge(made(dataset(task=task, timeout=TEN_MINUTES))))


def test_a_query_needs_none() -> None:
    assert_passes(judge(made(dataset(timeout=None))))


def test_a_program_that_never_had_a_timeout_warns() -> None:
    here = project(dataset(task=PROGRAM))
    verdict = judge(implementation(base=here, project=here))
    assert_passes(verdict)
    assert codes(verdict) == ["gate.missing_retries.timeout"]
    assert verdict.findings[0].severity is Severity.WARNING


@pytest.mark.parametrize("task", [PROGRAM, dataset().task])
def test_a_timeout_that_is_taken_away_fails_whatever_the_task(task: Any) -> None:
    before, after = (project(dataset(task=task, timeout=timeout)) for timeout in (TEN_MINUTES, None))
    verdict = judge(implementation(base=before, project=after))
    assert_fails(verdict, "timeout")
    assert "it was 0:10:00" in str(verdict.findings[0].expected)


def test_a_shorter_timeout_warns_and_a_longer_one_says_nothing() -> None:
    short, long = (project(dataset(timeout=timeout)) for timeout in (timedelta(minutes=5), TEN_MINUTES))
    verdict = judge(implementation(base=long, project=short))
    assert_passes(verdict)
    assert (verdict.findings[0].found, verdict.findings[0].expected) == ("0:05:00", "0:10:00")
    assert judge(implementation(base=short, project=long)).findings == ()


@pytest.mark.parametrize("changes", [{"attempts": 2}, {"delay": 0.5}, {"factor": 1.5}, {"cap": 10}])
def test_lower_retries_fail_undeclared(changes: dict[str, Any]) -> None:
    verdict = judge(altered(Retry(), Retry(**changes)))
    assert_fails(verdict, "lowered")
    assert verdict.findings[0].expected == "3 attempts, delay 1 s, factor 2, cap 60 s"


def test_a_story_that_says_retries_has_declared_them() -> None:
    declared = story(own={"retries": {"attempts": 2}})
    assert_passes(judge(altered(Retry(), Retry(attempts=2), story=declared)))


def test_no_declaration_makes_one_attempt_enough() -> None:
    declared = story(own={"retries": {"attempts": 1}})
    assert_fails(judge(altered(Retry(), Retry(attempts=1), story=declared)), "attempts")


def test_a_story_of_another_pipeline_declares_nothing_here() -> None:
    declared = story(own={"retries": {"attempts": 2}}, pipeline="finance")
    assert_fails(judge(altered(Retry(), Retry(attempts=2), story=declared)), "lowered")


def test_more_than_before_passes() -> None:
    assert_passes(judge(altered(Retry(), Retry(attempts=5, delay=2, factor=3, cap=90))))


def test_a_dataset_whose_own_retries_get_lower_fails() -> None:
    before, after = (project(dataset(retry=Retry(attempts=n))) for n in (5, 2))
    assert_fails(judge(implementation(base=before, project=after)), "lowered")


@pytest.mark.parametrize("path", ["pipelines/sales/daily_revenue.sql", f"contracts/{REVENUE}.odcs.yaml"])
def test_a_pipeline_is_judged_when_a_dataset_of_it_is_touched(path: str) -> None:
    here = project(dataset(contract=contract()), pipelines=(pipeline(retry=Retry(attempts=1)),))
    assert_fails(judge(implementation(base=here, project=here, changed_files=(path,))), "attempts")


def test_what_the_branch_leaves_alone_is_not_judged() -> None:
    here = project(pipelines=(pipeline(retry=Retry(attempts=1)),))
    facts = implementation(base=here, project=here, changed_files=("docs/sales.md",))
    assert judge(facts).outcome is Outcome.NOT_APPLICABLE


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
