"""A branch does not write what decides about it."""

from __future__ import annotations

import pytest
from policy_cases import assert_fails, assert_passes, implementation

from penstock.policy.gates.protected_file import judge

PLANNED = "pipelines/sales/daily_revenue.sql"


def test_files_of_the_project_pass() -> None:
    own = "changes/RETAIL-2/plan.md"
    assert_passes(judge(implementation(changed_files=(PLANNED, own, "contracts/sales.daily_revenue.odcs.yaml"))))


def test_the_author_s_own_new_key_passes() -> None:
    assert_passes(judge(implementation(changed_files=("keys/ann.yaml",), author="ann")))


@pytest.mark.parametrize(
    "path",
    [
        "penstock.yaml",
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
