"""The note of a change that went back says what, when, where, which objective, and how long readers saw it."""

from __future__ import annotations

from dataclasses import replace

from penstock.delivery.pages.incident import Incident, incident_page
from penstock.model.findings import Finding, Outcome, Place, Verdict

FINDING = Finding(
    code="gate.failed_observation.slo.runtime",
    message="the run took 90.0 s",
    place=Place(file="monitoring/shop.slo.yaml", dataset="shop.daily"),
    found="90.0 s",
    expected="at most 0:01:00",
    remedy="look at the slowest dataset",
)
WATCHED = Incident(
    change="SHOP-2",
    title="Only paid orders",
    step="observation window",
    by="penstock",
    reason="the observation window failed at 2024-03-11/2024-03-12",
    at="2024-03-12T08:02:00Z",
    interval="2024-03-11/2024-03-12",
    readers="production",
    since="2024-03-12T07:00:00+00:00",
    rehearsed_ms=9,
    verdicts=(Verdict(gate="failed_observation", outcome=Outcome.FAIL, summary="No.", findings=(FINDING,)),),
)


def test_a_failed_window_is_told_with_its_interval_its_objective_and_its_time() -> None:
    page = incident_page(WATCHED)
    assert "| interval | 2024-03-11/2024-03-12 |" in page
    assert "| seen by readers | production, for 1 h 2 min (since 2024-03-12T07:00:00+00:00) |" in page
    assert "`gate.failed_observation.slo.runtime` the run took 90.0 s (monitoring/shop.slo.yaml (shop.daily))" in page
    for line in ("  - found: 90.0 s", "  - expected: at most 0:01:00", "  - to clear it: look at the slowest dataset"):
        assert line in page
    assert "The way back took 9 ms when rehearsed." in page


def test_what_nobody_saw_is_said_to_be_unseen() -> None:
    page = incident_page(replace(WATCHED, step="shadow", readers="", since=""))
    assert "| seen by readers | no |" in page
    assert "Production was never touched" in page


def test_an_alert_keeps_its_key_however_often_it_is_told() -> None:
    told = WATCHED.to_json()
    assert told["key"] == "incident/SHOP-2"
    assert told["seconds_seen"] == 3720
    assert replace(WATCHED, at="2024-03-12T09:00:00Z").to_json()["key"] == told["key"]
