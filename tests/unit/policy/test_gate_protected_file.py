"""A branch does not write what decides about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_cases import assert_fails, assert_passes, implementation, project

from penstock.model.suites import Expectations
from penstock.policy.gates.protected_file import judge

PLANNED = "pipelines/sales/daily_revenue.sql"


def test_files_of_the_project_pass() -> None:
    own = "changes/RETAIL-2/plan.md"
    assert_passes(judge(implementation(changed_files=(PLANNED, own, "contracts/sales.daily_revenue.odcs.yaml"))))


def test_the_author_s_own_new_key_passes() -> None:
    assert_passes(judge(implementation(changed_files=("keys/ann.yaml",), author="ann")))


def test_the_author_s_own_key_fails_if_its_author_hands_it_in() -> None:
    path = "keys/ann.yaml"
    verdict = judge(implementation(changed_files=(path,), authored_files=(path,), author="ann"))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.file == path


@pytest.mark.parametrize(
    "path",
    [
        "penstock.yaml",
        "Penstock.yaml",
        "KEYS/mallory.yaml",
        "Changes/RETAIL-1/dossier.md",
        ".GitHub/workflows/deploy.yml",
        "keys/mallory.yaml",
        "keys/deep/ann.yaml",
        "changes/RETAIL-1/dossier.md",
        "changes/notes.md",
        ".gitattributes",
        "pipelines/.gitattributes",
        ".github/workflows/deploy.yml",
    ],
)
def test_what_decides_about_changes_fails_though_it_was_planned(path: str) -> None:
    verdict = judge(implementation(changed_files=(PLANNED, path), planned_files=(PLANNED, path), author="ann"))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.file == path


SUITE = Expectations(dataset="sales.daily_revenue", file="./gx/expectations/revenue.json")
CHECKPOINT = Expectations(dataset="sales.daily_revenue", file="gx/checkpoints/nightly.json", is_checkpoint=True)


@pytest.mark.parametrize(
    ("use", "path"),
    [
        (SUITE, "gx/expectations/revenue.json"),
        (CHECKPOINT, "gx/checkpoints/nightly.json"),
        (CHECKPOINT, "gx/validation_definitions/v.json"),
        (CHECKPOINT, "gx/expectations/deep/revenue.json"),
    ],
)
def test_what_a_dataset_is_held_to_by_another_tool_is_protected(use: Expectations, path: str) -> None:
    base = replace(project(), settings=replace(project().settings, great_expectations=(use,)))
    verdict = judge(implementation(base=base, changed_files=(PLANNED, path), planned_files=(PLANNED, path)))
    assert_fails(verdict, "")
    assert [one.place.file for one in verdict.findings] == [path]


@pytest.mark.parametrize("path", ["gx/expectations/others.json", "gx/checkpoints/nightly.json"])
def test_suites_that_nothing_is_held_to_pass(path: str) -> None:
    base = replace(project(), settings=replace(project().settings, great_expectations=(SUITE,)))
    assert_passes(judge(implementation(base=base, changed_files=(PLANNED, path))))
