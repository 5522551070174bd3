"""Each gate over what an author writes refuses a real change in a real repository, and its remedy clears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gate_bench import PIPELINE, Shop, shop

from penstock.model.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Shop:
    return shop(tmp_path / "shop")


def refused(place: Shop, gate: str, code: str, files: Mapping[str, str], front: str = "") -> None:
    """The change is refused by this gate alone, with this finding."""
    report = place.deliver(files, front)
    held = [verdict.gate for verdict in report.verdicts if verdict.outcome is Outcome.FAIL]
    assert held == [gate], report.verdicts
    assert f"gate.{gate}{code and '.'}{code}" in {finding.code for finding in report.findings}


def cleared(place: Shop, gate: str, files: Mapping[str, str], front: str = "") -> None:
    """The same change with the remedy goes on, and the gate had something to look at."""
    report = place.deliver(files, front)
    assert report.outcome is Outcome.PASS, report.findings
    assert place.verdict(report, gate).outcome is Outcome.PASS


def test_missing_retries(place: Shop) -> None:
    once = {"pipelines/shop/pipeline.yaml": PIPELINE + "retries: {attempts: 2}\n"}
    refused(place, "missing_retries", "lowered", once)
    cleared(place, "missing_retries", once, "retries: {attempts: 2}\n")
