"""GateBench's own cases are whole: read, labelled, applicable to their base, as many and as mixed as its page says."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from gatebench.bases import BASES
from gatebench.cases import OWN_CASES, CaseError, Label, read_case, read_cases

if TYPE_CHECKING:
    from pathlib import Path

CASES = read_cases(OWN_CASES)


@pytest.fixture(scope="module", params=sorted(BASES.keys() - {"tiny"}))
def delivered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The files that a base's repository holds once it is delivered, but for what Penstock itself writes."""
    base = BASES[request.param]
    tree = tmp_path_factory.mktemp(base.name) / "tree"
    shutil.copytree(base.folder, tree, ignore=shutil.ignore_patterns("stories", "data"))
    shutil.copytree(base.folder / "stories" / "BASE-1", tree, dirs_exist_ok=True)
    return base.name, tree


def test_every_patch_applies_to_its_base(delivered: tuple[str, Path]) -> None:
    base, tree = delivered
    refused = {
        case.name: done.stderr
        for case in CASES
        if case.base == base
        if (done := _applies(case.folder / "change.patch", tree)).returncode
    }
    assert refused == {}


def test_there_are_enough_cases_of_both_labels_on_four_bases() -> None:
    labels = Counter(case.label for case in CASES)
    assert len(CASES) >= 160
    assert labels[Label.GOOD] >= 0.4 * len(CASES)
    assert {case.base for case in CASES} == set(BASES) - {"tiny"}
    assert len(BASES) > 4


def test_a_third_of_the_cases_is_held_out_of_both_labels() -> None:
    for label in Label:
        some = [case for case in CASES if case.label is label]
        assert 0.3 < sum(case.held_out for case in some) / len(some) < 0.37


def test_kinds_of_faults_are_tried_on_more_than_one_base_but_for_rates_of_money() -> None:
    bases: dict[str, set[str]] = {}
    for case in CASES:
        if case.label is Label.BAD:
            bases.setdefault(case.kind, set()).add(case.base)
    assert len(bases) >= 30
    assert [kind for kind, some in bases.items() if len(some) < 2] == ["wrong currency date"]


def test_every_case_says_why_and_has_a_change_of_its_own() -> None:
    assert [case.name for case in CASES if len(case.why) < 10] == []
    assert [change for change, times in Counter(case.change for case in CASES).items() if times > 1] == []


def test_a_case_that_is_wrongly_written_is_named_with_all_its_mistakes(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("base: nowhere\nlabel: fine\nkind: fix\nwhy: none\ncolour: red\n")
    (tmp_path / "story.md").write_text("---\nid: X-1\nauthor: {kind: patch, file: change.patch}\n---\n")
    with pytest.raises(CaseError) as caught:
        read_case(tmp_path, "mine")
    said = str(caught.value)
    for mistake in ("colour is no key", "base is nowhere", "label is fine", "change.patch is not there"):
        assert mistake in said


def test_a_folder_without_cases_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"no case\.yaml"):
        read_cases(tmp_path)


def _applies(patch: Path, tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=tree, capture_output=True, text=True, check=False
    )
