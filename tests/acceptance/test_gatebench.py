"""The bench itself: a good and three bad changes of the smallest base come out as labelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gatebench.__main__ import main

CASES = Path(__file__).parent / "gatebench_cases"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gatebench")]  # its base is delivered once


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gatebench")
    written = folder / "figures.json"
    arguments = ("--cases", CASES, "--cache", folder / "cache", "--json", written, "--jobs", 2, "--quiet")
    assert main([str(argument) for argument in arguments]) == 0
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return found


def test_the_good_change_reaches_production_and_the_bad_ones_do_not(figures: dict[str, Any]) -> None:
    trials = figures["penstock"]["trials"]
    assert {trial["case"]: (trial["verdict"], trial["stage"]) for trial in trials} == {
        "spelt-out": ("accepted", "deployment"),
        "unpaid-too": ("refused", "review"),
        "nobody-approves": ("refused", "implementation"),
        "behind-the-approval": ("refused", "deployment"),
    }


def test_controls_go_through_the_same_sums(figures: dict[str, Any]) -> None:
    rates = {
        judge: tuple(found["all"][rate]["hits"] for rate in ("catch", "false_alarms"))
        for judge, found in figures.items()
    }
    assert rates["control: accept everything"] == (0, 0)
    assert rates["control: refuse everything"] == (3, 1)


def test_cases_that_are_not_there_end_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", str(tmp_path)]) == 2
    assert "no case.yaml" in capsys.readouterr().err
