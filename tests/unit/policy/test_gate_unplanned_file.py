"""A branch changes what was planned and nothing else."""

from __future__ import annotations

import pytest
from policy_cases import assert_fails, assert_passes, implementation

from penstock.policy.gates.unplanned_file import judge

PLANNED = "pipelines/sales/daily_revenue.sql"


def test_planned_files_pass() -> None:
    verdict = judge(implementation(changed_files=(PLANNED,)))
    assert_passes(verdict)
    assert verdict.summary == "1 changed file, every one planned."


def test_a_planned_file_that_stays_as_it_is_is_no_fault() -> None:
    assert_passes(judge(implementation(changed_files=())))


def test_the_change_s_own_folder_needs_no_plan() -> None:
    assert_passes(judge(implementation(changed_files=("changes/RETAIL-2/plan.md",))))


@pytest.mark.parametrize(
    "path", ["penstock.yaml", "keys/bo.yaml", "changes/RETAIL-1/dossier.md", "changes/RETAIL-22/plan.md", "changes/x"]
)
def test_any_other_file_fails(path: str) -> None:
    verdict = judge(implementation(changed_files=(PLANNED, path)))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.file == path
    assert verdict.summary == f"1 of 2 changed files not planned: {path}."
