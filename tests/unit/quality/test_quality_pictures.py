"""What a picture of a difference is drawn from: totals over time on both sides, and the days of rows that differ."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.quality.comparison import compare
from penstock.quality.comparison_sql import Side
from penstock.quality.pictures import MOST_POINTS, Picture, Point, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


def drawn(
    duck: Duck, old: str, new: str, *, days: tuple[str, ...] = ("day",), masked: frozenset[str] = frozenset()
) -> Picture:
    """The picture of two queries' difference."""
    sides = []
    for name, sql in (("old_side", old), ("new_side", new)):
        duck.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
        columns = tuple((row[0], row[1]) for row in duck.execute(f"DESCRIBE {name}").fetchall())
        sides.append(Side(relation=name, columns=columns))

    def ask(sql: str) -> list[tuple[object, ...]]:
        return duck.execute(sql).fetchall()

    found = compare(ask, "sales.daily", *sides, masked=masked)
    return picture(ask, found, *sides, days=days, masked=masked)


def daily(count: int, net: str = "1.10::DECIMAL(10,2)") -> str:
    day = "(DATE '2011-01-01' + CAST(i AS INTEGER))"
    return f"SELECT {day} AS day, i AS n, {net} AS net FROM range({count}) AS r(i)"


def test_totals_stand_by_day_on_both_sides_and_are_exact(duck: Duck) -> None:
    found = drawn(duck, daily(3), daily(4, "CASE WHEN i = 1 THEN 0.30 ELSE 1.10 END::DECIMAL(10,2)"))
    rows, _, net = found.trends
    assert (rows.column, rows.span, net.column) == (None, "day", "net")
    assert rows.points[-1] == Point(start="2011-01-04", old=None, new=Decimal(1))
    assert net.points[:2] == (
        Point(start="2011-01-01", old=Decimal("1.10"), new=Decimal("1.10")),
        Point(start="2011-01-02", old=Decimal("1.10"), new=Decimal("0.30")),
    )


def test_the_days_told_are_those_of_rows_that_differ(duck: Duck) -> None:
    found = drawn(duck, daily(90), daily(90, "CASE WHEN i BETWEEN 20 AND 22 THEN 5 ELSE 1.10 END::DECIMAL(10,2)"))
    assert (found.day, found.first, found.last) == ("day", "2011-01-21", "2011-01-23")


@pytest.mark.parametrize(("old", "new"), [(9, 4), (4, 9)], ids=["rows that go", "rows that come"])
def test_rows_of_one_side_alone_count_as_well(duck: Duck, old: int, new: int) -> None:
    found = drawn(duck, daily(old), daily(new))
    assert (found.first, found.last) == ("2011-01-05", "2011-01-09")


@pytest.mark.parametrize(("count", "span"), [(62, "day"), (63, "week"), (500, "month"), (20000, "year")])
def test_a_longer_time_is_cut_into_longer_spans(duck: Duck, count: int, span: str) -> None:
    found = drawn(duck, daily(count), daily(count, "2"))
    assert found.trends[0].span == span
    assert len(found.trends[0].points) <= MOST_POINTS + 1


def test_moments_count_for_their_day(duck: Duck) -> None:
    at = "SELECT TIMESTAMP '2011-01-01 23:30:00' + INTERVAL (i) DAY AS at, {} AS v FROM range(3) AS r(i)"
    found = drawn(duck, at.format("1"), at.format("i"), days=("missing", "at"))
    assert [point.start for point in found.trends[0].points] == ["2011-01-01", "2011-01-02", "2011-01-03"]


def test_what_is_masked_is_neither_added_up_nor_shown(duck: Duck) -> None:
    found = drawn(duck, daily(5), daily(5, "7777"), masked=frozenset({"net"}))
    assert [trend.column for trend in found.trends] == [None]
    assert "7777" not in repr(found)


def test_a_day_that_is_masked_is_no_axis(duck: Duck) -> None:
    found = drawn(duck, daily(5), daily(5, "2"), masked=frozenset({"day"}))
    assert (found.day, found.first, found.trends) == ("", "", ())


def test_a_dataset_without_days_has_distributions_alone(duck: Duck) -> None:
    found = drawn(duck, "SELECT 1 AS v", "SELECT 2 AS v", days=("v",))
    assert found.trends == ()
    assert [shape.name for shape in found.distributions] == ["v"]
