"""The oracle of schedules: a local clock is read at every real minute, and what a cron text names is looked up by hand.

It shares nothing with the code it judges. It reads cron text by itself and knows nothing of folds, gaps or offsets: it
asks `zoneinfo` what the clock shows at each minute, and remembers the latest reading ever shown (the high-water mark).
A fixed time fires at the first minute at which the mark has reached it, a wildcard hour whenever the clock shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PER_DAY = 1440
LEAD = 2 * PER_DAY
"""Minutes watched before the window, so that the high-water mark is true at its start."""

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = {word: number for number, word in enumerate(_MONTHS, start=1)}
_WORDS |= {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


@dataclass(frozen=True)
class Clock:
    """A zone's clock as it was read at every minute of a window, and of `LEAD` minutes before it.

    `runs` are the stretches over which it went on minute by minute: what it showed first (in minutes since the year 1)
    and for how many minutes.
    """

    timezone: str
    start: datetime
    end: datetime
    runs: tuple[tuple[int, int], ...]


def readings(timezone: str, start: datetime, end: datetime) -> Iterator[int]:
    """What the clock of a zone shows at every minute from `LEAD` minutes before `start` on."""
    zone = ZoneInfo(timezone)
    for moment in range(int(start.timestamp()) - 60 * LEAD, int(end.timestamp()), 60):
        wall = datetime.fromtimestamp(moment, zone)
        assert wall.second == 0, (timezone, wall)
        yield wall.toordinal() * PER_DAY + wall.hour * 60 + wall.minute


def watch(timezone: str, start: datetime, end: datetime) -> Clock:
    """Read the clock of a zone at every minute of `[start, end)`."""
    runs, first, last = [], 0, 0
    for wall in readings(timezone, start, end):
        if wall != last + 1:
            runs.append((first, last - first + 1))
            first = wall
        last = wall
    runs.append((first, last - first + 1))
    return Clock(timezone, start, end, tuple(runs[1:]))


# ---------------------------------------------------------------- reading cron text


def number(word: str) -> int:
    word = word.lower()
    return _WORDS[word] if word in _WORDS else int(word)


def named(field: str, value: int, lowest: int) -> bool:
    """Whether a cron field names a value, read item by item."""
    for item in field.split(","):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        if span == "*":
            first, last = lowest, 99
        else:
            first = number(low)
            last = number(high) if high else first
            if high.lower() == "sun" and last < first:
                last = 7
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def names_date(fields: list[str], day: date) -> bool:
    _, _, days, months, weekdays = fields
    by_day = named(days, day.day, 1)
    sunday_first = (day.weekday() + 1) % 7
    by_weekday = named(weekdays, sunday_first, 0) or (sunday_first == 0 and named(weekdays, 7, 0))
    both_restrict = days[0] != "*" and weekdays[0] != "*"
    by_date = (by_day or by_weekday) if both_restrict else (by_day and by_weekday)
    return by_date and named(months, day.month, 1)


def is_wildcard(fields: list[str]) -> bool:
    return any(item in {"*", "*/1"} for item in fields[1].split(","))


def fields_of(text: str) -> list[str]:
    return PRESETS.get(text.lower(), text).split()


@lru_cache(maxsize=4)
def table(text: str, first: int, last: int) -> bytes:
    """For every minute of the local calendar, from one day's number to another's, whether the text names it."""
    fields = fields_of(text)
    minutes = bytes(named(fields[0], minute, 0) for minute in range(60))
    day = b"".join(minutes if named(fields[1], hour, 0) else bytes(60) for hour in range(24))
    days = (date.fromordinal(ordinal) for ordinal in range(first, last + 1))
    return b"".join(day if names_date(fields, each) else bytes(PER_DAY) for each in days)


# ---------------------------------------------------------------- walking


def walk(clock: Clock, text: str) -> list[int]:
    """The firings in the window, in seconds from its start, by going through the clock's runs."""
    first, last = (clock.start - 4 * DAY).toordinal(), (clock.end + 2 * DAY).toordinal()
    hits, base = table(text, first, last), first * PER_DAY
    wildcard = is_wildcard(fields_of(text))
    mark = clock.runs[0][0] - 1
    fired = []
    for wall, length in clock.runs:
        part = hits[wall - base : wall - base + length]
        if not wildcard:
            shown_before = min(max(mark - wall + 1, 0), length)
            part = bytes(shown_before) + part[shown_before:]
            if wall > mark + 1 and any(hits[mark + 1 - base : wall - base]):
                part = b"\1" + part[1:]
            mark = max(mark, wall + length - 1)
        fired.append(part)
    minutes = b"".join(fired)[LEAD:]
    return list(compress(range(0, 60 * len(minutes), 60), minutes))


def walk_minute_by_minute(timezone: str, start: datetime, end: datetime, text: str) -> list[int]:
    """The same without runs and tables, one minute after the other: slow, and what vouches for `walk`."""
    fields = fields_of(text)
    wildcard = is_wildcard(fields)
    mark: int | None = None
    found = []
    for index, wall in enumerate(readings(timezone, start, end), -LEAD):
        mark = wall - 1 if mark is None else mark
        reached = [wall] if wildcard else range(mark + 1, wall + 1)
        mark = max(mark, wall)
        if index >= 0 and any(_names(fields, minute) for minute in reached):
            found.append(60 * index)
    return found


def _names(fields: list[str], wall: int) -> bool:
    day, minute = divmod(wall, PER_DAY)
    return (
        named(fields[0], minute % 60, 0)
        and named(fields[1], minute // 60, 0)
        and names_date(fields, date.fromordinal(day))
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
