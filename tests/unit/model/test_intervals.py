"""Half-open intervals in UTC: their grains, their text, and the algebra of what is covered and what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.model.intervals import Grain, Interval, chunks, merge, parse_moment, stamp, subtract

ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
grains = st.sampled_from(Grain)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as asked


def hours(start: int, end: int) -> Interval:
    return Interval(ORIGIN + timedelta(hours=start), ORIGIN + timedelta(hours=end))


intervals = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: hours(pair[0], sum(pair)))
interval_lists = st.lists(intervals, max_size=8)


def held(*spans: Interval) -> set[datetime]:
    """The whole hours that the spans hold."""
    return {piece.start for span in spans for piece in span.split(Grain.HOUR)}


def test_an_interval_ends_after_it_starts() -> None:
    with pytest.raises(ValueError, match="ends"):
        Interval(ORIGIN, ORIGIN)


def test_an_interval_needs_aware_moments() -> None:
    with pytest.raises(ValueError, match="aware"):
        Interval(ORIGIN.replace(tzinfo=None), ORIGIN + timedelta(days=1))


@pytest.mark.parametrize("text", ["2024-01-01/2024-01-02", "2024-01-01T06:00:00Z/2024-01-02", "2024-02-29/2024-03-01"])
def test_an_interval_reads_back_as_written(text: str) -> None:
    assert str(Interval.parse(text)) == text


@given(start=moments, length=st.timedeltas(timedelta.resolution, timedelta(days=400)))
def test_any_interval_survives_its_text(start: datetime, length: timedelta) -> None:
    interval = Interval(start, start + length)
    assert Interval.parse(str(interval)) == interval


def test_a_moment_without_a_zone_is_utc_and_another_zone_is_converted() -> None:
    assert parse_moment("2024-01-01 06:00") == ORIGIN + timedelta(hours=6)
    assert parse_moment("2024-01-01T06:00+02:00") == ORIGIN + timedelta(hours=4)
    assert parse_moment(date(2024, 1, 1)) == parse_moment(ORIGIN.replace(tzinfo=None)) == ORIGIN
    assert parse_moment("2024-01-01T06:00+02:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2024-02-30", "2024-01-01/"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|day is out of range"):
        parse_moment(text)


def test_a_stamp_is_a_date_at_midnight_utc_alone() -> None:
    assert stamp(ORIGIN) == "2024-01-01"
    assert stamp(datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2023-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("grain", "floor", "following"),
    [
        (Grain.HOUR, "2024-02-29T13:00", "2024-02-29T14:00"),
        (Grain.DAY, "2024-02-29", "2024-03-01"),
        (Grain.MONTH, "2024-02-01", "2024-03-01"),
    ],
)
def test_floor_and_step_of_a_grain(grain: Grain, floor: str, following: str) -> None:
    moment = parse_moment("2024-02-29T13:14:15.678")
    assert grain.floor(moment) == parse_moment(floor)
    assert grain.step(parse_moment(floor)) == parse_moment(following)


def test_months_step_over_the_turn_of_the_year_both_ways() -> None:
    assert Grain.MONTH.step(parse_moment("2023-12-01")) == parse_moment("2024-01-01")
    assert Grain.MONTH.step(parse_moment("2024-01-01"), -13) == parse_moment("2022-12-01")


@given(grain=grains, moment=moments)
def test_every_moment_lies_in_its_own_grain_interval(grain: Grain, moment: datetime) -> None:
    start = grain.floor(moment)
    assert start <= moment < grain.step(start)
    assert grain.floor(start) == start


@given(grain=grains, moment=moments, count=st.integers(-30, 30))
def test_steps_forth_and_back_return(grain: Grain, moment: datetime, count: int) -> None:
    start = grain.floor(moment)
    assert grain.step(grain.step(start, count), -count) == start


@given(left=intervals, right=intervals)
def test_contains_and_overlaps_agree_with_the_hours_held(left: Interval, right: Interval) -> None:
    assert left.contains(right) == (held(right) <= held(left))
    assert left.overlaps(right) == bool(held(left) & held(right))


def test_touching_intervals_do_not_overlap() -> None:
    assert not hours(0, 3).overlaps(hours(3, 6))
    assert not hours(3, 6).overlaps(hours(0, 3))


def test_a_split_is_seamless_and_begins_at_the_grain() -> None:
    pieces = [str(piece) for piece in Interval.parse("2024-01-30T12:00/2024-02-02").split(Grain.DAY)]
    assert pieces == [
        "2024-01-30/2024-01-31",
        "2024-01-31/2024-02-01",
        "2024-02-01/2024-02-02",
    ]


@given(interval_lists)
def test_merge_keeps_the_same_hours_in_the_fewest_intervals(spans: list[Interval]) -> None:
    merged = merge(spans)
    assert held(*merged) == held(*spans)
    assert all(left.end < right.start for left, right in pairwise(merged))


@given(wanted=intervals, covered=interval_lists)
def test_subtract_leaves_exactly_the_hours_not_covered(wanted: Interval, covered: list[Interval]) -> None:
    missing = subtract(wanted, covered)
    assert held(*missing) == held(wanted) - held(*covered)
    assert list(missing) == list(merge(missing))


def test_subtract_of_nothing_is_everything() -> None:
    assert subtract(hours(0, 3), ()) == (hours(0, 3),)
    assert subtract(hours(0, 3), (hours(0, 3),)) == ()


@given(spans=interval_lists, batch=st.integers(1, 7))
def test_chunks_cover_the_missing_hours_once_in_runs_of_at_most_a_batch(spans: list[Interval], batch: int) -> None:
    missing = merge(spans)
    runs = chunks(missing, Grain.HOUR, batch)
    lengths = [(run.end - run.start) // timedelta(hours=1) for run in runs]
    assert held(*runs) == held(*missing)
    assert sum(lengths) == len(held(*missing))
    assert all(1 <= length <= batch for length in lengths)


@given(span=intervals, batch=st.integers(1, 7), done=st.integers(0, 30))
def test_chunks_planned_anew_after_an_interruption_cut_in_the_same_places(
    span: Interval, batch: int, done: int
) -> None:
    runs = chunks((span,), Grain.HOUR, batch)
    rest = runs[done:]
    if rest:
        assert chunks((Interval(rest[0].start, span.end),), Grain.HOUR, batch) == rest


def test_chunks_of_months_are_aligned_to_the_batch() -> None:
    runs = chunks((Interval.parse("2023-11-01/2024-05-01"),), Grain.MONTH, 3)
    assert [str(run) for run in runs] == ["2023-11-01/2023-12-01", "2023-12-01/2024-03-01", "2024-03-01/2024-05-01"]
