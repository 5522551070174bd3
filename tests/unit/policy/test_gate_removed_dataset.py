"""A dataset does not vanish unless the story says that all its rows go."""

from __future__ import annotations

import pytest
from policy_cases import (
    REVENUE,
    STAGED,
    assert_fails,
    assert_passes,
    dataset,
    impact,
    implementation,
    project,
    story,
)

from penstock.model.findings import Outcome
from penstock.model.pipelines import SqlTask
from penstock.policy.gates.removed_dataset import judge

READER = dataset(task=SqlTask(text="SELECT 1", reads=(STAGED,), query_digest="1", edits=()))
BEFORE = project(READER, dataset(STAGED))
AFTER = project(READER)


def test_nothing_removed_passes() -> None:
    assert_passes(judge(implementation()))


def test_a_removed_dataset_fails_and_names_who_read_it() -> None:
    verdict = judge(implementation(base=BEFORE, project=AFTER))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.dataset == STAGED
    assert verdict.findings[0].found == f"gone; read by {REVENUE}"


def test_a_removed_dataset_that_nobody_read_fails_too() -> None:
    verdict = judge(implementation(base=BEFORE, project=project(dataset(STAGED))))
    assert_fails(verdict, "")
    assert verdict.findings[0].found == "gone; no other dataset read it"


@pytest.mark.parametrize("rows", ["-100%..-100%", "-100%..0%", "-150%..0%"])
def test_a_declared_loss_of_all_rows_lets_a_dataset_go(rows: str) -> None:
    declared = story(impact=impact(STAGED, rows=rows))
    assert_passes(judge(implementation(base=BEFORE, project=AFTER, story=declared)))


@pytest.mark.parametrize("rows", ["any", "none", "-99.9%..0%", None])
def test_no_other_declaration_lets_a_dataset_go(rows: str | None) -> None:
    declared = story(impact=impact(STAGED, rows=rows))
    assert_fails(judge(implementation(base=BEFORE, project=AFTER, story=declared)), "")


def test_where_nothing_was_nothing_can_be_removed() -> None:
    assert judge(implementation(base=None)).outcome is Outcome.NOT_APPLICABLE


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(base=BEFORE, project=None)).outcome is Outcome.NOT_APPLICABLE
