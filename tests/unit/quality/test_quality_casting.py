"""Text of files becomes what the contract says only if nothing of it is lost; executed on DuckDB."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from penstock.model.contracts import ColumnSpec, Contract
from penstock.quality.casting import cast_query, casts_of


def _contract(type_: str, *formats: str) -> Contract:
    columns = (
        ColumnSpec(name="It's", type=type_, formats=formats),
        ColumnSpec(name="other", type="VARCHAR"),
        ColumnSpec(name="_file", type="VARCHAR"),
    )
    return Contract(dataset="shop.orders", file="c", version="1", columns=columns)


def _cast(text: str | None, type_: str, *formats: str) -> tuple[Any, ...]:
    """The value and what is kept of a text that is none."""
    casts = casts_of(_contract(type_, *formats), ["it's", "other"])
    assert [cast.column for cast in casts] == ["it's"]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("""CREATE TABLE files ("it's" VARCHAR, other VARCHAR, _file VARCHAR)""")
        connection.execute("INSERT INTO files VALUES (?, 'x', 'f')", [text])
        found = connection.execute(cast_query("files", casts))
        names = [column[0] for column in found.description or ()]
        assert names == ["it's", "other", "_file", casts[0].raw]
        (row,) = found.fetchall()
    return row[0], row[3]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("12", "INTEGER", 12),
        (" -7 ", "BIGINT", -7),
        ("1.50", "DECIMAL(9,2)", Decimal("1.50")),
        ("1.5000", "DECIMAL(9,2)", Decimal("1.50")),
        ("3.", "DECIMAL(9,2)", Decimal("3.00")),
        (".25", "DECIMAL(9,2)", Decimal("0.25")),
        ("4.000", "DECIMAL(9,0)", Decimal(4)),
        ("1e3", "DOUBLE", 1000.0),
        ("2011-01-04", "DATE", dt.date(2011, 1, 4)),
        ("2011-01-04 00:00:00", "DATE", dt.date(2011, 1, 4)),
        ("2011-01-04T08:30", "TIMESTAMP", dt.datetime(2011, 1, 4, 8, 30)),  # noqa: DTZ001 - rows carry no zone
        ("2011-01-04T08:30:00Z", "TIMESTAMP", dt.datetime(2011, 1, 4, 8, 30)),  # noqa: DTZ001 - as above
        ("true", "BOOLEAN", True),
    ],
)
def test_a_value_of_the_type_is_cast(text: str, type_: str, value: object) -> None:
    assert _cast(text, type_) == (value, None)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1.5", "INTEGER"),
        ("1e3", "INTEGER"),
        ("300", "TINYINT"),
        ("twelve", "BIGINT"),
        ("1.005", "DECIMAL(9,2)"),
        ("12345678.00", "DECIMAL(9,2)"),
        ("1,50", "DECIMAL(9,2)"),
        (".", "DECIMAL(9,0)"),
        ("2011-01-04 08:30", "DATE"),
        ("04/01/2011", "DATE"),
        ("2011-02-30", "DATE"),
        ("2011-01-04T08:30:00+02:00", "TIMESTAMP"),
        ("", "INTEGER"),
    ],
)
def test_what_would_lose_something_is_kept_as_text(text: str, type_: str) -> None:
    assert _cast(text, type_) == (None, text)


def test_nothing_is_nothing_of_any_type() -> None:
    assert _cast(None, "INTEGER") == (None, None)


def test_dates_are_read_in_the_forms_that_are_given_and_in_no_other() -> None:
    forms = ("%d/%m/%Y", "%d.%m.%y")
    assert _cast("04/01/2011", "DATE", *forms) == (dt.date(2011, 1, 4), None)
    assert _cast("04.01.11", "DATE", *forms) == (dt.date(2011, 1, 4), None)
    assert _cast("2011-01-04", "DATE", *forms) == (None, "2011-01-04")
    at = dt.datetime(2011, 1, 4, 8, 30)  # noqa: DTZ001 - rows carry no zone
    assert _cast("04/01/2011 08:30", "TIMESTAMP", "%d/%m/%Y %H:%M") == (at, None)


def test_text_stays_text_and_what_the_files_do_not_have_is_left_alone() -> None:
    assert casts_of(_contract("VARCHAR"), ["it's", "other"]) == ()
    assert casts_of(_contract("INTEGER"), ["other"]) == ()
    assert casts_of(None, ["other"]) == ()
