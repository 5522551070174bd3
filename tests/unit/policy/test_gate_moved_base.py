"""What is merged is what was reviewed: the base has not moved beneath it."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, deployment

from penstock.policy.gates.moved_base import judge


def test_a_base_that_stands_still_passes() -> None:
    assert_passes(judge(deployment()))


def test_each_file_that_moved_on_the_base_fails() -> None:
    verdict = judge(deployment(base_conflicts=("pipelines/sales/b.sql", "pipelines/sales/a.sql")))
    assert_fails(verdict, "", "")
    assert [one.place.file for one in verdict.findings] == ["pipelines/sales/a.sql", "pipelines/sales/b.sql"]
    assert verdict.summary.startswith("2 files moved on the base since the change began: pipelines/sales/a.sql,")


def test_of_a_branch_that_somebody_merged_each_file_that_is_otherwise_fails() -> None:
    verdict = judge(deployment(base_conflicts=("pipelines/sales/a.sql",), merged_by_hand=True))
    assert_fails(verdict, "")
    assert "pipelines/sales/a.sql on the base is not what was reviewed" in verdict.findings[0].message
    assert "git revert -m 1" in (verdict.findings[0].remedy or "")
