"""What a person wrote into a generated file is not written over in silence."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, design

from penstock.policy.gates.hand_edited_files import judge


def test_untouched_files_may_be_written_over() -> None:
    verdict = judge(design())
    assert_passes(verdict)
    assert verdict.summary == "No hand edit would be lost in 1 planned file."


def test_each_file_edited_by_hand_fails() -> None:
    verdict = judge(design(base_files_edited_by_hand=("pipelines/sales/b.sql", "docs/sales.md")))
    assert_fails(verdict, "", "")
    assert [one.place.file for one in verdict.findings] == ["docs/sales.md", "pipelines/sales/b.sql"]
    assert verdict.summary == "2 files edited by hand would be written over: docs/sales.md, pipelines/sales/b.sql."
