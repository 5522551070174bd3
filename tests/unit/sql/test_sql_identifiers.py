from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.sql.identifiers import Literal, literal, quote, table

PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**127), max_value=2**127 - 1),
    DECIMALS,
    st.text(PLAIN),
    st.sampled_from(["'; DROP TABLE x; --", "\\'", "$$", "/*", "\n'\n"]),
    st.dates(),
    st.datetimes(),
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@given(value=VALUES)
def test_a_literal_comes_back_equal(connection: duckdb.DuckDBPyConnection, value: Literal) -> None:
    row = connection.execute(f"SELECT {literal(value)}").fetchone()
    assert row is not None
    assert row[0] == value
    assert type(row[0]) is type(value)


@given(name=st.text(PLAIN, min_size=1, max_size=40))
def test_a_hostile_name_stays_one_name(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    result = connection.execute(f"SELECT 7 AS {quote(name)}")
    assert [column[0] for column in result.description] == [name]


def test_a_table_name_is_two_identifiers(connection: duckdb.DuckDBPyConnection) -> None:
    schema, name = 's"; DROP SCHEMA main; --', 'a.b" x'
    connection.execute(f"CREATE SCHEMA {quote(schema)}")
    connection.execute(f"CREATE TABLE {table(schema, name)} AS SELECT 1 AS x")
    rows = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
    assert rows == [(schema, name)]


def test_an_aware_moment_is_written_in_utc(connection: duckdb.DuckDBPyConnection) -> None:
    moment = datetime(2011, 1, 4, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    row = connection.execute(f"SELECT epoch_us({literal(moment)})").fetchone()
    assert row == ((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),)


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", 2**127, -(2**127) - 1, Decimal("NaN"), Decimal("Infinity"), Decimal("1e39"), Decimal("1e-39")],
)
def test_what_duckdb_cannot_hold_exactly_is_refused(value: Literal) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        literal(value)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        quote(name)


def test_other_types_have_no_literal() -> None:
    with pytest.raises(TypeError):
        literal(1.5)  # type: ignore[arg-type]  # the refusal is what is tested


def test_dates_before_the_year_1000_keep_four_digits() -> None:
    assert literal(date(1, 1, 1)) == "DATE '0001-01-01'"
