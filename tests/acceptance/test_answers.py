"""Answers can be corrected until the stage that uses them has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from penstock_places import ANSWERS, AUTHOR, retail

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_an_answer_can_be_given_anew_until_discovery_has_passed(tmp_path: Path) -> None:
    place = retail(tmp_path)
    place.penstock("deliver", "stories/RETAIL-3.md", "--as", AUTHOR, exits=4)
    place.penstock("change", "answer", "RETAIL-3", "Q1", "05:00")
    place.penstock("change", "answer", "RETAIL-3", "Q1", ANSWERS["Q1"])
    said = place.penstock("change", "questions", "RETAIL-3", "--json").result["questions"]
    assert next(question["answer"] for question in said if question["id"] == "Q1") == ANSWERS["Q1"]

    for question in ("Q2", "Q3", "Q4", "Q5"):
        place.penstock("change", "answer", "RETAIL-3", question, ANSWERS[question])
    place.penstock("change", "resume", "RETAIL-3", exits=4)
    late = place.penstock("change", "answer", "RETAIL-3", "Q1", "06:00", exits=2)
    assert "no open question Q1" in late.err
