"""The page about edits is made by `benchmarks/edits.py` from the tools' own answers; here Penstock is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import edits
import pytest
from edit_cases import CASES
from edit_project import BASE, LETTERS

if TYPE_CHECKING:
    from pathlib import Path

REMEDY = "run `python benchmarks/edits.py --write`, and look at what it changes in docs/edits.md"


@pytest.fixture(scope="module")
def written() -> dict[tuple[str, str], list[str]]:
    """The page's rows: an edit and where it is made, and the other cells."""
    rows = {}
    for line in edits.PAGE.read_text(encoding="utf-8").partition("## Sums")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) > 3 and cells[0] not in {"edit", "---"}:
            rows[cells[0], cells[1]] = cells[2:]
    return rows


def test_the_page_has_every_edit_and_no_other(written: dict[tuple[str, str], list[str]]) -> None:
    assert list(written) == [(case.name, case.at) for case in CASES], REMEDY
    assert len(CASES) >= 40


def test_the_page_says_what_penstock_builds_and_says(tmp_path: Path, written: dict[tuple[str, str], list[str]]) -> None:
    for case, answer in zip(CASES, edits.penstock_answers(tmp_path), strict=True):
        needed, built, says = written[case.name, case.at][:3]
        signed = edits.cells(answer, edits.Truth(needed=_names(needed), breaks=False))
        assert (built, says) == signed, f"{case.at}, {case.name}: {REMEDY}"


def test_every_edit_edits_something() -> None:
    assert [case.name for case in CASES if case.edit(BASE) == BASE] == []


def _names(letters: str) -> frozenset[str]:
    return frozenset(name for name, letter in LETTERS.items() if letter in letters.split())
