"""A sample of `run_cron.py`: schedules over a full year in five zones, against the minute walk."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from cron_texts import BY_HAND, FEATURES, features_of, texts
from judging_cron import judge
from minute_walk import DAY, Clock, utc, walk, walk_minute_by_minute, watch

YEARS = (
    ("Europe/Berlin", "2024-01-01"),
    ("America/New_York", "2024-01-01"),
    ("Africa/Casablanca", "2024-01-01"),
    ("Australia/Lord_Howe", "2024-01-01"),
    ("Pacific/Apia", "2011-01-01"),
)
DENSE = {"* * * * *", "*/1 */1 * * *"}
SAMPLE = sorted({*random.Random(7).sample(BY_HAND, 14), *texts(random.Random(7), 64)[-12:], "30 2 * * *"} - DENSE)


def read(zone: str, begin: str) -> Clock:
    return watch(zone, utc(begin), utc(begin) + 366 * DAY)


@pytest.mark.parametrize(("zone", "begin"), YEARS)
def test_a_year_of_fires_is_that_of_a_minute_walk(zone: str, begin: str) -> None:
    clock = read(zone, begin)
    assert len(clock.runs) >= 3, "the clock was not changed: nothing is tested here"
    for text in SAMPLE:
        found = judge(text, [clock])
        assert found.differences == []
        assert found.asked == 1
        assert found.moments > 0


def test_the_texts_are_of_every_form_there_is() -> None:
    drawn = texts(random.Random(1), 320)
    assert len(drawn) >= 300
    assert set().union(*map(features_of, drawn)) == set(FEATURES)


def test_the_walk_over_runs_is_the_walk_minute_by_minute() -> None:
    start, end = utc("2011-12-20"), utc("2012-01-10")
    clock = watch("Pacific/Apia", start, end)
    for text in ("30 * * * *", "0 6,18 * * *", "0 2 * * fri-sun", "*/50 23,0 30,31 12 *", "0 5,* * * *"):
        slowly = walk_minute_by_minute("Pacific/Apia", start, end, text)
        assert slowly
        assert walk(clock, text) == slowly


def test_another_clock_is_noticed() -> None:
    clock = watch("Europe/London", utc("2024-03-25"), utc("2024-04-05"))
    assert judge("30 1 * * *", [clock]).differences == []
    differences = judge("30 1 * * *", [replace(clock, timezone="Europe/Berlin")]).differences
    assert differences[0] == "30 1 * * * in Europe/Berlin: 11 lost, 12 extra, the first at 2024-03-25 00:30:00+00:00"
