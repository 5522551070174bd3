"""Queries, types and patterns as Postgres writes them; that both databases answer alike is a test with both running."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from penstock.model.errors import InputError
from penstock.sql.patterns import PatternError, to_postgres_pattern
from penstock.sql.postgres_types import from_postgres_type, to_postgres_type
from penstock.sql.transpiling import refuse_foreign, relations_of, to_postgres

ORDERS = ("_versions", "shop__orders")
COLUMNS = (("OrderId", "INTEGER"), ("amount", "DECIMAL(9,2)"), ("day", "DATE"))
FROM = 'FROM "_versions"."shop__orders" AS orders'


def _inner(sql: str, *columns: tuple[str, str], kinds: dict[str, str] | None = None) -> str:
    """What is written for the query itself, within the casts of its columns."""
    text = to_postgres(sql, {ORDERS: COLUMNS}, columns, kinds).text
    return text.split("FROM (\n", 1)[1].removesuffix("\n) AS made")


def test_columns_have_the_names_and_types_that_duckdb_gives_them() -> None:
    query = to_postgres(f"SELECT sum(amount), day AS Day {FROM} GROUP BY day", {ORDERS: COLUMNS},
                        (("sum(amount)", "DECIMAL(38,2)"), ("Day", "DATE")))  # fmt: skip
    assert query.text.startswith(
        'SELECT CAST(made."_col_0" AS numeric(38,2)) AS "sum(amount)", CAST(made."day" AS date) AS "Day" FROM ('
    )


def test_columns_are_found_in_any_case_and_kept_as_they_are() -> None:
    assert _inner(f"SELECT ORDERID AS n {FROM}", ("n", "INTEGER")) == (
        'SELECT "orders"."orderid" AS "n" FROM (SELECT "OrderId" AS "orderid", "amount" AS "amount", "day" AS "day" '
        'FROM "_versions"."shop__orders") AS "orders"'
    )


def test_parameters_are_numbered_and_typed_by_their_values_or_by_what_they_are_compared_with() -> None:
    sql = f"SELECT OrderId AS n {FROM} WHERE day >= $interval_start AND ($offset IS NULL OR OrderId > $offset)"
    query = to_postgres(sql, {ORDERS: COLUMNS}, (("n", "INTEGER"),), {"interval_start": "timestamp"})
    assert query.params == ("interval_start", "offset")
    assert '>= CAST($1 AS timestamp) AND (CAST($2 AS integer) IS NULL OR "orders"."orderid" > CAST($2 AS integer))' in (
        query.text
    )


def test_group_by_all_names_what_folds_nothing() -> None:
    assert _inner(f"SELECT day, count(*) AS n {FROM} GROUP BY ALL", ("day", "DATE"), ("n", "BIGINT")).endswith(
        'GROUP BY "orders"."day"'
    )


def test_what_is_divided_becomes_a_double_even_by_nothing() -> None:
    assert "_penstock.divide(" in _inner(f"SELECT OrderId / 2 AS h {FROM}", ("h", "DOUBLE")).lower()


def test_relations_are_those_that_are_stored_each_once() -> None:
    sql = f"WITH a AS (SELECT * {FROM}) SELECT * FROM a JOIN a AS b USING (day) JOIN _versions.shop__orders USING (day)"
    assert relations_of(sql) == (ORDERS,)


def test_what_is_foreign_is_known_without_the_columns_and_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        refuse_foreign("SELECT median(a) AS m,\n  list(b) AS l\nFROM shop.orders ASOF JOIN shop.other ON a > b")
    assert [finding.place.line for finding in caught.value.findings] == [3, 1, 2]
    assert {finding.code for finding in caught.value.findings} == {"sql.not_portable"}


@pytest.mark.parametrize(
    "type_",
    ["BOOLEAN", "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT",
     "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL(1,0)", "DECIMAL(38,38)", "VARCHAR", "DATE", "TIME", "TIMESTAMP",
     "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "BLOB", "JSON"],
)  # fmt: skip
def test_a_type_comes_back_as_it_was(type_: str) -> None:
    assert from_postgres_type(to_postgres_type(type_)) == type_


def test_no_two_types_are_kept_alike() -> None:
    kept = [to_postgres_type(type_) for type_ in ("UTINYINT", "TINYINT", "UBIGINT", "HUGEINT", "DECIMAL(38,0)")]
    assert len(set(kept)) == len(kept)


@pytest.mark.parametrize("type_", ["INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "TIMESTAMP_NS", "BIT"])
def test_a_type_that_postgres_lacks_is_refused_with_its_column(type_: str) -> None:
    with pytest.raises(InputError) as caught:
        to_postgres_type(type_, "items")
    assert "items" in caught.value.findings[0].message


@pytest.mark.parametrize("type_", ["numeric", "money", "numeric(60,0)", "integer[]", "tsvector", "numeric(20,-2)"])
def test_a_type_that_duckdb_lacks_is_refused(type_: str) -> None:
    with pytest.raises(InputError):
        from_postgres_type(type_)


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"^\d{3}-.+$", r"^[0-9]{3}-[^\n]+$"),
        (r"[\w.]+@(a|b)\.com", r"[0-9A-Za-z_.]+@(a|b)\.com"),
        (r"(?:x|y)?[^\s]", "(?:x|y)?[^\\t\\n\\f\\r ]"),
    ],
)
def test_patterns_mean_the_signs_that_re2_means(pattern: str, written: str) -> None:
    assert to_postgres_pattern(pattern) == written


@pytest.mark.parametrize("pattern", [r"\bword", r"(?i)x", r"(?=x)", r"\1", r"\p{L}", "x{300}", r"\Z", "[[:word:]"])
def test_patterns_that_postgres_may_read_otherwise_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        to_postgres_pattern(pattern)


@settings(deadline=None)
@given(some.text(alphabet="ab.|()?*\\d[]^", max_size=12), some.text(alphabet="ab.1\n", max_size=6))
def test_a_pattern_that_is_carried_still_finds_the_same(pattern: str, value: str) -> None:
    """By Python's reading of both, which for these signs is RE2's and Postgres's."""
    try:
        written = to_postgres_pattern(pattern)
        found = re.search(pattern, value)
    except (re.error, PatternError, RecursionError):
        return
    assert bool(re.search(written, value)) == bool(found)
