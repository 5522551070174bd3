"""Half-open intervals `[start, end)` in UTC, and the sets of them that a dataset version covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Grain(StrEnum):
    """The length of one interval."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def floor(self, moment: datetime) -> datetime:
        """The start of the interval that holds `moment`."""
        moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self is Grain.HOUR:
            return moment
        moment = moment.replace(hour=0)
        return moment if self is Grain.DAY else moment.replace(day=1)

    def step(self, start: datetime, count: int = 1) -> datetime:
        """The start of the interval `count` (may be negative) after the one that starts at `start`."""
        if self is Grain.HOUR:
            return start + timedelta(hours=count)
        if self is Grain.DAY:
            return start + timedelta(days=count)
        months = start.year * 12 + start.month - 1 + count
        return start.replace(year=months // 12, month=months % 12 + 1)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """`start` belongs to it, `end` does not; both aware, in UTC.

    >>> str(Interval.parse("2011-01-04/2011-01-06"))
    '2011-01-04/2011-01-06'
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an interval needs aware datetimes")
        if self.end <= self.start:
            raise ValueError(f"interval ends ({self.end}) at or before its start ({self.start})")

    def __str__(self) -> str:
        return f"{stamp(self.start)}/{stamp(self.end)}"

    @classmethod
    def parse(cls, text: str) -> Interval:
        """The interval written as `START/END`, dates or timestamps in UTC."""
        start, _, end = text.partition("/")
        return cls(parse_moment(start), parse_moment(end))

    def contains(self, other: Interval) -> bool:
        """Whether all of `other` lies in this one."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share a moment."""
        return self.start < other.end and other.start < self.end

    def within(self, other: Interval) -> Interval | None:
        """The part of this one that lies in another; None if there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def spanning(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(min(self.start, other.start), max(self.end, other.end))

    def narrowed(self, grain: Grain) -> Interval | None:
        """The largest run of a grain's intervals that lies in this one; None if not one does."""
        first, end = grain.floor(self.start), grain.floor(self.end)
        start = first if first == self.start else grain.step(first)
        return Interval(start, end) if start < end else None

    def widened(self, grain: Grain) -> Interval:
        """The smallest run of a grain's intervals that holds this one."""
        start, end = grain.floor(self.start), grain.floor(self.end)
        return Interval(start, end if end == self.end else grain.step(end))

    def split(self, grain: Grain) -> Iterator[Interval]:
        """The grain's intervals within this one, in order."""
        start = grain.floor(self.start)
        while start < self.end:
            end = grain.step(start)
            yield Interval(start, end)
            start = end


def stamp(moment: datetime) -> str:
    """A moment in its shortest unambiguous form: a date at midnight UTC, else a timestamp with `Z`."""
    moment = moment.astimezone(UTC)
    if moment.time() == datetime.min.time():
        return moment.date().isoformat()
    return moment.isoformat().replace("+00:00", "Z")


def parse_moment(text: str | date | datetime) -> datetime:
    """A date or timestamp as an aware moment in UTC; without a zone it is read as UTC.

    Raises:
        ValueError: the text is neither.
    """
    if isinstance(text, datetime):
        moment = text
    elif isinstance(text, date):
        moment = datetime(text.year, text.month, text.day, tzinfo=UTC)
    else:
        moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text} lies outside the years 1 to 9999 in UTC") from error


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same moments as the fewest intervals, sorted.

    >>> [str(i) for i in merge([Interval.parse("2011-01-02/2011-01-03"), Interval.parse("2011-01-01/2011-01-02")])]
    ['2011-01-01/2011-01-03']
    """
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def subtract(wanted: Interval, covered: Iterable[Interval]) -> tuple[Interval, ...]:
    """What of `wanted` no interval of `covered` holds, sorted."""
    missing: list[Interval] = []
    start = wanted.start
    for interval in merge(covered):
        if interval.end <= start:
            continue
        if interval.start >= wanted.end:
            break
        if interval.start > start:
            missing.append(Interval(start, interval.start))
        start = max(start, interval.end)
    if start < wanted.end:
        missing.append(Interval(start, wanted.end))
    return tuple(missing)


def chunks(missing: Iterable[Interval], grain: Grain, batch: int) -> tuple[Interval, ...]:
    """`missing` cut into runs of at most `batch` grain intervals, each aligned to a multiple of `batch`.

    Aligned, so that a run that is interrupted and planned anew cuts in the same places.
    """
    result: list[Interval] = []
    for gap in missing:
        start: datetime | None = None
        end = gap.start
        for piece in gap.split(grain):
            if start is not None and _ordinal(piece.start, grain) % batch == 0:
                result.append(Interval(start, end))
                start = None
            start = piece.start if start is None else start
            end = piece.end
        if start is not None:
            result.append(Interval(start, end))
    return tuple(result)


def _ordinal(moment: datetime, grain: Grain) -> int:
    """Which interval of its grain a moment starts, counted from a fixed origin."""
    if grain is Grain.MONTH:
        return moment.year * 12 + moment.month
    hours = int(moment.timestamp()) // 3600
    return hours if grain is Grain.HOUR else hours // 24
