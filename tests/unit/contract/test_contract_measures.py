"""Thresholds of the standard, run on rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.contract import read_contract
from penstock.contract.measures import offending_rows
from penstock.model.contracts import Threshold
from penstock.quality.checks import compile_checks, run_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: a.b
version: 1.0.0
schema:
  - name: b
    physicalName: a.b
    properties:
      - name: x
        physicalType: INTEGER
"""
ZERO = Threshold(operator="mustBe", operands=(0,))


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM (VALUES (1), (2), (2), (NULL)) AS v(x)")
        yield connection


def missed(duck: Duck, check: str, table: str = "t") -> bool:
    """Whether the check's only rule fails."""
    contract = read_contract(f"{CONTRACT}        quality:\n          - {check}\n", "a.b.odcs.yaml")
    judged = run_checks(compile_checks(contract, table), lambda sql: duck.execute(sql).fetchall())
    (result,) = judged.results
    return not result.passed


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("{metric: nullValues, mustBeLessThan: 2}", 0),
        ("{metric: nullValues, mustBeGreaterThan: 1}", 1),
        ("{metric: nullValues, unit: percent, mustBe: 25}", 0),
        ("{metric: nullValues, unit: percent, mustBeLessOrEqualTo: 24.9}", 1),
        ("{metric: duplicateValues, mustBe: 1}", 0),
        ("{metric: duplicateValues, mustNotBe: 1}", 1),
        ("{metric: duplicateValues, unit: percent, mustBeBetween: [20, 30]}", 0),
        ("{metric: invalidValues, arguments: {validValues: [1]}, mustBeBetween: [2, 3]}", 0),
        ("{metric: invalidValues, arguments: {validValues: [1]}, mustNotBeBetween: [2, 3]}", 1),
        ("{metric: invalidValues, arguments: {pattern: '^1$', minimum: 0}, mustBeGreaterOrEqualTo: 3}", 1),
        ("{metric: missingValues, arguments: {missingValues: [null, '2']}, mustBe: 0}", 3),
        ("{metric: missingValues, arguments: {missingValues: [null, '2']}, mustBeLessThan: 4}", 0),
        ("{metric: rowCount, mustBeGreaterThan: 0}", 0),
        ("{metric: rowCount, mustBe: 0}", 1),
        ("{type: sql, query: 'SELECT count(*) FROM {object} WHERE {property} = 2', mustBe: 0}", 2),
        ("{type: sql, query: 'SELECT count(*) FROM {object} WHERE {property} = 2', mustBe: 2}", 0),
        ("{type: sql, query: 'SELECT max({property}) FROM {object}', mustBe: 0}", 1),
        ("{type: sql, query: 'SELECT max({property}) = 2 FROM {object}', mustBe: true}", 0),
        ("{type: sql, query: 'SELECT count(*) FROM {object} HAVING count(*) > 9', mustBe: 0}", 1),
    ],
)
def test_a_check_fails_only_when_its_threshold_is_missed(duck: Duck, check: str, found: int) -> None:
    assert missed(duck, check) == (found > 0)


@pytest.mark.parametrize(("option", "found"), [
    ("exclusiveMinimum: 1", 1), ("exclusiveMaximum: 2", 2), ("multipleOf: 2", 1), ("exclusiveMinimum: 0.5", 0),
])  # fmt: skip
def test_an_option_returns_the_rows_that_offend_it(duck: Duck, option: str, found: int) -> None:
    text = f"{CONTRACT}        logicalTypeOptions: {{{option}}}\n"
    (rule,) = read_contract(text, "a.b.odcs.yaml").rules
    assert len(duck.execute((rule.sql or "").replace("{table}", "t")).fetchall()) == found


def test_a_threshold_of_percent_holds_in_an_empty_table(duck: Duck) -> None:
    assert not missed(duck, "{metric: nullValues, unit: percent, mustBeLessThan: 1}", "(FROM t WHERE false)")


def test_a_query_of_rows_where_a_number_belongs_fails_loudly(duck: Duck) -> None:
    query = offending_rows("SELECT x FROM t WHERE x = 2", ZERO)
    with pytest.raises(duckdb.Error, match="More than one row"):
        duck.execute(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {table} GROUP BY x",
        "SELECT count(*) FROM {table} LIMIT 1",
        "SELECT count(*) FROM {table} UNION SELECT 1",
        "WITH a AS (FROM {table}) SELECT count(*) FROM a",
        "SELECT count(DISTINCT x) FROM {table}",
    ],
)
def test_only_a_plain_count_is_turned_into_its_rows(query: str) -> None:
    assert offending_rows(query, ZERO).startswith("SELECT value FROM")


def test_a_join_of_two_brackets_is_not_taken_for_one_that_we_wrote() -> None:
    joined = "SELECT count(*) FROM (\nSELECT 1\n) AS one JOIN (\nSELECT 2\n) AS offending"
    assert offending_rows(joined, ZERO) == joined.replace("count(*)", "*")


def test_a_word_in_quotes_or_brackets_does_not_make_a_count_less_plain() -> None:
    query = "SELECT count(*) FROM {table} WHERE x IN (SELECT y FROM z GROUP BY y) AND n <> 'limit' -- having"
    assert offending_rows(query, ZERO) == "SELECT * FROM" + query.removeprefix("SELECT count(*) FROM")
