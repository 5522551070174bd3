"""An interval's rows are held against earlier intervals like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from penstock.quality.volume import judge_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.findings import Finding

START = datetime(2011, 2, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def weeks(*counts: int) -> tuple[tuple[datetime, int], ...]:
    """Counts of the weeks before START, the latest last."""
    return tuple((START - WEEK * (len(counts) - index), count) for index, count in enumerate(counts))


def verdict(
    count: int, history: Sequence[tuple[datetime, int]], tolerance: float = 0.1, length: int = 8
) -> Finding | None:
    return judge_volume(count, history, START, tolerance=tolerance, history_length=length, dataset="a.b")


@pytest.mark.parametrize(("count", "good"), [(89, False), (90, True), (110, True), (111, False)])
def test_bounds_belong_to_what_is_allowed(count: int, good: bool) -> None:
    assert (verdict(count, weeks(100, 100, 100)) is None) is good


def test_the_median_shrugs_off_one_odd_week() -> None:
    assert verdict(100, weeks(100, 5000, 100)) is None


def test_fewer_than_three_earlier_intervals_are_no_history() -> None:
    assert verdict(0, weeks(100, 100)) is None
    assert verdict(0, weeks(100, 100, 100)) is not None


def test_other_weekdays_other_hours_and_later_intervals_do_not_count() -> None:
    others = [(START - timedelta(days=day), 100) for day in (1, 2, 3)]
    hours = [(START - WEEK * week + timedelta(hours=1), 100) for week in (1, 2, 3)]
    later = [(START + WEEK * week, 100) for week in (0, 1, 2)]
    assert verdict(0, [*others, *hours, *later]) is None


def test_only_the_last_intervals_are_looked_at() -> None:
    assert verdict(100, weeks(1, 1, 1, 1, 100, 100, 100)[::-1], length=3) is None
    assert verdict(100, weeks(1, 1, 1, 1, 100, 100, 100), length=7) is not None


def test_the_finding_says_what_was_usual() -> None:
    finding = verdict(10, weeks(90, 100, 110)[::-1])
    assert finding is not None
    assert (finding.code, finding.place.dataset, finding.found) == ("quality.volume", "a.b", "10 rows")
    assert finding.expected == "90 to 110 rows (median of 3 earlier intervals ± 10%)"
