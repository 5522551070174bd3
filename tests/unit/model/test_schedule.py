"""The time rules of `penstock.model.schedule`, against a brute-force walk over every minute of the clock.

The oracle shares nothing with the code: it reads cron text by itself and knows nothing of folds, gaps or offsets. It
watches a local clock minute by minute and keeps its high-water mark.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.model.schedule import (
    PRESETS,
    ScheduleError,
    fires,
    next_fire,
    parse_schedule,
    ready_by,
)
from penstock.model.schedule_words import describe

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fired(text: str, timezone: str, start: str, end: str) -> list[str]:
    """The firings in `[start, end)` as UTC text."""
    found = fires(parse_schedule(text, timezone), utc(start), utc(end))
    return [instant.isoformat(timespec="minutes").removesuffix("+00:00") for instant in found]


# ---------------------------------------------------------------- the oracle


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WORDS = {word: number for number, word in enumerate(MONTHS, start=1)}
WORDS |= {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


def number(word: str) -> int:
    return WORDS[word] if word in WORDS else int(word)


def names(field: str, value: int, lowest: int) -> bool:
    """Whether a cron field names a value, read item by item."""
    for item in field.split(","):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        if span == "*":
            first, last = lowest, 99
        else:
            first = number(low)
            last = number(high) if high else first
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


@cache
def names_time(text: str, hour: int, minute: int) -> bool:
    minutes, hours, *_ = text.split()
    return names(minutes, minute, 0) and names(hours, hour, 0)


@cache
def names_date(text: str, day: date) -> bool:
    _, _, days, months, weekdays = text.split()
    by_day = names(days, day.day, 1)
    sunday_first = (day.weekday() + 1) % 7
    by_weekday = names(weekdays, sunday_first, 0) or (sunday_first == 0 and names(weekdays, 7, 0))
    both_restrict = days[0] != "*" and weekdays[0] != "*"
    by_date = (by_day or by_weekday) if both_restrict else (by_day and by_weekday)
    return by_date and names(months, day.month, 1)


def names_wall(text: str, wall: datetime) -> bool:
    return names_time(text, wall.hour, wall.minute) and names_date(text, wall.date())


@dataclass(frozen=True)
class Tick:
    """One real minute: the clock's reading, and the readings reached or jumped over for the first time ever."""

    instant: datetime
    wall: datetime
    reached: tuple[datetime, ...]


@cache
def clock(timezone: str, start: datetime, end: datetime) -> tuple[Tick, ...]:
    """A local clock watched from two days before `start`, so that its high-water mark is true at `start`."""
    zone = ZoneInfo(timezone)
    instant = start - 2 * DAY
    mark = instant.astimezone(zone).replace(tzinfo=None)
    ticks = []
    while instant < end:
        wall = instant.astimezone(zone).replace(tzinfo=None)
        reached = []
        while mark < wall:
            mark += MINUTE
            reached.append(mark)
        if instant >= start:
            ticks.append(Tick(instant, wall, tuple(reached)))
        instant += MINUTE
    return tuple(ticks)


def walked(text: str, timezone: str, start: datetime, end: datetime) -> list[datetime]:
    """The firings in `[start, end)` by walking the clock."""
    every_hour = text.split()[1] in {"*", "*/1"}
    return [
        tick.instant
        for tick in clock(timezone, start, end)
        if (names_wall(text, tick.wall) if every_hour else any(names_wall(text, wall) for wall in tick.reached))
    ]


# Each window lies around a moment at which the zone's clock is changed; UTC's is a leap day.
TRANSITIONS = (
    ("Europe/London", "2024-03-31T01:00"),
    ("Europe/London", "2024-10-27T01:00"),
    ("America/New_York", "2024-03-10T07:00"),
    ("America/New_York", "2024-11-03T06:00"),
    ("Australia/Lord_Howe", "2024-10-05T15:30"),
    ("Australia/Lord_Howe", "2024-04-06T15:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),
    ("America/St_Johns", "2010-03-14T03:31"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("Africa/Casablanca", "2024-03-10T02:00"),
    ("Africa/Casablanca", "2024-04-14T02:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("UTC", "2024-02-29T00:00"),
)

EXPRESSIONS = (
    *PRESETS.values(),
    "* * * * *",
    "*/1 */1 * * *",
    "*/15 * * * *",
    "7,37 * * * *",
    "30 * * * *",
    "45-59/7 * * * *",
    "0 * * * sun",
    "5 * 30 * *",
    "0 6 * * *",
    "0 0 * * *",
    "1 0 * * *",
    "15 0 * * *",
    "59 23 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "* 1 * * *",
    "* 2 * * *",
    "*/10 1,2 * * *",
    "*/20 0-23 * * *",
    "0 */2 * * *",
    "30 1-3 * * *",
    "15,45 0,1,2,23 * * *",
    "0 22-23,0-2 * * *",
    "30 2 * * sun",
    "30 2 * * 7",
    "0 2 * * mon-fri",
    "0 2 * * 5-7",
    "0 2 31 * *",
    "30 1 30,31 12 *",
    "0 0 1 jan *",
    "0 12 29 feb *",
    "30 2 10 3 0",
    "30 2 14 3,4,11 sun",
    "15 2 1-7 * sat",
    "0 2 */2 * 0",
    "0 2 * oct-dec *",
    "0 1 27 10 1",
    "45 1 * */2 *",
    "10 2 8-14 * 1-5",
    "20 2 * * */2",
)


def test_sample_is_as_large_as_it_claims() -> None:
    assert len(set(EXPRESSIONS)) >= 40
    assert len({zone for zone, _ in TRANSITIONS}) >= 8


@pytest.mark.parametrize(("timezone", "transition"), TRANSITIONS)
def test_firings_around_a_clock_change_are_those_of_a_minute_walk(timezone: str, transition: str) -> None:
    start, end = utc(transition) - timedelta(hours=37), utc(transition) + timedelta(hours=37)
    for text in EXPRESSIONS:
        found = list(fires(parse_schedule(text, timezone), start, end))
        assert found == walked(text, timezone, start, end), text


@pytest.mark.parametrize(("timezone", "transition"), TRANSITIONS)
def test_next_fire_from_any_moment_is_the_next_of_all_firings(timezone: str, transition: str) -> None:
    moments = [utc(transition) + timedelta(minutes=13 * step) for step in range(-24, 24)]
    for text in ("*/15 * * * *", "30 1 * * *", "15 0,1,2,23 * * *", "0 0 * * *"):
        schedule = parse_schedule(text, timezone)
        firings = walked(text, timezone, utc(transition) - DAY, utc(transition) + 2 * DAY)
        for moment in (*moments, *firings[:-2]):
            if moment < firings[-1]:
                expected = next(instant for instant in firings if instant > moment)
                assert next_fire(schedule, moment) == expected, (text, moment)


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    """A random field: a list of values, ranges and stepped ranges, or a star."""
    value = st.integers(low, high)
    span = st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}")
    stepped = st.tuples(st.one_of(span, st.just("*")), st.integers(1, high - low)).map("{0[0]}/{0[1]}".format)
    one = st.one_of(value.map(str), span, stepped)
    return st.one_of(st.just("*"), st.lists(one, min_size=1, max_size=3).map(",".join))


def is_plain(text: str) -> bool:
    """Whether the oracle's narrow reading of wildcard hours is enough: no list mixes one in."""
    return not ("," in (hours := text.split()[1]) and {"*", "*/1"} & set(hours.split(",")))


expressions = (
    st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6)).map(" ".join).filter(is_plain)
)


def dates_that_exist(text: str) -> bool:
    return any(names_date(text, date(2024, 1, 1) + count * DAY) for count in range(366))


@settings(max_examples=60, deadline=None)
@given(text=expressions, around=st.sampled_from(TRANSITIONS))
@example(text="*/20 * * * *", around=("America/St_Johns", "2010-11-07T02:31"))
def test_random_expressions_fire_as_a_minute_walk_says(text: str, around: tuple[str, str]) -> None:
    timezone, transition = around
    start, end = utc(transition) - timedelta(hours=37), utc(transition) + timedelta(hours=37)
    try:
        schedule = parse_schedule(text, timezone)
    except ScheduleError:
        assert not dates_that_exist(text)
        return
    assert list(fires(schedule, start, end)) == walked(text, timezone, start, end)


@settings(max_examples=40, deadline=None)
@given(
    days=fields(1, 31),
    months=fields(1, 12),
    weekdays=fields(0, 7),
    begin=st.dates(min_value=date(1971, 1, 1), max_value=date(2090, 1, 1)),
)
def test_dates_over_a_year_are_those_of_a_day_walk(days: str, months: str, weekdays: str, begin: date) -> None:
    text = f"0 12 {days} {months} {weekdays}"
    try:
        schedule = parse_schedule(text, "UTC")
    except ScheduleError:
        assert not dates_that_exist(text)
        return
    start = datetime.combine(begin, time(12), UTC)
    expected = [begin + count * DAY for count in range(366) if names_date(text, begin + count * DAY)]
    assert [instant.date() for instant in fires(schedule, start, start + 366 * DAY)] == expected


@settings(max_examples=60, deadline=None)
@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    timezone=st.sampled_from(sorted({zone for zone, _ in TRANSITIONS} - {"Pacific/Apia"})),
    year=st.integers(1990, 2037),
)
def test_a_fixed_time_fires_once_for_each_date_of_a_year(hour: int, minute: int, timezone: str, year: int) -> None:
    begin = datetime(year, 1, 10, 12, tzinfo=UTC)
    firings = list(fires(parse_schedule(f"{minute} {hour} * * *", timezone), begin, begin + 365 * DAY))
    dates = [instant.astimezone(ZoneInfo(timezone)).date() for instant in firings]
    assert dates == [dates[0] + count * DAY for count in range(365)]


# ---------------------------------------------------------------- the rules, one by one


def test_a_fixed_time_in_a_gap_fires_at_the_first_instant_after_it() -> None:
    assert fired("30 2 * * *", "America/New_York", "2024-03-10T00:00", "2024-03-11T00:00") == ["2024-03-10T07:00"]


def test_a_firing_at_a_gaps_end_belongs_to_the_window_that_begins_there_alone() -> None:
    assert fired("30 2 * * *", "America/New_York", "2024-03-10T07:00", "2024-03-10T08:00") == ["2024-03-10T07:00"]
    assert fired("30 2 * * *", "America/New_York", "2024-03-10T06:00", "2024-03-10T07:00") == []


def test_a_fixed_time_in_a_repeated_hour_fires_the_first_time_round_only() -> None:
    assert fired("30 1 * * *", "Europe/London", "2024-10-27T00:00", "2024-10-28T00:00") == ["2024-10-27T00:30"]


def test_fixed_times_in_one_gap_are_one_firing() -> None:
    found = fired("0,15,45 2,3 * * *", "America/New_York", "2024-03-10T00:00", "2024-03-11T00:00")
    assert found == ["2024-03-10T07:00", "2024-03-10T07:15", "2024-03-10T07:45"]


def test_a_wildcard_hour_fires_in_both_passes_of_a_repeated_hour() -> None:
    found = fired("30 * * * *", "Europe/London", "2024-10-27T00:00", "2024-10-27T03:00")
    assert found == ["2024-10-27T00:30", "2024-10-27T01:30", "2024-10-27T02:30"]


def test_a_list_of_all_hours_is_fixed_times_not_a_wildcard() -> None:
    found = fired("30 0-23 * * *", "Europe/London", "2024-10-27T00:00", "2024-10-27T03:00")
    assert found == ["2024-10-27T00:30", "2024-10-27T02:30"]


def test_a_star_within_a_list_of_hours_is_a_wildcard() -> None:
    assert parse_schedule("0 5,* * * *", "UTC").every_hour
    assert not parse_schedule("0 5,*/2 * * *", "UTC").every_hour


def test_a_wildcard_hour_does_not_fire_in_a_gap() -> None:
    found = fired("30 * * * *", "America/New_York", "2024-03-10T06:00", "2024-03-10T08:00")
    assert found == ["2024-03-10T06:30", "2024-03-10T07:30"]


def test_a_date_the_zone_skipped_fires_once_where_the_next_date_begins() -> None:
    found = fired("0 6,18 30 12 *", "Pacific/Apia", "2011-01-01T00:00", "2012-01-01T00:00")
    assert found == ["2011-12-30T10:00"]


def test_interleaved_dates_of_a_clock_set_back_over_midnight_come_in_order() -> None:
    found = fired("0,30 * * * *", "America/St_Johns", "2010-11-07T02:00", "2010-11-07T04:00")
    assert found == sorted(found)
    assert found == ["2010-11-07T02:00", "2010-11-07T02:30", "2010-11-07T03:00", "2010-11-07T03:30"]


def test_day_and_weekday_both_restricted_need_one_of_the_two() -> None:
    found = fired("0 0 13 * fri", "UTC", "2024-09-10T00:00", "2024-09-21T00:00")
    assert found == ["2024-09-13T00:00", "2024-09-20T00:00"]
    assert "2024-10-13T00:00" in fired("0 0 13 * fri", "UTC", "2024-10-01T00:00", "2024-11-01T00:00")


def test_a_day_field_beginning_with_a_star_does_not_restrict() -> None:
    found = fired("0 0 */2 * mon", "UTC", "2024-09-01T00:00", "2024-10-01T00:00")
    assert found == ["2024-09-09T00:00", "2024-09-23T00:00"]


def test_rare_dates_are_reached_by_jumping() -> None:
    leap_sunday = parse_schedule("0 0 29 2 */7", "UTC")
    assert next_fire(leap_sunday, utc("2032-03-01")) == utc("2060-02-29")
    assert next_fire(parse_schedule("0 0 29 2 *", "UTC"), utc("2096-02-29")) == utc("2104-02-29")


def test_next_fire_is_strictly_after_and_in_utc() -> None:
    schedule = parse_schedule("0 6 * * *", "Europe/London")
    found = next_fire(schedule, datetime(2024, 7, 1, 6, tzinfo=ZoneInfo("Europe/London")))
    assert found == utc("2024-07-02T05:00")
    assert found.tzinfo is UTC
    assert next_fire(schedule, found - timedelta.resolution) == found


def test_fires_is_half_open() -> None:
    assert fired("0 6 * * *", "UTC", "2024-01-01T06:00", "2024-01-02T06:00") == ["2024-01-01T06:00"]


def test_fires_goes_on_as_long_as_it_is_asked() -> None:
    hourly = fires(parse_schedule("@hourly", "UTC"), utc("2024-01-01"), utc("2999-01-01"))
    assert list(islice(hourly, 2)) == [utc("2024-01-01T00:00"), utc("2024-01-01T01:00")]


def test_beyond_the_calendar_there_is_no_next_fire() -> None:
    with pytest.raises(OverflowError):
        next_fire(parse_schedule("@yearly", "UTC"), utc("9999-06-01"))


NAIVE = datetime(2024, 1, 1)  # noqa: DTZ001 - what the test is about


def test_naive_datetimes_are_refused() -> None:
    schedule = parse_schedule("@daily", "UTC")
    with pytest.raises(ValueError, match="aware"):
        next_fire(schedule, NAIVE)
    with pytest.raises(ValueError, match="aware"):
        list(fires(schedule, NAIVE, utc("2024-01-02")))
    with pytest.raises(ValueError, match="aware"):
        list(fires(schedule, utc("2024-01-02"), NAIVE))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_keeps_its_word_and_means_its_five_fields(preset: str) -> None:
    found, plain = parse_schedule(preset, "UTC"), parse_schedule(PRESETS[preset], "UTC")
    assert found.text == preset
    assert (found.minutes, found.hours, found.days) == (plain.minutes, plain.hours, plain.days)
    assert (found.months, found.weekdays) == (plain.months, plain.weekdays)


@pytest.mark.parametrize(
    ("weekdays", "expected"),
    [
        ("0", {0}),
        ("7", {0}),
        ("Sun", {0}),
        ("fri-sun", {5, 6, 0}),
        ("5-7", {5, 6, 0}),
        ("MON-fri", {1, 2, 3, 4, 5}),
        ("sun-tue", {0, 1, 2}),
        ("*/2", {0, 2, 4, 6}),
        ("*", set(range(7))),
    ],
)
def test_weekdays(weekdays: str, expected: set[int]) -> None:
    assert parse_schedule(f"0 0 * * {weekdays}", "UTC").weekdays == expected


def test_months_ranges_steps_and_lists() -> None:
    schedule = parse_schedule("0-30/10,45 1-5/2 1,15 jan,JUN-aug *", "UTC")
    assert schedule.minutes == {0, 10, 20, 30, 45}
    assert schedule.hours == {1, 3, 5}
    assert schedule.days == {1, 15}
    assert schedule.months == {1, 6, 7, 8}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("60 * * * *", "minute: found '60', expected 0-59, ranges, lists and steps of them, or *"),
        ("0 24 * * *", "hour: found '24', expected 0-23"),
        ("0 0 0 * *", "day of month: found '0', expected 1-31"),
        ("0 0 * 13 *", "month: found '13', expected 1-12 or jan-dec"),
        ("0 0 * * 8", "day of week: found '8', expected 0-7 or sun-sat"),
        ("0 0 * * monday", "day of week: found 'monday'"),
        ("0 0 * mon *", "month: found 'mon'"),
        ("-5 * * * *", "minute: found '-5'"),
        ("1,,2 * * * *", "minute: found ''"),
        ("٣ * * * *", "minute: found '٣'"),
        ("0 22-2 * * *", "hour: found '22-2', expected a range that does not run backwards, such as 22-23,0-2"),
        ("5/15 * * * *", "minute: found '5/15', expected a range before the step, such as 5-59/15"),
        ("*/0 * * * *", "minute: found '*/0', expected a step from 1 to 60"),
        ("*/90 * * * *", "minute: found '*/90', expected a step from 1 to 60"),
        ("0 0 L * ?", "day of month: found 'L'"),
        ("0 0 31 feb *", "day of month, month: found '31 feb', expected a date that exists"),
        ("0 0 31 4,6,9,11 *", "day of month, month: found '31 4,6,9,11'"),
        ("0 6 * *", "schedule: found '4 fields', expected five: minute hour day-of-month month day-of-week"),
        ("0 0 6 * * *", "schedule: found '6 fields'"),
        ("", "schedule: found '0 fields'"),
        ("@fortnightly", "preset: found '@fortnightly', expected @hourly | @daily | @weekly | @monthly | @yearly"),
    ],
)
def test_a_wrong_schedule_says_where_what_was_found_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(text, "UTC")
    assert str(caught.value).startswith(message)


def test_a_31_february_that_a_weekday_saves_is_accepted() -> None:
    assert next_fire(parse_schedule("0 0 31 2 mon", "UTC"), utc("2024-01-01")) == utc("2024-02-05")


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule("60,61 25 * foo *", "Mars/Olympus")
    assert [(mistake.field, mistake.found) for mistake in caught.value.mistakes] == [
        ("minute", "60"),
        ("minute", "61"),
        ("hour", "25"),
        ("month", "foo"),
        ("time zone", "Mars/Olympus"),
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("europe/london", "Europe/London"),
        ("Europe/Lodnon", "Europe/London"),
        ("London", "Europe/London"),
        ("New York", "America/New_York"),
        ("UTC ", "UTC"),
    ],
)
def test_an_unknown_zone_is_answered_with_the_nearest_one(name: str, nearest: str) -> None:
    with pytest.raises(ScheduleError, match=f"nearest is {nearest}$"):
        parse_schedule("@daily", name)


@pytest.mark.parametrize(
    "name", ["", "Europe", "../UTC", "/etc/localtime", "localtime", "right/UTC", "zone.tab", "a\0b", "x" * 5000]
)
def test_what_is_no_iana_zone_is_refused_even_if_a_file_of_that_name_exists(name: str) -> None:
    with pytest.raises(ScheduleError, match=r"^time zone: found"):
        parse_schedule("@daily", name)


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_a_schedule_error(text: str) -> None:
    try:
        parse_schedule(text, "UTC")
    except ScheduleError as error:
        assert error.mistakes  # noqa: PT017 - either outcome is right


def test_importing_the_module_loads_no_zones() -> None:
    code = "import sys, penstock.model.schedule; sys.exit('zoneinfo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 6 * * *", "every day at 06:00 Europe/London"),
        ("@daily", "every day at 00:00 Europe/London"),
        ("0 6,12,18 * * *", "every day at 06:00, 12:00 and 18:00 Europe/London"),
        ("30 6,18 * * mon-fri", "Monday to Friday at 06:30 and 18:30 Europe/London"),
        ("@weekly", "every Sunday at 00:00 Europe/London"),
        ("0 9 * * 4,1", "every Monday and Thursday at 09:00 Europe/London"),
        ("@monthly", "every month on day 1 at 00:00 Europe/London"),
        ("@yearly", "every year on 1 January at 00:00 Europe/London"),
        ("0 9 1-31 * mon", "every day at 09:00 Europe/London"),
        ("@hourly", "every hour at minute 0, Europe/London"),
        ("* * * * *", "every minute, Europe/London"),
        ("*/15 * * * *", "every 15 minutes, Europe/London"),
        ("*/15 * * * 6", "every 15 minutes, every Saturday, Europe/London"),
        ("*/25 * * * *", "*/25 * * * * Europe/London"),
        ("5-59/15 * * * *", "5-59/15 * * * * Europe/London"),
        ("0 */2 * * *", "0 */2 * * * Europe/London"),
        ("0 6 1,15 * *", "0 6 1,15 * * Europe/London"),
        ("0 6 13 * fri", "0 6 13 * fri Europe/London"),
        ("0 6 */31 * fri", "0 6 */31 * fri Europe/London"),
        ("0 6 * 6 mon", "0 6 * 6 mon Europe/London"),
        ("0 6 1 6,7 *", "0 6 1 6,7 * Europe/London"),
    ],
)
def test_describe(text: str, words: str) -> None:
    assert describe(parse_schedule(text, "Europe/London")) == words


# ---------------------------------------------------------------- deadlines


@pytest.mark.parametrize(
    ("end", "local", "timezone", "expected"),
    [
        ("2024-01-02", "06:00", "UTC", "2024-01-02T06:00"),
        ("2024-01-02", "00:00", "UTC", "2024-01-02T00:00"),
        ("2024-07-02", "06:00", "Europe/London", "2024-07-02T05:00"),
        ("2024-01-02", "06:00", "America/New_York", "2024-01-02T11:00"),
        ("2024-01-02", "18:00", "Asia/Tokyo", "2024-01-02T09:00"),
        ("2024-02-01", "06:00", "UTC", "2024-02-01T06:00"),
        ("2024-01-02T14:00", "06:00", "UTC", "2024-01-03T06:00"),
        ("2024-03-10", "02:30", "America/New_York", "2024-03-10T07:00"),
        ("2024-11-03", "01:30", "America/New_York", "2024-11-03T05:30"),
        ("2024-03-10", "02:00:00.500000", "America/New_York", "2024-03-10T07:00"),
        ("2024-01-02", "20:00", "America/New_York", "2024-01-03T01:00"),
    ],
)
def test_ready_by_is_the_local_time_on_the_date_after_the_interval(
    end: str, local: str, timezone: str, expected: str
) -> None:
    assert ready_by(utc(end), time.fromisoformat(local), timezone) == utc(expected)


def test_ready_by_never_asks_for_data_before_the_interval_has_ended() -> None:
    assert ready_by(utc("2024-01-02"), time(6), "Asia/Tokyo") == utc("2024-01-02T21:00")
    assert ready_by(utc("2024-07-02"), time(0, 30), "Europe/London") == utc("2024-07-02T23:30")


def test_ready_by_refuses_a_naive_end_a_zoned_time_and_an_unknown_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        ready_by(NAIVE, time(6), "UTC")
    with pytest.raises(ValueError, match="without a zone"):
        ready_by(utc("2024-01-02"), time(6, tzinfo=UTC), "UTC")
    with pytest.raises(ScheduleError, match="Europe/London"):
        ready_by(utc("2024-01-02"), time(6), "Europe/Londno")


@given(
    end=st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants it
    local=st.times(),
    timezone=st.sampled_from(sorted({zone for zone, _ in TRANSITIONS})),
)
def test_ready_by_lies_within_two_and_a_half_days_of_the_interval(end: datetime, local: time, timezone: str) -> None:
    assert timedelta() <= ready_by(end, local, timezone) - end <= timedelta(days=2, hours=12)
