"""A contract's checks, run on DuckDB and judged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.findings import Severity
from penstock.quality.checks import ROWS, CheckResult, compile_checks, examples_query, judge, quality_score

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection
Row = tuple[Any, ...]

CONTRACT = Contract(
    dataset="sales.lines",
    file="f",
    version="1",
    columns=(
        ColumnSpec(name="id", type="INTEGER", key=True),
        ColumnSpec(name='say "n"', type="VARCHAR"),
        ColumnSpec(name="price", type="DECIMAL(10,2)", required=True),
        ColumnSpec(name="mail", type="VARCHAR", personal="email"),
        ColumnSpec(name="day", type="DATE"),
    ),
    key=("id",),
    rules=(
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=('say "n"',), values=("a", "it's")),
        Rule(kind=RuleKind.RANGE, columns=("price",), low="0.005", high="100"),
        Rule(kind=RuleKind.RANGE, columns=("day",), low="2011-01-01", severity=Severity.WARNING),
        Rule(kind=RuleKind.PATTERN, columns=("mail",), pattern="@.+[.]"),
        Rule(kind=RuleKind.UNIQUE, columns=("mail", "day")),
        Rule(kind=RuleKind.SQL, name="dear", sql="SELECT mail, price FROM {table} WHERE price > 50 -- dear"),
    ),
)
ROWS_OF_T = """
    (1, 'a',    1.00,   'x@y.z',   DATE '2011-01-01'),
    (1, 'it''s', 0.00,  'x@y.z',   DATE '2011-01-01'),
    (2, 'b',    100.00, 'nowhere', DATE '2010-12-31'),
    (NULL, NULL, NULL,  NULL,      NULL),
    (NULL, 'c', 100.01, NULL,      DATE '2011-01-01')
"""
RELATION = '"s"."t"'


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute(
            'CREATE TABLE s.t (id INTEGER, "say ""n""" VARCHAR, price DECIMAL(10,2), mail VARCHAR, day DATE)'
        )
        connection.execute(f"INSERT INTO s.t VALUES {ROWS_OF_T}")
        yield connection


def run(duck: Duck, contract: Contract = CONTRACT, relation: str = RELATION) -> dict[str, CheckResult]:
    plan = compile_checks(contract, relation)
    rows = {query.id: duck.execute(query.sql).fetchall()[0] for query in plan.queries}
    return {result.id: result for result in judge(plan, rows)}


def examples(duck: Duck, check_id: str, contract: Contract = CONTRACT, limit: int = 3) -> list[Row]:
    (check,) = [check for check in compile_checks(contract, RELATION).checks if check.id == check_id]
    return duck.execute(examples_query(check, RELATION, limit)).fetchall()


def test_each_check_counts_its_offenders(duck: Duck) -> None:
    assert {id_: result.failed_rows for id_, result in run(duck).items()} == {
        "not_null:id": 2,
        "not_null:price": 1,
        "unique:id": 1,
        'accepted_values:say "n"': 2,
        "range:price": 2,
        "range:day": 1,
        "pattern:mail": 1,
        "unique:mail,day": 1,
        "sql:dear": 2,
    }


def test_a_result_says_how_many_of_how_many(duck: Duck) -> None:
    result = run(duck)["range:price"]
    assert (result.failed_rows, result.total_rows, result.passed, result.column) == (2, 5, False, "price")
    assert result.message == "price is between 0.005 and 100: not so in 2 of 5 rows"


def test_all_row_level_rules_share_one_scan() -> None:
    plan = compile_checks(CONTRACT, RELATION)
    assert [query.id for query in plan.queries] == [ROWS, "unique:id", "unique:mail,day", "sql:dear"]
    assert plan.queries[0].sql.count("FROM") == 1


def test_an_empty_relation_passes_every_check(duck: Duck) -> None:
    assert all(result.passed and result.total_rows == 0 for result in run(duck, relation="(FROM s.t LIMIT 0)").values())


def test_a_contract_without_promises_is_one_count(duck: Duck) -> None:
    plan = compile_checks(replace(CONTRACT, columns=(), key=(), rules=()), RELATION)
    assert (len(plan.queries), judge(plan, {ROWS: (5,)})) == (1, ())


def test_a_stated_rule_takes_the_place_of_the_implied_one() -> None:
    stated = Rule(kind=RuleKind.UNIQUE, columns=("id",), name="one line each")
    checks = compile_checks(replace(CONTRACT, rules=(stated,)), RELATION).checks
    assert [check.name for check in checks if check.rule.kind is RuleKind.UNIQUE] == ["one line each"]


def test_a_milder_stated_rule_does_not_replace_what_the_key_implies() -> None:
    mild = Rule(kind=RuleKind.UNIQUE, columns=("id",), severity=Severity.WARNING)
    checks = compile_checks(replace(CONTRACT, rules=(mild,)), RELATION).checks
    found = [(check.id, check.rule.severity) for check in checks if check.rule.kind is RuleKind.UNIQUE]
    assert found == [("unique:id", Severity.ERROR), ("unique:id#2", Severity.WARNING)]


def test_numbers_kept_as_text_are_judged_as_numbers(duck: Duck) -> None:
    duck.execute("CREATE TABLE s.raw AS SELECT unnest(['9', '10', '11', 'n/a', NULL]) AS q")
    rule = Rule(kind=RuleKind.RANGE, columns=("q",), low="9", high="10")
    raw = replace(CONTRACT, columns=(ColumnSpec(name="q", type="VARCHAR"),), key=(), rules=(rule,))
    assert run(duck, raw, "s.raw")["range:q"].failed_rows == 2


def test_a_rule_about_several_columns_counts_a_row_once(duck: Duck) -> None:
    both = Rule(kind=RuleKind.NOT_NULL, columns=("id", "day"))
    assert run(duck, replace(CONTRACT, rules=(both,)))["not_null:id,day"].failed_rows == 2


def test_examples_show_offending_rows_with_personal_data_masked(duck: Duck) -> None:
    rows = examples(duck, "range:price")
    assert [(row[0], row[2], row[3]) for row in rows] == [(1, Decimal("0.00"), "•••"), (None, Decimal("100.01"), None)]
    assert "x@y.z" not in str(rows)


def test_examples_are_at_most_as_many_as_asked_for(duck: Duck) -> None:
    assert len(examples(duck, "not_null:id", limit=1)) == 1


def test_examples_do_not_depend_on_the_order_in_which_rows_were_written(duck: Duck) -> None:
    before = examples(duck, "range:price", limit=1)
    duck.execute("CREATE TABLE s.turned AS SELECT * FROM s.t ORDER BY price DESC")
    duck.execute("DROP TABLE s.t")
    duck.execute("ALTER TABLE s.turned RENAME TO t")
    assert examples(duck, "range:price", limit=1) == before


def test_examples_of_a_repeated_key_show_it_masked_with_its_count(duck: Duck) -> None:
    assert [(row[0], row[2]) for row in examples(duck, "unique:mail,day")] == [("•••", 2)]
    assert examples(duck, "unique:id") == [(1, 2)]


def test_a_key_that_is_called_as_the_count_is_shows_both(duck: Duck) -> None:
    columns = (ColumnSpec(name="#", type="VARCHAR"), ColumnSpec(name="n", type="INTEGER"))
    contract = Contract(dataset="s.d", file="", version="1", columns=columns, key=("#", "n"))
    duck.execute("""CREATE OR REPLACE TABLE hashes AS SELECT 'a' AS "#", 7 AS n FROM range(3)""")
    check = next(check for check in compile_checks(contract, "hashes").checks if check.rule.kind is RuleKind.UNIQUE)
    assert duck.execute(examples_query(check, "hashes")).fetchall() == [("a", 7, 3)]


def test_a_query_may_return_anything_so_only_known_harmless_columns_are_shown(duck: Duck) -> None:
    leak = "SELECT mail, lower(mail) AS alias, price FROM {table} WHERE price > 50"
    leaky = replace(CONTRACT, rules=(Rule(kind=RuleKind.SQL, name="leak", sql=leak),))
    assert sorted(examples(duck, "sql:leak", leaky)) == [(1, Decimal("100.00")), (2, Decimal("100.01"))]


def test_a_query_that_returns_nothing_harmless_shows_numbers_only(duck: Duck) -> None:
    leaky = replace(CONTRACT, rules=(Rule(kind=RuleKind.SQL, name="leak", sql="SELECT lower(mail) AS m FROM {table}"),))
    assert examples(duck, "sql:leak", leaky, limit=2) == [(1,), (2,)]


def test_without_personal_data_a_query_shows_all_it_returns(duck: Duck) -> None:
    open_ = replace(
        CONTRACT,
        columns=tuple(replace(column, personal=None) for column in CONTRACT.columns),
        rules=(Rule(kind=RuleKind.SQL, name="sum", sql="SELECT sum(price) AS total FROM {table}"),),
    )
    assert examples(duck, "sql:sum", open_) == [(Decimal("201.01"),)]


def test_a_missing_result_is_not_taken_for_a_pass() -> None:
    plan = compile_checks(CONTRACT, RELATION)
    with pytest.raises(KeyError):
        judge(plan, {ROWS: (0,) * len(plan.measures)})
    with pytest.raises(ValueError, match="zip"):
        judge(plan, {ROWS: (0, 0)} | {query.id: (0,) for query in plan.queries[1:]})


def result(severity: Severity, *, passed: bool) -> CheckResult:
    return CheckResult(id="x", name="x", column=None, severity=severity, failed_rows=int(not passed), total_rows=1,
                       passed=passed, message="")  # fmt: skip


def test_the_score_is_the_weighted_share_of_checks_passed() -> None:
    results = [result(Severity.ERROR, passed=True), result(Severity.WARNING, passed=False)]
    assert quality_score(results) == Decimal("75.00")
    assert quality_score([]) == 100
    assert quality_score([result(Severity.NOTE, passed=False)]) == 100


def test_the_score_is_rounded_down_so_that_it_never_reaches_a_threshold_it_missed() -> None:
    results = [result(Severity.WARNING, passed=True)] * 2 + [result(Severity.WARNING, passed=False)]
    assert quality_score(results) == Decimal("66.66")
    many = [result(Severity.WARNING, passed=True)] * 29_999 + [result(Severity.WARNING, passed=False)]
    assert quality_score(many) == Decimal("99.99")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(-3, 3), st.none() | st.sampled_from("ab")), max_size=12))
def test_offenders_are_those_a_reading_of_the_rules_would_find(rows: list[Row]) -> None:
    contract = Contract(
        dataset="a.b", file="f", version="1", key=("n", "w"),
        columns=(ColumnSpec(name="n", type="INTEGER", key=True), ColumnSpec(name="w", type="VARCHAR", key=True)),
        rules=(Rule(kind=RuleKind.RANGE, columns=("n",), low="-1", high="2"),
               Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("w",), values=("a",))),
    )  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (n INTEGER, w VARCHAR)")
        if rows:
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        found = {id_: one.failed_rows for id_, one in run(connection, contract, "t").items()}
    whole = [row for row in rows if None not in row]
    assert found == {
        "not_null:n": sum(n is None for n, _ in rows),
        "not_null:w": sum(w is None for _, w in rows),
        "unique:n,w": len(whole) - len(set(whole)),
        "range:n": sum(n is not None and not -1 <= n <= 2 for n, _ in rows),
        "accepted_values:w": sum(w == "b" for _, w in rows),
    }
