"""Schedules and triggers in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.pipelines import DatasetTrigger, FilesTrigger
from penstock.model.schedule import MONTHS, WEEKDAYS

if TYPE_CHECKING:
    from penstock.model.pipelines import Trigger
    from penstock.model.schedule import Schedule


def describe(schedule: Schedule) -> str:
    """The schedule in plain words where its shape is a common one, else as written with its zone.

    >>> from penstock.model.schedule import parse_schedule
    >>> describe(parse_schedule("0 6 * * *", "Europe/London"))
    'every day at 06:00 Europe/London'
    """
    clock, days = _clock_words(schedule), _day_words(schedule)
    if clock is None or days is None:
        return f"{schedule.text} {schedule.timezone}"
    if not schedule.every_hour:
        return f"{days} at {clock} {schedule.timezone}"
    return f"{clock}, {schedule.timezone}" if days == "every day" else f"{clock}, {days}, {schedule.timezone}"


def describe_trigger(trigger: Trigger) -> str:
    """What a trigger waits for; of a query, how it begins.

    >>> describe_trigger(DatasetTrigger(dataset="sales.orders"))
    'when sales.orders is published'
    """
    if isinstance(trigger, DatasetTrigger):
        return f"when {trigger.dataset} is published"
    if isinstance(trigger, FilesTrigger):
        return f"when files arrive as {trigger.path}"
    words = " ".join(trigger.sql.split())
    return f"when a query says so: {words if len(words) <= 60 else f'{words[:59]}…'}"


def _clock_words(schedule: Schedule) -> str | None:
    minutes = sorted(schedule.minutes)
    if not schedule.every_hour:
        times = [f"{hour:02}:{minute:02}" for hour in sorted(schedule.hours) for minute in minutes]
        return _listed(times) if len(times) <= 4 else None
    if len(minutes) == 1:
        return f"every hour at minute {minutes[0]}"
    step = minutes[1] - minutes[0]
    if 60 % step or minutes != list(range(0, 60, step)):
        return None
    return "every minute" if step == 1 else f"every {step} minutes"


def _day_words(schedule: Schedule) -> str | None:
    every_day, every_weekday = len(schedule.days) == 31, len(schedule.weekdays) == 7
    every_month = len(schedule.months) == 12
    if every_month and ((every_day and every_weekday) or (schedule.either_day and (every_day or every_weekday))):
        return "every day"
    if schedule.either_day:
        return None
    if every_month and every_day:
        weekdays = sorted(schedule.weekdays)
        monday_to_friday = weekdays == [1, 2, 3, 4, 5]
        return "Monday to Friday" if monday_to_friday else f"every {_listed([WEEKDAYS[day] for day in weekdays])}"
    if not every_weekday or len(schedule.days) != 1:
        return None
    (day,) = schedule.days
    if every_month:
        return f"every month on day {day}"
    months = [MONTHS[month - 1] for month in sorted(schedule.months)]
    return f"every year on {day} {months[0]}" if len(months) == 1 else None


def _listed(words: list[str]) -> str:
    """Words as a sentence lists them: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
