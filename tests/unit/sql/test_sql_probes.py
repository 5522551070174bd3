"""Each kind of changed place becomes a probe whose figures are those of the rows, executed on DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.sql.grouping_keys import keys_of
from penstock.sql.probes import Probe, probes
from penstock.sql.syntax import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = "SELECT country, sum(q * p) AS rev FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country"
STAGED = (
    "WITH a AS (SELECT o.id, o.q, l.name FROM s.o AS o JOIN s.l AS l ON o.k = l.k), "
    "b AS (SELECT name, count(*) AS n FROM a WHERE q > 1 GROUP BY ALL) SELECT name, n FROM b WHERE n > 0"
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute(
            "CREATE TABLE s.o AS SELECT range AS id, range % 7 AS q, CAST(range % 5 AS DOUBLE) AS p, "
            "'c' || (range % 3) AS country, range % 4 AS k FROM range(100)"
        )
        connection.execute("CREATE TABLE s.l AS SELECT range AS k, 'n' || range AS name FROM range(3)")
        yield connection


def only(old: str, was: str, now: str) -> Probe:
    """The one probe of an edit."""
    assert was in old
    found = probes(old, old.replace(was, now))
    assert len(found) == 1, found
    return found[0]


CASES = {
    "a filter": (ORDERS, "q > 2", "q >= 2", (100, 56, 70, 14)),
    "a filter beside another that takes some": (
        ORDERS.replace("country <> 'c9'", "country = 'c1'"), "q > 2", "q >= 2", (100, 19, 23, 4)),
    "a filter that is dropped": (ORDERS, "q > 2 AND ", "", (100, 56, 100, 44)),
    "a filter for groups": (ORDERS, "GROUP BY country", "GROUP BY country HAVING count(*) > 18", (3, 3, 2, 1)),
    "an aggregate": (ORDERS, "sum(q * p)", "sum(q * (p + 1))", (3, 3, 3, 3)),
    "an aggregate that is the same on these rows": (ORDERS, "sum(q * p)", "sum(q * coalesce(p, 0))", (3, 3, 3, 0)),
    "a join's kind": (STAGED, "JOIN s.l", "LEFT JOIN s.l", (100, 75, 100, 25)),
    "a filter in a CTE": (STAGED, "q > 1", "q >= 1", (75, 53, 64, 11)),
    "a key in a CTE": (STAGED, "SELECT name, count(*)", "SELECT upper(name) AS name, count(*)", (53, 3, 3, 53)),
    "rows told apart": ("SELECT DISTINCT q FROM s.o", "DISTINCT ", "", (100, 100, 100, 93)),
    "rows put together": (
        "SELECT q FROM s.o UNION ALL SELECT k FROM s.l", "UNION ALL", "UNION", (7, 103, 7, 96)),
    "a window's order": (
        "SELECT q, row_number() OVER (PARTITION BY k ORDER BY id) AS r FROM s.o", "BY id", "BY id DESC",
        (100, 100, 100, 96)),
    "how many rows are kept": (
        "SELECT id FROM s.o ORDER BY id LIMIT 5", "LIMIT 5", "LIMIT 6", (6, 5, 6, 1)),
    "a filter over a window": (
        "SELECT id, row_number() OVER (PARTITION BY k ORDER BY id) AS r FROM s.o QUALIFY r = 1", "r = 1", "r <= 2",
        (100, 4, 8, 4)),
    "a filter with a query in it": (
        "SELECT q FROM s.o AS x WHERE x.q IN (SELECT k FROM s.l)", "FROM s.l", "FROM s.l WHERE k > 0",
        (100, 44, 29, 15)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_tally_counts_the_rows_that_cross(name: str, database: duckdb.DuckDBPyConnection) -> None:
    old, was, now, expected = CASES[name]
    probe = only(old, was, now)
    assert probe.tally is not None
    assert database.execute(probe.tally).fetchone() == expected


@pytest.mark.parametrize("name", CASES)
def test_a_hybrid_is_the_old_query_where_one_place_changed(name: str, database: duckdb.DuckDBPyConnection) -> None:
    old, was, now, _ = CASES[name]
    hybrid = only(old, was, now).hybrid
    assert hybrid is not None
    rest = f"(({old}) EXCEPT ALL ({hybrid})) UNION ALL (({hybrid}) EXCEPT ALL ({old}))"
    assert database.execute(f"SELECT count(*) FROM ({rest})").fetchone() == (0,)


def test_rows_that_cross_and_are_dropped_later_do_not_reach(database: duckdb.DuckDBPyConnection) -> None:
    kept = only(STAGED, "q > 1", "q >= 1")
    lost = only(STAGED.replace("n > 0", "n > 0 AND name = 'n9'"), "q > 1", "q >= 1")
    reached = [database.execute(probe.reach or "").fetchone() for probe in (kept, lost)]
    assert reached == [(3,), (0,)]


def test_each_of_two_edits_has_a_probe_of_its_own(database: duckdb.DuckDBPyConnection) -> None:
    new = ORDERS.replace("q > 2", "q > 3").replace("sum(q * p)", "sum(p)")
    first, second = probes(ORDERS, new)
    assert [(probe.place.old, probe.place.new) for probe in (first, second)] == [
        ("q > 2", "q > 3"),
        ("SUM(q * p) AS rev", "SUM(p) AS rev"),
    ]
    assert database.execute(first.tally or "").fetchone() == (100, 56, 42, 14)


def test_old_parts_are_written_in_the_new_aliases(database: duckdb.DuckDBPyConnection) -> None:
    old = "SELECT x.q FROM s.o AS x JOIN s.l AS y ON x.k = y.k WHERE x.q > 2"
    new = "SELECT a.q FROM s.o AS a JOIN s.l AS b ON a.k = b.k WHERE a.q > 3"
    (probe,) = probes(old, new)
    assert database.execute(probe.tally or "").fetchone() == (75, 42, 32, 10)


def test_queries_that_mean_the_same_have_no_place() -> None:
    assert (
        probes(
            ORDERS, ORDERS.replace("q * p", "p * q").replace("q > 2 AND country <> 'c9'", "country <> 'c9' AND q > 2")
        )
        == ()
    )


def test_columns_that_come_or_go_are_no_place_of_those_that_stay() -> None:
    assert probes("SELECT id, q FROM s.o", "SELECT id, q, p FROM s.o") == ()


def test_what_cannot_be_probed_has_no_tally() -> None:
    new = "WITH late AS (SELECT k FROM s.l) SELECT id FROM s.o WHERE k IN (SELECT k FROM late)"
    found = probes("SELECT id FROM s.o", new)
    assert [probe.place.kind.value for probe in found if probe.tally is None] == ["source"]


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [("ALL", ["a", "b + 1"]), ("1, 2", ["a", "b + 1"]), ("a, k", ["a", "b + 1"]), ("", [])],
)
def test_keys_are_spelled_out(grouping: str, expected: list[str]) -> None:
    text = "SELECT a, b + 1 AS k, sum(c) AS c FROM s.t" + (f" GROUP BY {grouping}" if grouping else "")
    select = tree_of(text)
    keys = keys_of(select)  # type: ignore[arg-type]
    assert keys is not None
    assert [key.sql() for key in keys] == expected
