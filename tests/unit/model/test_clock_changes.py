"""What clock changes do to fires is said of the right fires, and of no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.model.clock_changes import clock_changes, firings
from penstock.model.schedule import ScheduleError, fires, latest_fire, parse_schedule

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def notes(text: str, zone: str, start: str, end: str) -> list[tuple[str, str]]:
    """The fires that something is said of, as local times, and what."""
    found = firings(parse_schedule(text, zone), utc(start), utc(end))
    return [(f"{firing.local:%m-%d %H:%M}", firing.note) for firing in found if firing.note]


# -- the changes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "year", "changes"),
    [
        ("UTC", 2024, []),
        ("Asia/Tokyo", 2024, []),
        ("Europe/Berlin", 2024, [("2024-03-31T01:00", 60), ("2024-10-27T01:00", -60)]),
        ("Australia/Lord_Howe", 2024, [("2024-04-06T15:00", -30), ("2024-10-05T15:30", 30)]),
        ("America/Sao_Paulo", 2018, [("2018-02-18T02:00", -60), ("2018-11-04T03:00", 60)]),
        ("Pacific/Apia", 2011, [("2011-04-02T14:00", -60), ("2011-09-24T14:00", 60), ("2011-12-30T10:00", 1440)]),
    ],
)
def test_every_change_of_a_year_is_found_to_the_second(zone: str, year: int, changes: list[tuple[str, int]]) -> None:
    found = clock_changes(zone, utc(f"{year}-01-01"), utc(f"{year + 1}-01-01"))
    assert [(change.at, change.skipped) for change in found] == [
        (utc(at), timedelta(minutes=minutes)) for at, minutes in changes
    ]
    for change in found:
        at = change.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        just_before = (change.at - SECOND).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert (change.before, change.after) == (just_before + SECOND, at)


def test_a_change_belongs_to_the_window_that_ends_with_it() -> None:
    at = utc("2024-03-31T01:00")
    assert len(clock_changes("Europe/Berlin", at - DAY, at)) == 1
    assert clock_changes("Europe/Berlin", at - DAY, at - SECOND) == ()
    assert clock_changes("Europe/Berlin", at, at + DAY) == ()


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ScheduleError):
        clock_changes("Europe/Berln", utc("2024-01-01"), utc("2024-01-02"))


# -- what is said of fires ----------------------------------------------------------------------------------------


def test_a_fire_that_was_moved_says_from_where() -> None:
    assert notes("30 2 * * *", "Europe/Berlin", "2024-03-01", "2024-05-01") == [
        ("03-31 03:00", "moved here from 02:30, which the clock skips")
    ]


def test_a_fire_at_the_gaps_end_that_has_a_time_of_its_own_says_so() -> None:
    assert notes("0,15 2,3 * * *", "Europe/Berlin", "2024-03-01", "2024-05-01") == [
        ("03-31 03:00", "also for 02:00, 02:15, which the clock skips")
    ]


def test_of_many_skipped_times_a_few_are_named() -> None:
    (found,) = notes("*/5 2 * * *", "Europe/Berlin", "2024-03-01", "2024-05-01")
    assert found == ("03-31 03:00", "moved here from 02:00, 02:05, 02:10 and 9 more, which the clock skips")


def test_a_skipped_date_is_named() -> None:
    assert notes("0 6 * * *", "Pacific/Apia", "2011-12-01", "2012-01-05") == [
        ("12-31 00:00", "moved here from 2011-12-30 06:00, which the clock skips")
    ]


def test_a_fixed_time_that_comes_twice_says_that_it_fires_once() -> None:
    assert notes("30 2 * * *", "Europe/Berlin", "2024-10-01", "2024-12-01") == [
        ("10-27 02:30", "the clock shows 02:30 twice; it fires the first time only")
    ]


def test_a_wildcard_hour_says_which_time_it_is() -> None:
    assert notes("30 * * * *", "Europe/Berlin", "2024-10-26", "2024-10-29") == [
        ("10-27 02:30", "the clock shows 02:30 twice; the first time"),
        ("10-27 02:30", "the clock shows 02:30 twice; the second time"),
    ]


def test_a_wildcard_hour_says_what_it_left_out() -> None:
    assert notes("30 * * * *", "Europe/Berlin", "2024-03-30", "2024-04-02") == [
        ("03-31 03:30", "the clock skipped 02:30 before it")
    ]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0 6 * * *", "Europe/Berlin"),
        ("30 2 * * mon", "Europe/Berlin"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("@daily", "UTC"),
    ],
)
def test_nothing_is_said_where_no_clock_change_matters(text: str, zone: str) -> None:
    assert notes(text, zone, "2024-01-01", "2025-01-01") == []


def test_a_window_that_begins_at_a_gaps_end_says_it_too() -> None:
    assert len(notes("30 2 * * *", "Europe/Berlin", "2024-03-31T01:00", "2024-03-31T02:00")) == 1


@settings(max_examples=60, deadline=None)
@given(
    text=st.sampled_from(["*/30 * * * *", "30 2 * * *", "0 0 * * *", "15,45 1,2,23 * * *", "0 */3 * * sun"]),
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]),
    start=st.datetimes(datetime(2010, 1, 1), datetime(2019, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants it
    days=st.integers(1, 60),
)
def test_firings_are_the_fires(text: str, zone: str, start: datetime, days: int) -> None:
    schedule = parse_schedule(text, zone)
    found = list(firings(schedule, start, start + days * DAY))
    assert [firing.at for firing in found] == list(fires(schedule, start, start + days * DAY))
    for firing in found:
        wall = firing.local.replace(tzinfo=None)
        assert firing.local.astimezone(UTC) == firing.at
        assert schedule.names(wall) or firing.note.startswith("moved here from ")


# -- the last fire ------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    text=st.sampled_from(["* * * * *", "*/30 * * * *", "30 2 * * *", "0 0 1 * *", "0 0 29 2 *"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    start=st.datetimes(datetime(2010, 1, 1), datetime(2019, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants it
    minutes=st.integers(0, 90 * 1440),
)
def test_the_last_fire_is_the_last_of_all(text: str, zone: str, start: datetime, minutes: int) -> None:
    schedule, until = parse_schedule(text, zone), start + timedelta(minutes=minutes)
    instant = timedelta.resolution
    if text == "* * * * *":
        start = max(start, until - timedelta(hours=30))
    expected = list(fires(schedule, start + instant, until + instant))
    assert latest_fire(schedule, start, until) == (expected[-1] if expected else None)


def test_the_last_fire_lies_after_the_one_bound_and_up_to_the_other() -> None:
    schedule, six = parse_schedule("0 6 * * *", "UTC"), utc("2024-03-01T06:00")
    assert latest_fire(schedule, six, six) is None
    assert latest_fire(schedule, six - SECOND, six) == six
    assert latest_fire(schedule, six, six + DAY - SECOND) is None
    assert latest_fire(schedule, six, six + DAY) == six + DAY
