"""Periods are read from what contracts say, and counted back by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.model.periods import Period, Unit, parse_period

NOON = datetime(2024, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("90 d", "90 days"), ("90d", "90 days"), ("90 days", "90 days"), ("1 Day", "1 day"), ("P90D", "90 days"),
        ("7 years", "7 years"), ("3 y", "3 years"), ("P3Y", "3 years"), ("6 months", "6 months"), ("P6M", "6 months"),
        ("2 weeks", "2 weeks"), ("36 h", "36 hours"),
    ],
)  # fmt: skip
def test_a_number_and_a_unit_is_a_period(text: str, read: str) -> None:
    assert str(parse_period(text)) == read


@pytest.mark.parametrize("text", ["", "forever", "3 m", "0 days", "-1 d", "1.5 years", "P1Y6M", "90", "3 fortnights"])
def test_what_leaves_a_choice_or_is_no_period_is_none(text: str) -> None:
    assert parse_period(text) is None


@pytest.mark.parametrize(
    ("count", "unit", "before"),
    [
        (36, Unit.HOUR, "2024-03-30T00:00"), (1, Unit.DAY, "2024-03-30T12:00"), (2, Unit.WEEK, "2024-03-17T12:00"),
        (1, Unit.MONTH, "2024-02-29T12:00"), (13, Unit.MONTH, "2023-02-28T12:00"), (1, Unit.YEAR, "2023-03-31T12:00"),
    ],
)  # fmt: skip
def test_months_and_years_are_those_of_the_calendar(count: int, unit: Unit, before: str) -> None:
    assert Period(count=count, unit=unit).before(NOON) == datetime.fromisoformat(before).replace(tzinfo=UTC)


@pytest.mark.parametrize("unit", [Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR])
def test_a_period_longer_than_time_reaches_back_to_its_beginning(unit: Unit) -> None:
    assert Period(count=9_999_999, unit=unit).before(NOON) == datetime.min.replace(tzinfo=UTC)


def test_periods_compare_by_what_they_usually_take() -> None:
    texts = ["36 h", "2 d", "1 w", "8 d", "1 month", "31 d", "12 months", "366 d", "2 y"]
    hours = [period.hours for text in texts if (period := parse_period(text))]
    assert hours == sorted(set(hours))
    assert timedelta(hours=hours[1]) == timedelta(days=2)
