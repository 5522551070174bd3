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


def test_unpinned_dependency(place: Shop) -> None:
    refused(place, "unpinned_dependency", "unpinned", {"requirements.txt": "pandas>=2\n"})
    cleared(place, "unpinned_dependency", {"requirements.txt": "pandas==2.2.3\n"})


def test_unpinned_dependency_above_the_project(tmp_path: Path) -> None:
    """A lock of the repository's top belongs to a project in a folder of it."""
    place = shop(tmp_path / "shops" / "shop", top=tmp_path)
    (tmp_path / "requirements.in").write_text("pandas>=2\n")
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "shops" / "constraints.txt").write_text("rich<16\n")
    place.git("add", "--all", cwd=tmp_path)
    place.git("commit", "--quiet", "--message", "Ours")
    report = place.deliver({"docs/shop.md": "# The shop\n"})
    verdict = place.verdict(report, "unpinned_dependency")
    assert [finding.place.file for finding in verdict.findings] == ["../../requirements.txt", "../../requirements.txt"]
    assert "3 files" in verdict.summary
    assert report.outcome is Outcome.PASS
