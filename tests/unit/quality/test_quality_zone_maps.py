"""What a column store knows of its row groups answers checks of long tables, to the same end as reading every row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.quality.checks import CheckPlan, CheckResult, compile_checks, run_checks
from penstock.quality.setting import LONG, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 300_000
"""Three row groups of DuckDB, the last not full."""
assert ROWS >= LONG
TYPES = {"n": "DOUBLE", "k": "BIGINT", "d": "DATE", "p": "DECIMAL(12,2)", "w": "VARCHAR"}
BOUNDS = (
    Rule(kind=RuleKind.RANGE, columns=("n",), low="0", high="100"),
    Rule(kind=RuleKind.RANGE, columns=("k",), low="0"),
    Rule(kind=RuleKind.RANGE, columns=("d",), low="2024-01-01", high="2024-12-31"),
    Rule(kind=RuleKind.RANGE, columns=("p",), high="99.99"),
)
Duck = duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def whole() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE clean AS SELECT (i % 100)::DOUBLE AS n, i AS k, DATE '2024-01-01' + (i % 300)::INTEGER AS d, "
            f"(i % 9999 / 100)::DECIMAL(12,2) AS p, 'a' AS w FROM range({ROWS}) AS made(i)"
        )
        yield connection


@pytest.fixture
def duck(whole: Duck) -> Iterator[Duck]:
    whole.execute("CREATE TABLE t AS FROM clean")
    yield whole
    whole.execute("DROP TABLE t")


def plan_of(*rules: Rule, zone_maps: bool = True) -> CheckPlan:
    columns = tuple(ColumnSpec(name=name, type=type_) for name, type_ in TYPES.items())
    contract = Contract(dataset="s.t", file="f", version="1", columns=columns, rules=rules)
    return compile_checks(contract, "t", Setting(rows=ROWS, zone_maps=zone_maps))


def asked(duck: Duck, plan: CheckPlan) -> tuple[tuple[CheckResult, ...], list[str]]:
    queries: list[str] = []

    def ask(sql: str) -> list[tuple[Any, ...]]:
        queries.append(sql)
        return duck.execute(sql).fetchall()

    return run_checks(plan, ask).results, queries


def test_bounds_that_no_row_breaks_are_not_counted_row_by_row(duck: Duck) -> None:
    results, queries = asked(duck, plan_of(*BOUNDS))
    assert [result.failed_rows for result in results] == [0, 0, 0, 0]
    assert not any("count_if" in sql for sql in queries)
    _, without = asked(duck, plan_of(*BOUNDS, zone_maps=False))
    assert sum(sql.count("count_if") for sql in without) == 4


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("n", "'NaN'::DOUBLE"), ("n", "'-inf'::DOUBLE"), ("n", "100.0000001"), ("k", "-1"), ("d", "DATE '2023-12-31'"),
        ("d", "DATE 'infinity'"), ("p", "100.00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", [0, 150_000, ROWS - 1])
def test_a_single_offender_is_found_wherever_it_stands_also_after_an_update(
    duck: Duck, column: str, value: str, at: int
) -> None:
    where = f"k = {at}"
    duck.execute(f"UPDATE t SET {column} = {value} WHERE {where}")
    results, _ = asked(duck, plan_of(*BOUNDS))
    assert {result.column: result.failed_rows for result in results} == {
        name: int(name == column) for name in ("n", "k", "d", "p")
    }
    assert results == asked(duck, plan_of(*BOUNDS, zone_maps=False))[0]


def test_null_breaks_no_bound(duck: Duck) -> None:
    duck.execute("UPDATE t SET n = NULL, d = NULL")
    assert all(result.passed for result in asked(duck, plan_of(*BOUNDS))[0])


UNIQUE = Rule(kind=RuleKind.UNIQUE, columns=("k",))


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ("UPDATE t SET k = -7 WHERE k = 9", 0),
        ("UPDATE t SET k = 5 WHERE k IN (17, 299999)", 2),
        ("UPDATE t SET k = NULL WHERE k < 10", 0),
        ("UPDATE t SET k = NULL", 0),
        ("UPDATE t SET k = k - 9223372036854775807 - 1", 0),
    ],
)
def test_whole_numbers_close_together_are_told_apart_in_a_bitmap(duck: Duck, change: str, failed: int) -> None:
    duck.execute(change)
    (result,), queries = asked(duck, plan_of(UNIQUE))
    assert result.failed_rows == failed
    assert any("bitstring_agg" in sql for sql in queries) == (change != "UPDATE t SET k = NULL")
    assert result == asked(duck, plan_of(UNIQUE, zone_maps=False))[0][0]


def test_numbers_far_apart_and_keys_of_text_are_told_apart_as_ever(duck: Duck) -> None:
    duck.execute("UPDATE t SET k = 9223372036854775807 WHERE k = 3")
    (result,), queries = asked(duck, plan_of(UNIQUE))
    assert result.passed
    assert not any("bitstring_agg" in sql for sql in queries)
    (result,), _ = asked(duck, plan_of(replace(UNIQUE, columns=("w",))))
    assert result.failed_rows == ROWS - 1
