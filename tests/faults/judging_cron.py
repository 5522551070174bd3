"""Schedules held against the minute walk: all fires of a window, the next one and the last one from any moment."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from minute_walk import DAY, walk

from penstock.model.schedule import fires, latest_fire, next_fire, parse_schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from minute_walk import Clock

MOMENTS = 12
"""From how many moments the next and the last fire are asked."""


@dataclass
class Judgement:
    """What was asked and compared, and every difference in words."""

    asked: int = 0
    fires: int = 0
    moments: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: Judgement) -> None:
        self.asked += other.asked
        self.fires += other.fires
        self.moments += other.moments
        self.differences += other.differences

    def __str__(self) -> str:
        return (
            f"asked {self.asked:,} schedules in zones, compared {self.fires:,} fires and {self.moments:,} moments; "
            f"{len(self.differences)} difference(s)"
        )


def judge(text: str, clocks: Iterable[Clock]) -> Judgement:
    """One cron text in every zone."""
    total = Judgement()
    for clock in clocks:
        total.add(_judge(text, clock))
    return total


def _judge(text: str, clock: Clock) -> Judgement:
    schedule = parse_schedule(text, clock.timezone)
    expected = walk(clock, text)
    found = [_seconds(fire - clock.start) for fire in fires(schedule, clock.start, clock.end)]
    judged = Judgement(asked=1, fires=len(expected))
    if found != expected:
        judged.differences.append(_first_difference(text, clock, found, expected))
    chance = random.Random(f"{text} {clock.timezone}")
    for _ in range(MOMENTS):
        moment = clock.start + timedelta(seconds=chance.randrange(_seconds(clock.end - clock.start)))
        judged.moments += 2
        judged.differences += _next_differs(text, clock, moment, expected)
        judged.differences += _last_differs(text, clock, moment, expected)
    return judged


def _next_differs(text: str, clock: Clock, moment: datetime, expected: list[int]) -> list[str]:
    at = bisect_right(expected, _seconds(moment - clock.start))
    if at == len(expected):
        return []
    found = _seconds(next_fire(parse_schedule(text, clock.timezone), moment) - clock.start)
    says = f"{text} in {clock.timezone}: after {moment} {found} s, expected {expected[at]} s"
    return [] if found == expected[at] else [says]


def _last_differs(text: str, clock: Clock, moment: datetime, expected: list[int]) -> list[str]:
    since = max(clock.start, moment - 400 * DAY)
    low, high = (_seconds(each - clock.start) for each in (since, moment))
    at = bisect_right(expected, high)
    right = expected[at - 1] if at > bisect_left(expected, low + 1) else None
    fire = latest_fire(parse_schedule(text, clock.timezone), since, moment)
    found = None if fire is None else _seconds(fire - clock.start)
    says = f"{text} in {clock.timezone}: up to {moment} {found} s, expected {right} s"
    return [] if found == right else [says]


def _first_difference(text: str, clock: Clock, found: list[int], expected: list[int]) -> str:
    lost, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    first = min([*lost, *extra], default=0)
    return (
        f"{text} in {clock.timezone}: {len(lost)} lost, {len(extra)} extra, the first at "
        f"{clock.start + timedelta(seconds=first)}"
    )


def _seconds(span: timedelta) -> int:
    return span.days * 86400 + span.seconds
