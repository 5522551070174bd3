"""A budget is a share of the whole window's events; what burns it slowly is told from what spends it."""

from __future__ import annotations

import pytest

from penstock.policy.budgets import EVENTS, Burn, burns


def slow(*runs: int) -> list[dict[str, int]]:
    return [{"runs": 1, "slow": each} for each in runs]


def burn(*runs: int, share: float = 0.3, window: int = 7) -> Burn:
    (found,) = burns({"runtime": share}, slow(*runs), window)
    return found


def test_nothing_bad_burns_nothing() -> None:
    found = burn(0, 0, 0)
    assert (found.rate, found.spent) == (0.0, False)


def test_what_fits_into_the_window_is_borne() -> None:
    found = burn(1, 0, 1)
    assert found.allowed == pytest.approx(2.1)
    assert found.rate == pytest.approx(2 / 3 / 0.3)
    assert not found.spent


def test_the_event_that_uses_the_budget_up_spends_it() -> None:
    assert burn(1, 0, 1, 1).spent
    assert burn(1, share=0.1).spent


def test_a_rate_of_one_lasts_exactly_to_the_end() -> None:
    found = burn(1, 0, 0, 0, 0, share=0.2, window=5)
    assert found.rate == pytest.approx(1.0)
    assert found.spent


def test_without_a_share_the_first_bad_event_is_too_many() -> None:
    assert burn(0, share=0.0).rate == 0.0
    assert burn(1, share=0.0).spent


def test_events_are_counted_by_what_they_are_events_of() -> None:
    measured = [{"attempts": 10, "failed": 1, "checks": 4, "warnings": 2}, {"attempts": 10, "failed": 0, "checks": 4}]
    found = {each.objective: each for each in burns({"errors": 0.1, "warnings": 0.5}, measured, 4)}
    assert (found["errors"].bad, found["errors"].seen, found["errors"].allowed) == (1, 20, 4.0)
    assert (found["warnings"].bad, found["warnings"].seen) == (2, 8)
    assert not found["errors"].spent


def test_every_objective_counts_bad_ones_of_all() -> None:
    for objective, (bad, seen) in EVENTS.items():
        (found,) = burns({objective: 0.5}, [{bad: 1, seen: 1}], 1)
        assert (found.bad, found.seen, found.spent) == (1, 1, True)
