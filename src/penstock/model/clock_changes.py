"""What a zone's clock changes do to a schedule: which times they skip, move, or bring twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from penstock.model.schedule import fires, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from penstock.model.schedule import Schedule

_STEP, _SECOND, _MINUTE = timedelta(hours=6), timedelta(seconds=1), timedelta(minutes=1)
_MOST_TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """At the instant `at` the clock, about to show `before`, shows `after` instead; both without a zone."""

    at: datetime
    before: datetime
    after: datetime

    @property
    def skipped(self) -> timedelta:
        """How much the clock leaves out; negative when it shows a stretch a second time."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One fire of a schedule: the instant in UTC, the local time shown then, and what a clock change has to do with it.

    `note` is empty on all but a few days of the year.
    """

    at: datetime
    local: datetime
    note: str = ""


def clock_changes(timezone: str, start: datetime, end: datetime) -> tuple[ClockChange, ...]:
    """Every change of a zone's clock in `(start, end]`, in order. Two within six hours would count as one.

    Raises:
        ScheduleError: the zone is unknown.

    >>> from datetime import UTC, datetime
    >>> (change,) = clock_changes("Europe/Berlin", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC))
    >>> str(change.before), str(change.after)
    ('2024-03-31 02:00:00', '2024-03-31 03:00:00')
    """
    zone = zone_named(timezone)
    found, moment = [], start
    while moment < end:
        following = min(moment + _STEP, end)
        if _offset(moment, zone) != _offset(following, zone):
            found.append(_change_between(moment, following, zone))
        moment = following
    return tuple(found)


def firings(schedule: Schedule, start: datetime, end: datetime) -> Iterator[Firing]:
    """Every fire in `[start, end)`, in order, with what clock changes do to it.

    Raises:
        ValueError: `start` or `end` has no time zone.
    """
    zone = zone_named(schedule.timezone)
    around = timedelta(days=2)  # a fire belongs to a change that is at most a repeated or skipped day away
    changes = clock_changes(schedule.timezone, start - around, end + around)
    before = start
    for fire in fires(schedule, start, end):
        note = _note(schedule, before, fire, changes) if changes else ""
        yield Firing(at=fire, local=fire.astimezone(zone), note=note)
        before = fire


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> ClockChange:
    """The change between two moments with different offsets. Changes happen on whole seconds."""
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    old = _offset(low, zone)
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if _offset(middle, zone) == old:
            low = middle
        else:
            high = middle
    return ClockChange(at=high.astimezone(UTC), before=_wall(low, zone) + _SECOND, after=_wall(high, zone))


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _note(schedule: Schedule, before: datetime, fire: datetime, changes: Sequence[ClockChange]) -> str:
    """What the clock changes since the fire before have to do with this one; the nearest one says it."""
    for change in changes:
        if change.skipped < timedelta():
            twice = _twice(schedule, fire, change)
            if twice:
                return twice
        elif before < change.at <= fire or change.at == fire:
            skipped = _skipped(schedule, change)
            if skipped:
                return _about_gap(schedule, fire, change, skipped)
    return ""


def _twice(schedule: Schedule, fire: datetime, change: ClockChange) -> str:
    """A fire within the stretch that the clock shows twice."""
    if not change.at + change.skipped <= fire < change.at - change.skipped:
        return ""
    time = f"{change.before + (fire - change.at) if fire < change.at else change.after + (fire - change.at):%H:%M}"
    if not schedule.every_hour:
        return f"the clock shows {time} twice; it fires the first time only"
    return f"the clock shows {time} twice; the {'first' if fire < change.at else 'second'} time"


def _skipped(schedule: Schedule, change: ClockChange) -> list[datetime]:
    """The schedule's times that the clock leaves out."""
    wall = change.before + (-timedelta(seconds=change.before.second) % _MINUTE)
    found = []
    while wall < change.after:
        if schedule.names(wall):
            found.append(wall)
        wall += _MINUTE
    return found


def _about_gap(schedule: Schedule, fire: datetime, change: ClockChange, skipped: list[datetime]) -> str:
    listed = ", ".join(_spoken(wall, change.after) for wall in skipped[:_MOST_TIMES])
    if len(skipped) > _MOST_TIMES:
        listed += f" and {len(skipped) - _MOST_TIMES} more"
    if schedule.every_hour:
        return f"the clock skipped {listed} before it"
    if fire != change.at:
        return ""
    own = schedule.names(change.after) and not change.after.second
    return f"also for {listed}, which the clock skips" if own else f"moved here from {listed}, which the clock skips"


def _spoken(wall: datetime, beside: datetime) -> str:
    """A local time, with its date where that is another than the one beside it."""
    return f"{wall:%H:%M}" if wall.date() == beside.date() else f"{wall:%Y-%m-%d %H:%M}"
