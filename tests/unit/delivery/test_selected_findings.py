"""Which findings `GATE[:CODE[:PLACE]]` names."""

from __future__ import annotations

import pytest

from penstock.delivery.waiving import Selection
from penstock.model.findings import Finding, Place

FOUND = Finding(
    code="gate.low_quality.check",
    message="a check fails",
    place=Place(file="pipelines/sales/daily.sql", line=7, dataset="sales.daily", field="net"),
)


@pytest.mark.parametrize(
    "text",
    [
        "low_quality",
        "low_quality:check",
        "low_quality:gate.low_quality.check",
        "low_quality:check:sales.daily",
        "low_quality:check:sales.daily.net",
        "low_quality:check:pipelines/sales/daily.sql",
        "low_quality:check:pipelines/sales/daily.sql:7",
        "low_quality::sales.daily",
    ],
)
def test_a_gate_a_code_a_place_name_the_finding(text: str) -> None:
    assert Selection.parse(text).takes(FOUND)


@pytest.mark.parametrize(
    "text", ["low_quality:score", "low_quality:check:sales.weekly", "low_quality:check:daily.sql:7"]
)
def test_another_code_or_place_does_not(text: str) -> None:
    assert not Selection.parse(text).takes(FOUND)
