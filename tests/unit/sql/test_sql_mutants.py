"""What each kind of mutant is, and that rows tell it from its original."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import pytest
from query_maker import TABLES, Maker

from penstock.adapters.duckdb.mutant_bench import TestsLaboratory
from penstock.model.errors import InputError
from penstock.model.intervals import Interval
from penstock.quality.screening import Screen, told_apart
from penstock.quality.synthesis import Shape
from penstock.sql.fingerprint import canonical
from penstock.sql.mutants import Mutant, MutantKind, mutants_of, plain_text
from penstock.sql.query import parse_query
from penstock.sql.syntax import sql_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = (
    ("k", "INTEGER"), ("g", "VARCHAR"), ("n", "INTEGER"), ("m", "INTEGER"), ("x", "DECIMAL(9,2)"), ("s", "VARCHAR"),
    ("d", "DATE"),
)  # fmt: skip
INPUTS = {"p.t": Shape(columns=COLUMNS), "p.u": Shape(columns=COLUMNS)}
DAY = Interval.parse("2024-01-10/2024-01-12")

GOLDEN = [
    ("SELECT n FROM p.t WHERE n > 3", "boundary", "n > 3 -> n >= 3"),
    ("SELECT n FROM p.t WHERE n > 3", "comparison", "n > 3 -> n < 3"),
    ("SELECT n FROM p.t WHERE n <= 3", "boundary", "n <= 3 -> n < 3"),
    ("SELECT n FROM p.t WHERE n = 3", "comparison", "n = 3 -> n <> 3"),
    ("SELECT n FROM p.t WHERE n <> 3", "comparison", "n <> 3 -> n = 3"),
    ("SELECT n FROM p.t WHERE n > 3", "boundary", "3 -> 4"),
    ("SELECT n FROM p.t WHERE n > 3", "boundary", "3 -> 2"),
    ("SELECT x FROM p.t WHERE x > 0.5", "boundary", "0.5 -> 0.6"),
    ("SELECT n FROM p.t WHERE d >= DATE '2024-02-28'", "boundary", "'2024-02-28' -> '2024-02-29'"),
    ("SELECT n FROM p.t WHERE d < $interval_end", "boundary", "d < $interval_end -> d <= $interval_end"),
    ("SELECT n FROM p.t WHERE n BETWEEN 1 AND 3", "boundary", "n BETWEEN 1 AND 3 -> (n > 1 AND n <= 3)"),
    ("SELECT n FROM p.t WHERE n BETWEEN 1 AND 3", "comparison", "n BETWEEN 1 AND 3 -> n <= 3"),
    ("SELECT n FROM p.t WHERE n > 3", "filter dropped", "without n > 3"),
    ("SELECT n FROM p.t WHERE n > 3 AND m < 2", "filter dropped", "without m < 2"),
    ("SELECT g, sum(n) AS n FROM p.t GROUP BY g HAVING count(*) > 1", "filter dropped", "without COUNT(*) > 1"),
    ("SELECT sum(n) FILTER (WHERE m > 1) AS n FROM p.t", "filter dropped", "without m > 1"),
    ("SELECT n FROM p.t WHERE n = 3 OR m = 2", "term dropped", "without m = 2"),
    ("SELECT n FROM p.t WHERE n IN (1, 2)", "term dropped", "without 2"),
    ("SELECT n FROM p.t WHERE n > 3 AND m < 2", "AND and OR", "n > 3 AND m < 2 -> n > 3 OR m < 2"),
    ("SELECT n FROM p.t WHERE n = 3 OR m = 2", "AND and OR", "n = 3 OR m = 2 -> n = 3 AND m = 2"),
    ("SELECT n FROM p.t WHERE NOT n > 3", "NOT dropped", "NOT n > 3 -> n > 3"),
    ("SELECT n FROM p.t WHERE n NOT IN (1, 2)", "NOT dropped", "NOT n IN (1, 2) -> n IN (1, 2)"),
    ("SELECT n FROM p.t WHERE n IS NULL", "NULL handling", "n IS NULL -> NOT n IS NULL"),
    ("SELECT n FROM p.t WHERE n IS NOT NULL", "NULL handling", "NOT n IS NULL -> n IS NULL"),
    ("SELECT (n > 3) IS TRUE AS big FROM p.t", "NULL handling", "(n > 3) IS TRUE -> NOT (n > 3) IS FALSE"),
    ("SELECT n FROM p.t WHERE n = m", "NULL handling", "n = m -> n IS NOT DISTINCT FROM m"),
    ("SELECT coalesce(n, 0) AS n FROM p.t", "NULL handling", "COALESCE(n, 0) -> n"),
    ("SELECT coalesce(n, m, 0) AS n FROM p.t", "NULL handling", "COALESCE(n, m, 0) -> COALESCE(n, m)"),
    ("SELECT coalesce(n, 0) AS n FROM p.t", "constant", "0 -> 1"),
    ("SELECT nullif(n, 0) AS n FROM p.t", "NULL handling", "NULLIF(n, 0) -> n"),
    ("SELECT t.n FROM p.t JOIN p.u ON t.k = u.k", "join kind", "JOIN p.u ON t.k = u.k -> LEFT JOIN p.u ON t.k = u.k"),
    ("SELECT t.n FROM p.t LEFT JOIN p.u USING (k)", "join kind", "LEFT JOIN p.u USING (k) -> JOIN p.u USING (k)"),
    ("SELECT t.n FROM p.t SEMI JOIN p.u ON t.k = u.k", "join kind",
     "SEMI JOIN p.u ON t.k = u.k -> ANTI JOIN p.u ON t.k = u.k"),
    ("SELECT t.n FROM p.t JOIN p.u USING (k, g)", "join key dropped", "without g"),
    ("SELECT t.n FROM p.t JOIN p.u ON t.k = u.k AND t.g = u.g", "join key dropped", "without t.g = u.g"),
    ("SELECT g, sum(n) AS n FROM p.t GROUP BY g", "aggregate", "SUM(n) -> AVG(n)"),
    ("SELECT g, sum(n) AS n FROM p.t GROUP BY g", "aggregate", "SUM(n) -> MAX(n)"),
    ("SELECT g, min(n) AS n FROM p.t GROUP BY g", "aggregate", "MIN(n) -> MAX(n)"),
    ("SELECT count(n) AS n FROM p.t", "aggregate", "COUNT(n) -> COUNT(*)"),
    ("SELECT count(n) AS n FROM p.t", "aggregate", "COUNT(n) -> COUNT(DISTINCT n)"),
    ("SELECT count(DISTINCT n) AS n FROM p.t", "aggregate", "COUNT(DISTINCT n) -> COUNT(n)"),
    ("SELECT g, k, sum(n) AS n FROM p.t GROUP BY g, k", "GROUP BY key dropped", "without k"),
    ("SELECT g, k, sum(n) AS n FROM p.t GROUP BY 1, 2", "GROUP BY key dropped", "without 2"),
    ("SELECT g, k, sum(n) AS n FROM p.t GROUP BY ALL", "GROUP BY key dropped", "without k"),
    ("SELECT DISTINCT g FROM p.t", "DISTINCT", "without DISTINCT"),
    ("SELECT g FROM p.t", "DISTINCT", "SELECT g -> SELECT DISTINCT g"),
    ("SELECT g FROM p.t UNION ALL SELECT g FROM p.u", "set operation", "UNION ALL -> UNION"),
    ("SELECT g FROM p.t UNION SELECT g FROM p.u", "set operation", "UNION -> UNION ALL"),
    ("SELECT g FROM p.t EXCEPT SELECT g FROM p.u", "set operation", "EXCEPT -> INTERSECT"),
    ("SELECT n + m AS n FROM p.t", "arithmetic", "n + m -> n - m"),
    ("SELECT n * m AS n FROM p.t", "arithmetic", "n * m -> n / m"),
    ("SELECT -n AS n FROM p.t", "arithmetic", "-n -> n"),
    ("SELECT n * 12 AS n FROM p.t", "constant", "12 -> 13"),
    ("SELECT 'shop' AS shop, n FROM p.t", "constant", "'shop' -> 'shopx'"),
    ("SELECT n FROM p.t WHERE s LIKE 'C%'", "pattern", "s LIKE 'C%' -> s ILIKE 'C%'"),
    ("SELECT n FROM p.t WHERE s LIKE 'C%'", "pattern", "'C%' -> 'C'"),
    ("SELECT n FROM p.t WHERE regexp_matches(s, '^C')", "pattern", "'^C' -> 'C'"),
    ("SELECT CASE WHEN n > 3 THEN 'big' WHEN n > 1 THEN 'some' ELSE 'few' END AS size FROM p.t", "CASE arm",
     "without WHEN n > 1 THEN 'some'"),
    ("SELECT CASE WHEN n > 3 THEN 'big' ELSE 'few' END AS size FROM p.t", "CASE arm", "without ELSE 'few'"),
    ("SELECT CASE WHEN n > 3 THEN 'big' ELSE 'few' END AS size FROM p.t", "CASE arm",
     "CASE WHEN n > 3 THEN 'big' ELSE 'few' END -> CASE WHEN n > 3 THEN 'few' ELSE 'big' END"),
    ("SELECT n FROM p.t QUALIFY row_number() OVER (PARTITION BY g ORDER BY n, m, k) = 1", "window", "without g"),
    ("SELECT n FROM p.t QUALIFY row_number() OVER (PARTITION BY g ORDER BY n, m, k) = 1", "window", "n -> n DESC"),
    ("SELECT n, row_number() OVER (PARTITION BY g ORDER BY n) AS place FROM p.t", "window", "ROW_NUMBER() -> RANK()"),
    ("SELECT sum(n) OVER (ORDER BY k, m, n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM p.t", "window",
     "without ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"),
    ("SELECT n FROM p.t ORDER BY n LIMIT 1", "order", "n -> n DESC"),
    ("SELECT n FROM p.t ORDER BY n LIMIT 1", "constant", "1 -> 2"),
    ("SELECT trim(s) AS s FROM p.t", "function", "TRIM(s) -> s"),
    ("SELECT greatest(n, m) AS n FROM p.t", "function", "GREATEST(n, m) -> LEAST(n, m)"),
]  # fmt: skip


@pytest.fixture(scope="module")
def laboratory() -> Iterator[TestsLaboratory]:
    made = TestsLaboratory()
    yield made
    made.close()


@pytest.mark.parametrize(("text", "kind", "change"), GOLDEN)
def test_each_kind_of_fault_is_made_and_rows_tell_it_from_the_original(
    text: str, kind: str, change: str, laboratory: TestsLaboratory
) -> None:
    mutants = {str(mutant): mutant for mutant in mutants_of(text).items}
    assert change in mutants, list(mutants)
    mutant = mutants[change]
    assert mutant.kind == kind
    screen = Screen(original=text, others=(mutant.text,), inputs=INPUTS, interval=DAY)
    assert mutant.text in told_apart(screen, laboratory)


def test_every_kind_has_its_golden_pair() -> None:
    assert {kind for _, kind, _ in GOLDEN} == {str(kind) for kind in MutantKind}


LONG = """\
/* penstock
description: More than 3 of them, and n = 1.
materialize: table
*/
WITH kept AS (
  -- Not all of them.
  SELECT g, k, n,
    CASE
      WHEN n > 3 THEN 'big'
      ELSE 'few'
    END AS size
  FROM p.t
  WHERE n > 0
    AND m < 10
    AND s IS NOT NULL
)

SELECT
  kept.g,
  size,
  sum(kept.n) AS n,
  count(DISTINCT kept.k) AS keys
FROM kept
LEFT JOIN p.u ON kept.k = u.k AND kept.g = u.g
GROUP BY ALL
"""


def test_every_mutant_is_a_query_of_its_own_over_the_same_datasets() -> None:
    mutants = mutants_of(LONG).items
    forms = [canonical(LONG), *(canonical(mutant.text) for mutant in mutants)]
    assert len(set(forms)) == len(forms) > 30
    assert all(set(parse_query(mutant.text, "").datasets) <= {"p.t", "p.u"} for mutant in mutants)


def test_faults_that_come_to_the_same_query_are_made_once() -> None:
    dropped = [str(m) for m in mutants_of("SELECT n FROM p.t WHERE n = m AND m = n").items if m.new is None]
    assert dropped == ["without n = m"]


def test_without_a_fault_the_text_means_what_the_original_does() -> None:
    assert canonical(plain_text("SELECT n FROM p.t WHERE s <> ''")) == canonical("SELECT n FROM p.t WHERE s <> '' ")


def test_the_same_text_gives_the_same_mutants_with_ids_of_their_own() -> None:
    first, again = mutants_of(LONG), mutants_of(LONG)
    assert first == again
    assert len({mutant.id for mutant in first.items}) == len(first.items)


def test_header_and_comments_are_no_part_of_any_mutant() -> None:
    for mutant in mutants_of(LONG).items:
        assert mutant.line > 4
        assert "penstock" not in mutant.text
        assert "Not all" not in mutant.text


def test_a_mutant_names_its_line_and_the_first_of_its_part() -> None:
    mutants = {str(mutant): mutant for mutant in mutants_of(LONG).items}
    assert _spot(mutants["m < 10 -> m <= 10"]) == (14, (14,), "AND m < 10")
    assert _spot(mutants["n > 3 -> n >= 3"]) == (9, (9,), "WHEN n > 3 THEN 'big'")
    assert _spot(mutants["'few' -> 'fewx'"]) == (10, (9, 10), "ELSE 'few'")
    assert mutants["without kept.g = u.g"].lines == (24,)


def _spot(mutant: Mutant) -> tuple[int, tuple[int, ...], str]:
    return mutant.line, mutant.lines, mutant.excerpt


def test_for_a_change_only_mutants_on_its_lines_are_made() -> None:
    chosen = mutants_of(LONG, lines=frozenset({14})).items
    assert {mutant.line for mutant in chosen} == {14}
    assert {str(mutant) for mutant in chosen} >= {"m < 10 -> m <= 10", "without m < 10"}
    assert mutants_of(LONG, lines=frozenset({3})).items == ()


def test_a_bound_is_spread_over_the_parts_and_what_is_left_out_is_counted() -> None:
    every = mutants_of(LONG, most=1000)
    assert every.left_out == 0
    few = mutants_of(LONG, most=12)
    assert len(few.items) == 12
    assert few.left_out >= len(every.items) - 12
    lines = [mutant.line for mutant in few.items]
    assert lines == sorted(lines)
    assert max(lines.count(line) for line in lines) <= 2
    assert all(after - before <= 4 for before, after in pairwise(sorted(set(lines))))


def test_an_added_distinct_is_no_fault_where_rows_are_put_together_anyway() -> None:
    for text in (
        "SELECT g FROM p.t UNION SELECT g FROM p.u",
        "SELECT g, count(*) AS n FROM p.t GROUP BY g",
        "SELECT n FROM p.t WHERE false AND EXISTS (SELECT k FROM p.u)",
    ):
        added = [str(m) for m in mutants_of(text).items if m.kind is MutantKind.DISTINCT]
        assert [change for change in added if "k" in change or "g" in change] == []


def test_places_in_group_by_and_order_by_are_no_constants() -> None:
    mutants = mutants_of("SELECT g, sum(n) AS n FROM p.t GROUP BY 1 ORDER BY 2").items
    assert [m for m in mutants if m.kind in {MutantKind.CONSTANT, MutantKind.BOUNDARY}] == []


def test_a_text_that_is_no_query_is_refused() -> None:
    with pytest.raises(InputError):
        mutants_of("SELECT FROM")


@pytest.mark.slow
def test_mutants_of_queries_of_every_shape_run_and_without_a_fault_nothing_moves() -> None:
    chance = random.Random(5)  # noqa: S311 - data for a test
    made = refused = 0
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("CREATE SCHEMA s")
        for table, columns in TABLES.items():
            kinds = ", ".join(f"{name} INTEGER{'[]' * (name == 'items')}" for name in columns)
            connection.execute(f"CREATE TABLE {table} ({kinds})")
            for number in range(9):
                values = [[number, 1] if name == "items" else chance.choice([None, 0, 1, 2]) for name in columns]
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", values)
        for seed in range(25):
            text, _ = Maker(seed).query()
            assert _rows(connection, plain_text(text)) == _rows(connection, text), text
            before = sql_of(tree_of(text))
            for mutant in mutants_of(text, most=12).items:
                made += 1
                try:
                    connection.execute(f"EXPLAIN {mutant.text}")
                except duckdb.BinderException:
                    refused += 1
            assert sql_of(tree_of(text)) == before
    assert made > 200
    assert refused < made / 20


def _rows(connection: duckdb.DuckDBPyConnection, text: str) -> Counter[object]:
    return Counter(map(str, connection.execute(text).fetchall()))
