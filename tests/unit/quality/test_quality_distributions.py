"""How a column's values are distributed on two sides, beside what Python counts in the same rows."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.quality.comparison_sql import Side
from penstock.quality.distributions import Frequent, distributions
from penstock.quality.distributions_sql import BINS, FEW, ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.quality.distributions import ColumnDistribution

Duck = duckdb.DuckDBPyConnection


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


def described(duck: Duck, old: str, new: str, *names: str, masked: frozenset[str] = frozenset()) -> Any:
    """The distributions of the columns of two queries."""
    sides = []
    for name, sql in (("old", old), ("new", new)):
        duck.execute(f"CREATE OR REPLACE TABLE {name}_side AS {sql}")
        columns = tuple((row[0], row[1]) for row in duck.execute(f"DESCRIBE {name}_side").fetchall())
        sides.append(Side(relation=f"{name}_side", columns=columns))
    found = distributions(lambda sql: duck.execute(sql).fetchall(), sides[0], sides[1], names or ("v",), masked)
    return found if names else found[0]


def values(*numbers: Any, type_: str = "DOUBLE") -> str:
    return f"SELECT unnest([{', '.join(str(number) for number in numbers)}])::{type_} AS v"


def test_numbers_have_ends_a_mean_quantiles_and_a_histogram_over_common_bins(duck: Duck) -> None:
    old, new = [1, 2, 2, 3, 10], [1, 2, 2, 3, 20]
    found: ColumnDistribution = described(duck, values(*old, "NULL"), values(*new))
    assert found.kind is ColumnKind.NUMBER
    assert (found.old.rows, found.old.nulls, found.old.distinct) == (6, 1, 4)
    assert (found.old.minimum, found.old.maximum, found.new.maximum) == ("1.0", "10.0", "20.0")
    assert found.old.mean == statistics.mean(old)
    assert found.old.stddev == pytest.approx(statistics.stdev(old))
    assert dict(found.old.quantiles) == {0.05: "1.0", 0.25: "2.0", 0.5: "2.0", 0.75: "3.0", 0.95: "10.0"}
    assert found.old.frequent[0] == Frequent(value="2.0", rows=2)
    assert found.histogram is not None
    assert (found.histogram.edges[0], found.histogram.edges[-1], len(found.histogram.edges)) == ("1", "20", BINS + 1)
    assert (sum(found.histogram.old), sum(found.histogram.new)) == (5, 5)
    assert (found.histogram.old[-1], found.histogram.new[-1]) == (0, 1)


def test_what_is_not_finite_is_counted_and_in_no_bin(duck: Duck) -> None:
    strange = ("'nan'", "'inf'", "'-inf'", "1e300", "1", "3")
    found = described(duck, values(*(f"{one}::DOUBLE" for one in strange)), values(1))
    assert (found.old.rows, found.old.distinct, found.old.mean) == (6, 6, 2.0)
    assert sum(found.histogram.old) == 2
    assert (found.old.minimum, found.old.maximum) == ("-inf", "nan")


def test_dates_have_a_histogram_and_no_mean(duck: Duck) -> None:
    old = "SELECT DATE '2020-01-01' + i::INTEGER AS v FROM range(20) AS t(i)"
    found = described(duck, old, f"{old} WHERE i < 10")
    assert (found.kind, found.old.mean, found.histogram.edges[0]) == (ColumnKind.MOMENT, None, "2020-01-01")
    assert (found.histogram.old, found.histogram.new) == ((1,) * 20, (1,) * 10 + (0,) * 10)


def test_texts_have_their_most_frequent_values(duck: Duck) -> None:
    found = described(duck, values("'b'", "'a'", "'b'", type_="VARCHAR"), values("'a'", type_="VARCHAR"))
    assert found.old.frequent == (Frequent(value="b", rows=2), Frequent(value="a", rows=1))
    assert (found.kind, found.histogram, found.old.minimum) == (ColumnKind.TEXT, None, "a")


@pytest.mark.parametrize(
    "value", ["{'a': 1}", "[1, NULL]", "MAP {'a': 1}", "'x'::BLOB", "INTERVAL 1 DAY", "TIME '10:00'"]
)
def test_values_without_a_useful_order_are_counted(duck: Duck, value: str) -> None:
    found = described(duck, f"SELECT {value} AS v", f"SELECT {value} AS v FROM range(3)")
    assert (found.kind, found.old.minimum, found.histogram) == (ColumnKind.OTHER, None, None)
    assert ([one.rows for one in found.old.frequent], [one.rows for one in found.new.frequent]) == ([1], [3])


def test_an_empty_side_has_nothing_and_shares_the_other_sides_bins(duck: Duck) -> None:
    found = described(duck, values(1, 2), f"{values(1)} WHERE false")
    assert (found.new.rows, found.new.distinct, found.new.minimum, found.new.quantiles) == (0, 0, None, ())
    assert (sum(found.histogram.old), sum(found.histogram.new)) == (2, 0)
    both = described(duck, f"{values(1)} WHERE false", values("NULL"))
    assert (both.histogram, both.new.nulls) == (None, 1)


def test_one_value_alone_is_one_bin(duck: Duck) -> None:
    found = described(duck, values(7, 7), values(7))
    assert (found.histogram.old, found.histogram.new) == ((2,), (1,))


@pytest.mark.parametrize("type_", ["VARCHAR", "INTEGER", "DATE", "STRUCT(x INTEGER)"])
def test_a_masked_column_shows_counts_and_no_value(duck: Duck, type_: str) -> None:
    value = {"VARCHAR": "'Ann4711'", "INTEGER": "4711", "DATE": "DATE '4711-01-01'"}.get(type_, "{'x': 4711}")
    found = described(duck, f"SELECT {value} AS v", f"SELECT {value} AS v", masked=frozenset({"v"}))
    assert "4711" not in repr(found)
    assert (found.old.rows, found.old.distinct, found.old.frequent[0].rows, found.histogram) == (1, 1, 1, None)


def test_a_retyped_column_is_described_by_what_both_types_are(duck: Duck) -> None:
    number = described(duck, values(1, type_="INTEGER"), values("1.5", type_="DECIMAL(9,2)"))
    assert (number.kind, number.old.maximum, number.new.maximum) == (ColumnKind.NUMBER, "1", "1.50")
    text = described(duck, values(1, type_="INTEGER"), values("'x'", type_="VARCHAR"))
    assert (text.kind, text.old.frequent[0].value, text.new.frequent[0].value) == (ColumnKind.OTHER, "1", "x")


def test_columns_may_have_any_name(duck: Duck) -> None:
    names = ("x", "t", "n", "value", "side", "bin", "upto", 'say "hi"', "rows", "place")
    selected = ", ".join('i AS "' + name.replace('"', '""') + '"' for name in names)
    many = described(
        duck, f"SELECT {selected} FROM range(3) AS r(i)", f"SELECT {selected} FROM range(4) AS r(i)", *names
    )
    assert [one.name for one in many] == list(names)
    assert {(one.old.maximum, one.new.maximum, sum(one.histogram.new)) for one in many} == {("2", "3", 4)}


@pytest.mark.slow
def test_of_very_many_values_quantiles_are_within_a_percent_and_the_histogram_is_exact(duck: Duck) -> None:
    rows = 4 * FEW
    skewed = f"SELECT exp(i * 20.0 / {rows}) AS v FROM range({rows}) AS t(i)"
    found = described(duck, skewed, f"SELECT CASE WHEN v < 2 THEN 0 ELSE v END AS v FROM ({skewed})")
    for share, value in found.old.quantiles:
        assert float(value) == pytest.approx(math.exp(share * 20), rel=0.011)
    width = (math.exp(20 * (rows - 1) / rows) - 1) / BINS
    first = sum(math.exp(i * 20.0 / rows) < 1 + width for i in range(rows))
    assert found.histogram.old[0] == pytest.approx(first, abs=1)
    assert sum(found.histogram.new) == rows
    assert [one.value for one in found.new.frequent] == ["0.0"]
    assert found.old.frequent == ()
