"""What a query's text shows about its slices: each rule from both sides, the doubtful named and the safe not."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from query_maker import TABLES, Maker

from penstock.model.findings import Severity
from penstock.model.intervals import Grain
from penstock.sql.slices import SlicedInput, Slicing, slice_doubts

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = Slicing(column="day", grain=Grain.DAY)
BY_KEY = Slicing(column="ts", grain=Grain.DAY, key=("id",))
INPUTS = {
    "s.orders": SlicedInput(sliced=True, column="ts"),
    "s.visits": SlicedInput(sliced=True, column="day"),
    "s.seen": SlicedInput(sliced=True),
    "s.rates": SlicedInput(sliced=False),
}
IN = "ts >= $interval_start AND ts < $interval_end"


def doubts(text: str, slicing: Slicing = DAY) -> dict[str, int]:
    """Each doubt's code without its prefix, and the line it names."""
    found = slice_doubts(text, "q.sql", dataset="s.made", slicing=slicing, inputs=INPUTS)
    assert all(finding.severity is Severity.WARNING for finding in found)
    assert all(finding.place.file == "q.sql" and finding.place.dataset == "s.made" for finding in found)
    return {finding.code.removeprefix("slices."): finding.place.line or 0 for finding in found}


A_DAY = "SELECT ts::DATE AS day"
ORDERS = f"FROM s.orders WHERE {IN}"
VISITS = "FROM s.visits AS v WHERE v.day >= $interval_start AND v.day < $interval_end"
IN_LONDON = "(ts AT TIME ZONE 'Europe/London')::DATE"

SAFE = [
    f"SELECT CAST(ts AS DATE) AS day, sum(x) AS x {ORDERS} GROUP BY 1",
    f"SELECT CAST(ts AS DATE) AS day, sum(x) AS x {ORDERS} GROUP BY ALL",
    f"SELECT date_trunc('day', ts) AS day, country, sum(x) AS x {ORDERS} GROUP BY day, country",
    "SELECT ts AS day, x FROM s.orders AS o WHERE o.ts >= $interval_start AND $interval_end > o.ts",
    f"{A_DAY}, x FROM s.orders WHERE CAST(ts AS DATE) >= CAST($interval_start AS DATE) AND ts < $interval_end",
    f"WITH kept AS (SELECT * FROM s.orders) {A_DAY}, x FROM kept WHERE {IN}",
    f"SELECT day, x FROM ({A_DAY}, x FROM s.orders) WHERE day >= $interval_start AND day < $interval_end",
    f"SELECT DISTINCT CAST(ts AS DATE) AS day, id {ORDERS}",
    f"SELECT ts::DATE AS day, v.clicks FROM s.orders o JOIN s.visits v ON v.day = o.ts::DATE WHERE {IN}",
    f"{A_DAY}, r.rate FROM s.orders JOIN s.rates AS r ON r.code = code WHERE {IN}",
    f"{A_DAY}, (SELECT rate FROM s.rates AS r ORDER BY r.id LIMIT 1) AS rate {ORDERS}",
    f"{A_DAY}, x / sum(x) OVER (PARTITION BY ts::DATE) AS share {ORDERS}",
    f"{A_DAY}, x, row_number() OVER w AS n {ORDERS} WINDOW w AS (PARTITION BY day, id ORDER BY ts)",
    f"{A_DAY}, list(x ORDER BY x) AS xs {ORDERS} GROUP BY 1",
    f"SELECT {IN_LONDON} AS day FROM s.orders WHERE {IN_LONDON} >= $interval_start AND {IN_LONDON} < $interval_end",
    f"SELECT CAST(ts AS DATE) AS day, x FROM s.seen WHERE {IN}",
    f"{A_DAY}, x {ORDERS} UNION ALL SELECT day, y {VISITS}",
    f"SELECT v.day, (SELECT sum(o.x) FROM s.orders o WHERE o.ts::DATE = v.day) AS ordered {VISITS}",
    f"SELECT max(ts)::DATE AS day, id, sum(x) AS x {ORDERS} GROUP BY ts::DATE, id",
]


@pytest.mark.parametrize("text", SAFE)
def test_a_query_that_keeps_to_its_interval_is_not_doubted(text: str) -> None:
    assert doubts(text) == {}


FIRSTS = f"WITH firsts AS (\n SELECT id, min(ts) AS earliest {ORDERS} GROUP BY id)\n"
EVER = "\n SELECT count(DISTINCT id) FROM s.orders AS o WHERE o.ts < $interval_end"
LATER = f"WITH made AS (\n SELECT ts + INTERVAL 1 DAY AS later, x {ORDERS})\n"

NAMED: list[tuple[str, dict[str, int]]] = [
    (f"{A_DAY}, x,\n sum(x) OVER (ORDER BY ts) AS so_far {ORDERS}", {"window_over_edge": 2}),
    (f"{A_DAY},\n x - lag(x) OVER (PARTITION BY id ORDER BY ts) AS step\n{ORDERS}", {"window_over_edge": 2}),
    (f"{A_DAY}, rank() OVER (PARTITION BY date_trunc('month', ts) ORDER BY x) AS r {ORDERS}", {"window_over_edge": 1}),
    (f"{A_DAY}, sum(x) OVER w AS r {ORDERS}\nWINDOW w AS (ORDER BY ts)", {"window_over_edge": 1}),
    (f"{A_DAY} {ORDERS}\nQUALIFY row_number() OVER (PARTITION BY id ORDER BY ts) = 1", {"window_over_edge": 2}),
    (f"{A_DAY}, x,\n\n now() AS made_at {ORDERS}", {"sql.nondeterministic": 3}),
    (f"{A_DAY}, x,\n random() AS r {ORDERS}", {"sql.nondeterministic": 2}),
    (f"{A_DAY}, x {ORDERS}\nORDER BY x DESC LIMIT 10", {"limit": 2}),
    (f"({A_DAY} {ORDERS}) UNION ALL SELECT day {VISITS}\nORDER BY day\nLIMIT 3", {"limit": 3}),
    ("SELECT day, a FROM (\nPIVOT s.visits ON id USING sum(x) GROUP BY day)", {"unbounded_input": 2}),
    (f"SELECT DISTINCT ON (id) ts::DATE AS day, id {ORDERS}", {"distinct_over_edge": 1}),
    (f"{A_DAY}, x / (\nSELECT sum(x) {ORDERS}) AS share {ORDERS}", {"aggregate_over_edge": 2}),
    (f"{FIRSTS}SELECT earliest::DATE AS day, id FROM firsts", {"aggregate_over_edge": 2}),
    (f"{A_DAY}, string_agg(x, ',') AS xs {ORDERS} GROUP BY 1", {"order_of_rows": 1}),
    (f"SELECT v.day, ({EVER}) AS ever {VISITS}", {"unbounded_input": 2, "aggregate_over_edge": 2}),
    (f"{A_DAY}, x FROM s.orders WHERE ts >= $interval_start", {"unbounded_input": 1}),
    (f"{A_DAY}\nFROM s.orders AS o\nJOIN s.visits AS v ON v.id = o.id WHERE {IN}", {"unbounded_input": 3}),
    (f"{A_DAY}\nFROM s.orders AS o JOIN s.visits AS v ON v.day = o.ts::DATE", {"unbounded_input": 2}),
    (f"{A_DAY}\nFROM s.orders WHERE ts >= $interval_start - INTERVAL 7 DAY AND ts < $interval_end", {"lookback": 2}),
    (f"{A_DAY} FROM s.orders WHERE ts >= $interval_start AND\nts < $interval_end + INTERVAL 1 DAY", {"lookback": 2}),
    (f"{A_DAY} FROM s.orders\nWHERE ts BETWEEN $interval_start AND $interval_end", {"edge": 2}),
    (f"{A_DAY} FROM s.orders\nWHERE ts > $interval_start AND ts < $interval_end", {"edge": 2}),
    (f"SELECT\n CAST($interval_start AS DATE) AS day, x {ORDERS}", {"edge_as_value": 2}),
    (f"{A_DAY}\nFROM s.orders WHERE seen >= $interval_start AND seen < $interval_end", {"other_column": 1}),
    (f"SELECT\n {IN_LONDON} AS day, x {ORDERS}", {"moved": 2}),
    (f"SELECT\n date_trunc('month', ts) AS day, x {ORDERS}", {"moved": 2}),
    (f"{LATER}SELECT later AS day, x FROM made", {"moved": 2}),
]


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_a_query_that_goes_beyond_its_interval_is_named_with_its_line(text: str, expected: dict[str, int]) -> None:
    assert doubts(text) == expected


def test_the_finding_says_what_was_found_and_quotes_the_line() -> None:
    text = f"SELECT ts::DATE AS day,\n  sum(x) OVER (ORDER BY ts) AS so_far\nFROM s.orders WHERE {IN}"
    (finding,) = slice_doubts(text, "q.sql", dataset="s.made", slicing=DAY, inputs=INPUTS)
    assert "SUM(x)" in finding.message
    assert finding.place.excerpt == "sum(x) OVER (ORDER BY ts) AS so_far"
    assert finding.expected == "PARTITION BY day, so that no window goes beyond an interval"


def test_a_window_with_a_lookback_is_left_to_trying_it_out() -> None:
    wide = "ts >= $interval_start - INTERVAL 7 DAY AND ts < $interval_end"
    inner = f"SELECT ts, sum(x) OVER (ORDER BY ts RANGE INTERVAL 6 DAY PRECEDING) AS week FROM s.orders WHERE {wide}"
    text = f"SELECT ts::DATE AS day, week FROM ({inner}) WHERE {IN}"
    assert doubts(text) == {"lookback": 1}


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT id, x, ts FROM s.orders WHERE {IN} QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts DESC) = 1",
        f"SELECT id, arg_max(x, ts) AS x FROM s.orders WHERE {IN} GROUP BY id",
        f"SELECT DISTINCT ON (id) id, x FROM s.orders WHERE {IN} ORDER BY ts DESC",
        f"SELECT id, max(ts) AS ts FROM s.orders WHERE id IN (SELECT id FROM s.orders WHERE {IN}) GROUP BY id",
    ],
)
def test_the_newest_row_of_each_key_is_what_a_merge_is_for(text: str) -> None:
    assert doubts(text, BY_KEY) == {}
    assert doubts(text, DAY) != {}


@pytest.mark.parametrize("back", ["$interval_start - INTERVAL 7 DAY", "CAST(($interval_start) AS DATE) - 7"])
def test_a_merge_may_look_back_since_all_that_follows_a_late_slice_is_merged_again(back: str) -> None:
    text = f"SELECT id, max(ts) AS ts FROM s.orders WHERE ts >= {back} AND ts < $interval_end GROUP BY id"
    assert doubts(text, BY_KEY) == {}
    assert "lookback" in doubts(text, DAY)


@pytest.mark.parametrize("beyond", ["ts < $interval_end + INTERVAL 1 DAY", "ts < $interval_end - INTERVAL 1 DAY"])
def test_a_merge_that_looks_ahead_or_leaves_rows_out_is_named(beyond: str) -> None:
    text = f"SELECT id, max(ts) AS ts FROM s.orders WHERE ts >= $interval_start AND {beyond} GROUP BY id"
    assert doubts(text, BY_KEY) == {"lookback": 1}


def test_rows_kept_to_the_intervals_of_their_input_are_left_to_trying_it_out() -> None:
    text = "SELECT CAST(written AS DATE) AS day FROM s.files WHERE _interval_start >= $interval_start"
    inputs = {"s.files": SlicedInput(sliced=True, column="_interval_start")}
    found = slice_doubts(f"{text} AND _interval_start < $interval_end", "q", dataset="s.m", slicing=DAY, inputs=inputs)
    assert found == ()


def test_a_day_tells_no_hour() -> None:
    text = (
        f"SELECT date_trunc('hour', ts) AS day, x / sum(x) OVER (PARTITION BY ts::DATE) AS s FROM s.orders WHERE {IN}"
    )
    assert doubts(text) == {}
    assert doubts(text, Slicing(column="day", grain=Grain.HOUR)) == {"window_over_edge": 1}


def test_a_time_of_day_tells_no_interval() -> None:
    text = f"SELECT ts::DATE AS day, sum(x) OVER (PARTITION BY CAST(ts AS TIME)) AS s FROM s.orders WHERE {IN}"
    assert doubts(text) == {"window_over_edge": 1}


def test_what_reaches_no_interval_may_look_as_far_as_it_likes() -> None:
    text = (
        "WITH newest AS (SELECT code, rate FROM s.rates QUALIFY row_number() OVER (PARTITION BY code ORDER BY id) = 1)"
        f" SELECT ts::DATE AS day, n.rate FROM s.orders JOIN newest AS n USING (code) WHERE {IN}"
    )
    assert doubts(text) == {}


def test_a_query_that_reads_itself_is_read_to_an_end() -> None:
    assert doubts("WITH RECURSIVE t AS (SELECT day FROM t UNION ALL SELECT day FROM t) SELECT day FROM t") == {}


@pytest.mark.parametrize("seed", range(150))
def test_any_query_can_be_looked_at(seed: int) -> None:
    text, _ = Maker(seed).query()
    inputs = dict.fromkeys(TABLES, SlicedInput(sliced=True, column="id"))
    found = slice_doubts(text, "q.sql", dataset="s.made", slicing=Slicing(column="id", grain=Grain.DAY), inputs=inputs)
    assert any(finding.code == "slices.unbounded_input" for finding in found)


# -- held against the database ----------------------------------------------------------------------------------------

FIRST, LAST = datetime.fromisoformat("2024-03-01"), datetime.fromisoformat("2024-03-06")
SHOWN = {"window_over_edge", "aggregate_over_edge", "distinct_over_edge", "limit", "edge", "edge_as_value"}
"""Doubts that show as soon as slices are put side by side; others only when input is late, or in the engine's audit."""
OUTSIDE = {"moved", "other_column"}
DATA = """
CREATE SCHEMA s;
CREATE TABLE s.orders AS
  SELECT TIMESTAMP '2024-03-01' + to_hours(CAST(i * 6 AS INTEGER)) AS ts, i % 3 + i // 7 AS id, i AS x,
    i % 2 AS country, TIMESTAMP '2024-03-01' + to_hours(CAST((19 - i) * 6 AS INTEGER)) AS seen
  FROM range(20) AS t(i);
CREATE TABLE s.visits AS SELECT DISTINCT ts::DATE AS day, id, x AS clicks, x, x AS y FROM s.orders;
CREATE TABLE s.rates AS SELECT i AS code, i AS id, i * 2 AS rate FROM range(3) AS t(i);
CREATE TABLE s.seen AS SELECT * FROM s.orders;
"""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(DATA)
        yield connection


def rows(database: duckdb.DuckDBPyConnection, text: str, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
    bound = {"interval_start": start, "interval_end": end}
    return database.execute(text, {name: value for name, value in bound.items() if f"${name}" in text}).fetchall()


def by_slices(database: duckdb.DuckDBPyConnection, text: str) -> Iterator[tuple[datetime, list[tuple[Any, ...]]]]:
    for number in range((LAST - FIRST).days):
        start = FIRST + timedelta(days=number)
        yield start, rows(database, text, start, start + timedelta(days=1))


def are_equal(database: duckdb.DuckDBPyConnection, text: str) -> bool:
    slices = Counter(repr(row) for _, made in by_slices(database, text) for row in made)
    return slices == Counter(repr(row) for row in rows(database, text, FIRST, LAST))


@pytest.mark.parametrize("text", SAFE)
def test_what_is_not_doubted_is_the_same_slice_by_slice(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert rows(database, text, FIRST, LAST), "rows that could differ"
    assert are_equal(database, text)


@pytest.mark.parametrize("text", [text for text, codes in NAMED if SHOWN & set(codes)])
def test_what_is_named_differs_on_rows_that_show_it(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert not are_equal(database, text)


@pytest.mark.parametrize("text", [text for text, codes in NAMED if OUTSIDE & set(codes)])
def test_an_interval_column_that_is_moved_lies_outside(database: duckdb.DuckDBPyConnection, text: str) -> None:
    moved = text.replace("Europe/London", "Asia/Tokyo")  # in March it is winter in London, and the same as in UTC
    days = [(start.date(), row[0]) for start, made in by_slices(database, moved) for row in made]
    assert any((day.date() if isinstance(day, datetime) else day) != built for built, day in days)
    assert all(isinstance(day, date) for _, day in days)
