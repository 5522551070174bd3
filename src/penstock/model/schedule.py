"""When a pipeline is due: cron in an IANA time zone.

Invariants:

- A fixed local time fires at the first instant at which the local clock shows it or a later time. So it fires once
  for each date of the calendar: in a gap at the gap's end, in a repeated hour the first time round. Fixed times that
  fall into one gap are one firing; those of a date that the zone skipped altogether fire where the next date begins.
- Every hour field but `*` and `*/1` names fixed times: `6,18`, `0-23` and `*/2` are lists of local hours.
- With `*` or `*/1` as the hour, it fires at every instant at which the local clock shows one of its minutes: twice in
  a repeated hour, never in a gap.
- A day field that does not begin with `*` restricts. If both day fields do, one of them is enough; else both must
  hold (crontab(5)).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}

ZONE = "time zone"
"""The field that a mistake in the zone stands under."""

_DAY, _SECOND, _INSTANT = timedelta(days=1), timedelta(seconds=1), timedelta.resolution
_FIRST_LOOK = timedelta(hours=1)
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# fmt: off
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)
# fmt: on
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ITEM = re.compile(r"(?:(\*)|([0-9a-z]{1,9})(?:-([0-9a-z]{1,9}))?)(?:/([0-9]{1,9}))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong with a schedule: in which field, what stands there, what could stand there."""

    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: found {self.found!r}, expected {self.expected}"


class ScheduleError(ValueError):
    """A schedule that cannot be used; `mistakes` holds all that is wrong with it."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(str(mistake) for mistake in mistakes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A parsed schedule. `text` is as written; weekdays count from Sunday, which is 0.

    `every_hour` says that the hour is a wildcard; `either_day` that a date needs only one of `days` and `weekdays`.
    """

    text: str
    timezone: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    every_hour: bool
    either_day: bool

    def includes(self, day: date) -> bool:
        """Whether it fires on that local date."""
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((by_day or by_weekday) if self.either_day else (by_day and by_weekday))

    def names(self, wall: datetime) -> bool:
        """Whether it fires at that minute of a local clock, as far as its fields say."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.includes(wall.date())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One of the five fields: its bounds, how many different values it has, and words for them from `low` on."""

    name: str
    low: int
    high: int
    span: int
    words: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        words = f" or {self.words[0]}-{self.words[-1]}" if self.words else ""
        return f"{self.low}-{self.high}{words}, ranges, lists and steps of them, or *"

    def number(self, word: str) -> int | None:
        """The value a word stands for, or None."""
        if word.lower() in self.words:
            return self.low + self.words.index(word.lower())
        return int(word) if word.isdecimal() and self.low <= int(word) <= self.high else None

    def item(self, text: str) -> range | str:
        """The values of one item of the list, or what was expected in its place."""
        match = _ITEM.fullmatch(text)
        star, first, last, step = match.groups() if match else (None, "", None, None)
        low = self.low if star else self.number(first)
        high = self.high if star else low if last is None else self.number(last)
        if low is None or high is None:
            return self.expected
        if last and high < low and last.lower() == "sun":
            high = 7
        if high < low:
            return f"a range that does not run backwards, such as {first}-{self.high},{self.low}-{last}"
        if step and not star and last is None:
            return f"a range before the step, such as {first}-{self.high}/{step}"
        if step and not 1 <= int(step) <= self.span:
            return f"a step from 1 to {self.span}"
        return range(low, high + 1, int(step or 1))

    def values(self, text: str, mistakes: list[Mistake]) -> frozenset[int]:
        """The values of the whole field; what is wrong is added to `mistakes`."""
        values: set[int] = set()
        for item in text.split(","):
            found = self.item(item)
            if isinstance(found, str):
                mistakes.append(Mistake(field=self.name, found=item[:40], expected=found))
            else:
                values.update(found)
        return _shared(frozenset(values))


@lru_cache(maxsize=4096)
def _shared(values: frozenset[int]) -> frozenset[int]:
    """The same object for equal values: thousands of schedules have few different fields, and each set is large."""
    return values


_FIELDS = (
    _Field(name="minute", low=0, high=59, span=60),
    _Field(name="hour", low=0, high=23, span=24),
    _Field(name="day of month", low=1, high=31, span=31),
    _Field(name="month", low=1, high=12, span=12, words=tuple(word[:3].lower() for word in MONTHS)),
    _Field(name="day of week", low=0, high=7, span=7, words=tuple(word[:3].lower() for word in WEEKDAYS)),
)


def parse_schedule(text: str, timezone: str) -> Schedule:
    """The schedule written as five cron fields or a preset, in the IANA zone `timezone`.

    >>> sorted(parse_schedule("*/20 6 * * mon-fri", "Europe/London").minutes)
    [0, 20, 40]

    Raises:
        ScheduleError: a field, the zone, or the date they name together is wrong; all of it at once.
    """
    mistakes: list[Mistake] = []
    words = _words(text, mistakes)
    fields = [field.values(word, mistakes) for field, word in zip(_FIELDS, words, strict=False)]
    either_day = bool(words) and not words[2].startswith("*") and not words[4].startswith("*")
    if not mistakes and not either_day and _never(fields[2], fields[3]):
        date_words = f"{words[2]} {words[3]}"[:40]
        mistakes.append(Mistake(field="day of month, month", found=date_words, expected="a date that exists"))
    try:
        zone_named(timezone)
    except ScheduleError as error:
        mistakes.extend(error.mistakes)
    if mistakes:
        raise ScheduleError(tuple(mistakes))
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        text=text.strip(),
        timezone=timezone,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=_shared(frozenset(weekday % 7 for weekday in weekdays)),
        every_hour=not {"*", "*/1"}.isdisjoint(words[1].split(",")),
        either_day=either_day,
    )


def next_fire(schedule: Schedule, after: datetime) -> datetime:
    """The first firing strictly after `after`, in UTC.

    Raises:
        ValueError: `after` has no time zone.
        OverflowError: it would lie beyond the calendar's end in year 9999.
    """
    return next(_firings(schedule, after))


def fires(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every firing in `[start, end)`, in order, in UTC.

    Raises:
        ValueError: `start` or `end` has no time zone.
    """
    if end.tzinfo is None:
        raise ValueError("a schedule needs aware datetimes")
    for instant in _firings(schedule, start - _INSTANT):
        if instant >= end:
            return
        yield instant


def latest_fire(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The last firing in `(after, until]`, in UTC, or None; without going through the ones before it.

    Raises:
        ValueError: `after` or `until` has no time zone.
    """
    end, span = until + _INSTANT, _FIRST_LOOK
    while True:
        start = max(after + _INSTANT, end - span)
        newest = deque(fires(schedule, start, end), maxlen=1)
        if newest or start <= after + _INSTANT:
            return newest[0] if newest else None
        end, span = start, span * 4


def ready_by(interval_end: datetime, local: time, timezone: str) -> datetime:
    """The deadline for an interval: `local` in the zone, on the date after the interval's last day; all in UTC.

    Where that lies before the interval's end (an early hour east of Greenwich), it is the next date on which it does
    not. In a gap and in a repeated hour it is the instant at which a schedule of that fixed time would fire.

    Raises:
        ValueError: `interval_end` has no time zone, or `local` has one.
        ScheduleError: the zone is unknown.
    """
    if interval_end.tzinfo is None or local.tzinfo is not None:
        raise ValueError("a deadline needs an aware interval end and a local time without a zone")
    zone = zone_named(timezone)
    day = (interval_end.astimezone(UTC) - _INSTANT).date() + _DAY
    while (instant := _first_showing(datetime.combine(day, local), zone)) < interval_end:
        day += _DAY
    return instant


def _words(text: str, mistakes: list[Mistake]) -> list[str]:
    """The five fields as written, or none and a mistake."""
    words = PRESETS.get(text.strip().lower(), text).split()
    presets = " | ".join(PRESETS)
    if text.strip().startswith("@") and len(words) != len(_FIELDS):
        mistakes.append(Mistake(field="preset", found=text.strip()[:40], expected=presets))
        return []
    if len(words) != len(_FIELDS):
        expected = f"five: minute hour day-of-month month day-of-week; or one of {presets}"
        found = f"{len(words)} field{'' if len(words) == 1 else 's'}"
        mistakes.append(Mistake(field="schedule", found=found, expected=expected))
        return []
    return words


def _never(days: frozenset[int], months: frozenset[int]) -> bool:
    """Whether none of the months ever has one of the days. (Any date that exists falls on every weekday in time.)"""
    return min(days) > max(_LONGEST_MONTHS[month - 1] for month in months)


@lru_cache(maxsize=1000)
def zone_named(name: str) -> ZoneInfo:
    """The zone of that name; its import is late because most commands need none. There are some 600.

    Raises:
        ScheduleError: there is none, or its meaning depends on the machine (`localtime`) or on leap seconds (`right/`).
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    if name not in {"localtime", "posixrules"} and not name.startswith(("posix/", "right/")):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ScheduleError((Mistake(field=ZONE, found=name[:40], expected=_nearest_zone(name)),))


def _nearest_zone(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error
    from zoneinfo import available_timezones  # noqa: PLC0415

    zones = sorted(available_timezones() - {"localtime", "Factory"})
    known = {zone.rpartition("/")[2].lower(): zone for zone in zones} | {zone.lower(): zone for zone in zones}
    close = get_close_matches(name.strip().lower().replace(" ", "_")[:40], known, n=1)
    if close:
        return f"an IANA time zone; the nearest is {known[close[0]]}"
    return "an IANA time zone such as Europe/London"


def _firings(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every firing strictly after `after`, in order, each once."""
    if after.tzinfo is None:
        raise ValueError("a schedule needs aware datetimes")
    last = after
    for instant in _instants(schedule, after, zone_named(schedule.timezone)):
        if instant > last:
            last = instant
            yield instant


def _instants(schedule: Schedule, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """At least every firing after `after`, ordered; some may stand twice.

    First showings come in the order of their wall times. Second ones wait until the first ones have caught up.
    """
    seconds: deque[datetime] = deque()
    for wall in _walls(schedule, _earliest_wall(after, zone)):
        first, second = _showings(wall, zone)
        if second < first:
            if schedule.every_hour:
                continue
            first = _gap_end(wall, zone)
        while seconds and seconds[0] <= first:
            yield seconds.popleft()
        yield first
        if schedule.every_hour and second > first:
            seconds.append(second)


def _earliest_wall(after: datetime, zone: ZoneInfo) -> datetime:
    """A wall time before which no clock reading comes after `after`, even if the clock is about to be set back."""
    now, tomorrow = (moment.astimezone(zone).replace(tzinfo=None) for moment in (after, after + _DAY))
    return min(now, tomorrow - _DAY)


def _walls(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    """Every wall time that the schedule names, in order, from `start` on; all without a zone."""
    hours, minutes = sorted(schedule.hours), sorted(schedule.minutes)
    for day in _dates(schedule, start.date()):
        for hour in hours:
            if day == start.date() and hour < start.hour:
                continue
            for minute in minutes:
                wall = datetime.combine(day, time(hour, minute))
                if wall >= start:
                    yield wall


def _dates(schedule: Schedule, day: date) -> Iterator[date]:
    """The dates on which it fires, from `day` on, without looking into months in which it does not."""
    while True:
        if day.month not in schedule.months:
            day = (day.replace(day=28) + 4 * _DAY).replace(day=1)
            continue
        if schedule.includes(day):
            yield day
        day += _DAY


def _showings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and second instants at which the clock shows `wall`: equal unless it is repeated, reversed in a gap.

    The reversal is what PEP 495 asks of `fold`: in a gap, fold 0 counts with the offset from before it.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _first_showing(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows `wall` or later."""
    first, second = _showings(wall, zone)
    return _gap_end(wall, zone) if second < first else first


def _gap_end(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after the gap that `wall` falls into. Gaps begin and end on whole seconds."""
    wall = wall.replace(microsecond=0)
    after, before = _showings(wall, zone)
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after
