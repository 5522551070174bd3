"""Pairs of queries that only look equal on some rows: none may be called proved, or exercised, on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.duckdb.laboratory import MemoryLaboratory
from penstock.quality.exercise import Comparison, Pair, exercise
from penstock.quality.synthesis import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

COLUMNS = {
    "s.o": (
        ("id", "BIGINT"), ("q", "INTEGER"), ("p", "DECIMAL(10,2)"), ("country", "VARCHAR"), ("k", "BIGINT"),
        ("items", "INTEGER[]"), ("until", "DATE"),
    ),
    "s.l": (("k", "BIGINT"), ("name", "VARCHAR"), ("rate", "DECIMAL(6,2)")),
}  # fmt: skip
CROSSES = ("1 AS id, 3 AS q, 1 AS p, 'UK' AS country, 1 AS k", "2 AS id, 0 AS q, 0 AS p, 'UK' AS country, 1 AS k")
TWO = ("1 AS id, 3 AS q, 10 AS p, 'UK' AS country", "2 AS id, 200 AS q, 200 AS p, 'DE' AS country")
BESIDE = "SELECT country, sum(q) AS q FROM {} WHERE q > 0 GROUP BY country"


def beside(old: str, new: str) -> tuple[str, str]:
    """Both beside an edit that rows do go through."""
    return BESIDE.format(old), BESIDE.replace("q > 0", "q >= 0").format(new)


ATTACKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a column that makes rows": ("SELECT id FROM s.o", "SELECT id, unnest([id]) AS x FROM s.o", TWO[:1]),
    "a column that folds rows": ("SELECT 1 AS one FROM s.o", "SELECT 1 AS one, count(*) AS n FROM s.o", TWO[:1]),
    "another column first under a position": (
        "SELECT id, q FROM s.o ORDER BY 1 LIMIT 1", "SELECT q, id FROM s.o ORDER BY 1 LIMIT 1", TWO[:1]),
    "an alias that ORDER BY takes for the column": (
        "SELECT id FROM s.o ORDER BY q LIMIT 1", "SELECT id, -q AS q FROM s.o ORDER BY q LIMIT 1", TWO[:1]),
    "a column of a CTE that an inner query takes for its own": (
        "WITH a AS (SELECT k FROM s.l) SELECT id FROM s.o WHERE id IN (SELECT id FROM a)",
        "WITH a AS (SELECT k, k AS id FROM s.l) SELECT id FROM s.o WHERE id IN (SELECT id FROM a)", ()),
    "columns of a CTE by place": (
        "WITH a(x, y) AS (SELECT id, q FROM s.o) SELECT x FROM a",
        "WITH a(x, y) AS (SELECT q, id FROM s.o) SELECT x FROM a", ("1 AS id, 1 AS q",)),
    "a CTE and a subquery of one name": (
        *beside(
            "(SELECT * FROM (WITH t AS (SELECT * FROM s.o WHERE p < 1000) SELECT * FROM (SELECT * FROM t) AS t))",
            "(SELECT * FROM (WITH t AS (SELECT * FROM s.o WHERE p < 5000) SELECT * FROM (SELECT * FROM t) AS t))",
        ), CROSSES),
    "a join in brackets": (
        *beside("(s.o AS o JOIN s.l AS l ON o.k = l.k)", "(s.o AS o LEFT JOIN s.l AS l ON o.k = l.k)"), CROSSES),
    "a limit of a set operation": (
        *beside(
            "(SELECT q, country FROM s.o UNION ALL SELECT q, country FROM s.o LIMIT 100)",
            "(SELECT q, country FROM s.o UNION ALL SELECT q, country FROM s.o LIMIT 200)",
        ), CROSSES),
    "an alias that hides a column from GROUP BY": (
        "SELECT upper(country) AS country, sum(q) AS q FROM s.o WHERE q > 0 GROUP BY country",
        "SELECT upper(country) AS country, sum(q) AS q FROM s.o WHERE q >= 0 GROUP BY 1", CROSSES),
    "two edits that hide each other": (
        "WITH a AS (SELECT id, q FROM s.o) SELECT id, q * 1 AS q FROM a",
        "WITH a AS (SELECT id, abs(q) AS q FROM s.o) SELECT id, abs(q) AS q FROM a", TWO),
    "a bound beyond what can be made up": (
        "SELECT country, sum(q) AS q FROM s.o GROUP BY country HAVING count(*) < 1000",
        "SELECT country, sum(q) AS q FROM s.o GROUP BY country HAVING count(*) < 2000", TWO),
    "a bound behind arithmetic": (
        "SELECT id FROM s.o WHERE q * 7 > 1000", "SELECT id FROM s.o WHERE q * 7 > 1001", TWO),
    "a key that is not shown": (
        "SELECT sum(q) AS q FROM s.o GROUP BY country", "SELECT sum(q) AS q FROM s.o GROUP BY upper(country)",
        ("1 AS id, 3 AS q, 'de' AS country", "2 AS id, 4 AS q, 'UK' AS country")),
    "a join of which nothing is read": (
        "SELECT o.id FROM s.o AS o LEFT JOIN s.l AS l ON o.k = l.k",
        "SELECT o.id FROM s.o AS o LEFT JOIN s.l AS l ON o.k = l.k AND l.rate > 10", CROSSES),
    "a row that enters no aggregate": (
        "SELECT country, sum(q) FILTER (WHERE p > 0) AS q FROM s.o WHERE q > 2 GROUP BY country",
        "SELECT country, sum(q) FILTER (WHERE p > 0) AS q FROM s.o WHERE q >= 0 GROUP BY country", CROSSES),
}  # fmt: skip


class Rows:
    """Real data for a test: these rows of orders, and one code."""

    def __init__(self, orders: tuple[str, ...]) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.connection.execute("CREATE SCHEMA s")
        for name, columns in COLUMNS.items():
            self.connection.execute(
                f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns)})"
            )
        self.connection.execute("INSERT INTO s.l VALUES (1, 'one', 1)")
        for order in orders:
            self.connection.execute(f"INSERT INTO s.o BY NAME SELECT {order}")

    def ask(self, sql: str) -> tuple[Any, ...] | None:
        try:
            return self.connection.execute(sql).fetchone()
        except duckdb.Error:
            return None


@pytest.fixture(scope="module")
def laboratory() -> Iterator[MemoryLaboratory]:
    made = MemoryLaboratory()
    yield made
    made.close()


def judged(old: str, new: str, orders: tuple[str, ...], laboratory: MemoryLaboratory) -> Comparison:
    shapes = {name: Shape(columns=columns) for name, columns in COLUMNS.items()}
    pair = Pair(dataset="s.made", file="made.sql", old=old, new=new, inputs=shapes, differ=False)
    return exercise(pair, Rows(orders), laboratory).comparison


@pytest.mark.parametrize("name", ATTACKS)
def test_what_only_looks_equal_is_not_called_exercised(name: str, laboratory: MemoryLaboratory) -> None:
    old, new, orders = ATTACKS[name]
    assert judged(old, new, orders, laboratory) is Comparison.NOT_EXERCISED


def test_moments_at_the_end_of_the_calendar_and_numbers_without_room_are_no_error(laboratory: MemoryLaboratory) -> None:
    old = "SELECT id FROM s.o WHERE until < DATE '9999-12-31' AND until > DATE '0001-01-01' AND p < 1000000000"
    assert judged(old, old.replace("p <", "p <="), TWO, laboratory) is Comparison.NOT_EXERCISED
