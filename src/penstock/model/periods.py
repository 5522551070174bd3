"""For how long rows are kept: a number of hours, days, weeks, months or years, counted by the calendar in UTC."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Unit(StrEnum):
    """What a period counts."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_WORDS = {
    "h": Unit.HOUR, "hr": Unit.HOUR, "hour": Unit.HOUR,
    "d": Unit.DAY, "day": Unit.DAY,
    "w": Unit.WEEK, "week": Unit.WEEK,
    "mo": Unit.MONTH, "month": Unit.MONTH,
    "y": Unit.YEAR, "yr": Unit.YEAR, "year": Unit.YEAR,
}  # fmt: skip
_ISO = {"D": Unit.DAY, "W": Unit.WEEK, "M": Unit.MONTH, "Y": Unit.YEAR}
_PATTERN = re.compile(r"([1-9]\d{0,6}) ?([A-Za-z]+?)s?")
_ISO_PATTERN = re.compile(r"P([1-9]\d{0,6})([DWMY])")
_EARLIEST = 1
_HOURS = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168, Unit.MONTH: 730, Unit.YEAR: 8760}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """So many of a unit. Periods of different units compare by what they usually take (`hours`)."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"

    @property
    def hours(self) -> int:
        """How many hours it takes, a month counted as a twelfth of 365 days."""
        return self.count * _HOURS[self.unit]

    def before(self, moment: datetime) -> datetime:
        """The moment that lies so long before another; where its month has no such day, the month's last one.

        Before the year 1 there is nothing: then it is the first moment of that year.

        >>> from datetime import UTC
        >>> Period(count=1, unit=Unit.MONTH).before(datetime(2024, 3, 31, tzinfo=UTC)).date().isoformat()
        '2024-02-29'
        """
        if self.unit in {Unit.MONTH, Unit.YEAR}:
            months = moment.year * 12 + moment.month - 1 - self.count * (12 if self.unit is Unit.YEAR else 1)
            year, month = months // 12, months % 12 + 1
            if year < _EARLIEST:
                return datetime(_EARLIEST, 1, 1, tzinfo=moment.tzinfo)
            return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
        try:
            return moment - timedelta(hours=self.hours)
        except OverflowError:
            return datetime(_EARLIEST, 1, 1, tzinfo=moment.tzinfo)


def parse_period(text: str) -> Period | None:
    """The period that a text says, or None if it is not a number with a unit that leaves no choice (`m` does).

    >>> str(parse_period("7 years")), str(parse_period("P90D")), parse_period("3 m")
    ('7 years', '90 days', None)
    """
    text = text.strip()
    if match := _ISO_PATTERN.fullmatch(text):
        return Period(count=int(match[1]), unit=_ISO[match[2]])
    match = _PATTERN.fullmatch(text)
    unit = _WORDS.get(match[2].lower()) if match else None
    return Period(count=int(match[1]), unit=unit) if match and unit else None
