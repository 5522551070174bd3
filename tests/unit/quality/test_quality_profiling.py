"""Profiles are exact, and personal data is guessed by names and by what values look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.quality.personal import guess_personal
from penstock.quality.profiling import ColumnProfile, Profile, profile_query, read_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


def profile(duck: Duck, values: list[Any], type_: str = "VARCHAR", name: str = "value") -> ColumnProfile:
    duck.execute(f'CREATE OR REPLACE TABLE t ("{name}" {type_})')
    duck.executemany("INSERT INTO t VALUES (?)", [[value] for value in values])
    column = read_profile([name], duck.execute(profile_query("t", [name])).fetchall()[0]).column(name)
    assert column is not None
    return column


def test_a_profile_counts_what_is_there(duck: Duck) -> None:
    column = profile(duck, ["b", "a", "a", "", None])
    assert (column.rows, column.nulls, column.empty, column.filled, column.distinct) == (5, 1, 1, 3, 3)
    assert (column.minimum, column.maximum, column.shortest, column.longest) == ("", "b", 0, 1)


def test_a_text_counts_as_often_as_it_is_there(duck: Duck) -> None:
    column = profile(duck, ["a@b.org", "17", "a@b.org", "", "", None])
    assert (column.emails, column.integers, column.empty, column.distinct) == (2, 1, 2, 3)


def test_of_no_rows_nothing_is_counted(duck: Duck) -> None:
    duck.execute("CREATE TABLE none (value VARCHAR, day DATE)")
    found = read_profile(["value", "day"], duck.execute(profile_query("none", ["value", "day"])).fetchall()[0])
    assert found.rows == 0
    for column in found.columns:
        assert (column.nulls, column.empty, column.distinct, column.integers, column.given_names) == (0, 0, 0, 0, 0)
        assert (column.minimum, column.maximum, column.shortest, column.longest) == (None, None, None, None)


def test_numbers_are_ordered_as_numbers(duck: Duck) -> None:
    column = profile(duck, [9, 10, -1], "INTEGER")
    assert (column.minimum, column.maximum, column.integers) == ("-1", "10", 3)


def test_several_columns_are_read_in_one_scan(duck: Duck) -> None:
    duck.execute('CREATE TABLE two AS SELECT 1 AS a, NULL::DATE AS "b ""c"""')
    query = profile_query("two", ["a", 'b "c"'])
    found = read_profile(["a", 'b "c"'], duck.execute(query).fetchall()[0])
    assert query.count(" FROM two") == 1
    assert [(column.name, column.nulls) for column in found.columns] == [("a", 0), ('b "c"', 1)]


def test_a_row_of_another_query_is_refused() -> None:
    with pytest.raises(ValueError, match="no profile"):
        read_profile(["a"], (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("17850", {"integers", "decimals"}),
        ("17850.0", {"decimals"}),
        ("-.5", {"decimals"}),
        ("1", {"integers", "decimals", "booleans"}),
        ("true", {"booleans"}),
        ("2010-12-01 08:26:00", {"timestamps"}),
        ("2010-12-01", {"timestamps", "birth_dates"}),
        ("2020-12-01", {"timestamps"}),
        ("jo.doe+x@mail.example.co.uk", {"emails"}),
        ("jo@localhost", set()),
        ("697-555-0142", {"phones"}),
        ("1 (11) 500 555-0132", {"phones"}),
        ("+441632960961", {"phones", "integers", "decimals"}),
        ("6975550142", {"integers", "decimals"}),
        ("4111 1111 1111 1111", {"cards"}),
        ("4111111111111112", {"integers", "decimals"}),
        ("5019717010103742", {"integers", "decimals", "cards"}),
        ("GB82 WEST 1234 5698 7654 32", {"ibans"}),
        ("GB82WEST12345698765433", set()),
        ("22423", {"integers", "decimals"}),
        ("85123A", set()),
        ("12/1/2010 8:26", set()),
    ],
)
def test_a_value_looks_like_what_it_is(duck: Duck, text: str, looks: set[str]) -> None:
    column = profile(duck, [text])
    kinds = ("integers", "decimals", "timestamps", "booleans", "emails", "phones", "cards", "ibans", "birth_dates")
    assert {kind for kind in kinds if getattr(column, kind)} == looks


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EmailAddress", "email"), ("customer_email", "email"), ("e-mail", "email"), ("PhoneNumber", "phone"),
        ("mobile", "phone"), ("AddressLine1", "address"), ("billing_address", "address"), ("PostalCode", "address"),
        ("CardNumber", "payment_card"), ("credit_card_no", "payment_card"),
        ("NationalIDNumber", "national_id"), ("SSN", "national_id"),
        ("passport_no", "national_id"), ("BirthDate", "birth_date"), ("date_of_birth", "birth_date"),
        ("dob", "birth_date"), ("ReviewerName", "name"),
        ("CustomerName", "name"), ("first_name", "name"), ("lastname", "name"), ("CustomerID", "customer_id"),
        ("customer_id", "customer_id"), ("userId", "customer_id"), ("iban", "bank_account"),
        ("ip_address", "ip_address"),
        ("Gender", "gender"),
    ],
)  # fmt: skip
def test_a_name_tells(name: str, kind: str) -> None:
    guess = guess_personal(name)
    assert guess is not None
    assert guess.kind == kind


@pytest.mark.parametrize(
    "name",
    ["StockCode", "InvoiceNo", "Quantity", "Country", "FIPS", "InvoiceDate", "UnitPrice", "Description", "Item",
     "SalesOrderNumber", "OrderDate", "TaxAmount", "product_name", "EmailAddressID", "PhoneNumberTypeID",
     "AddressTypeID",
     "email_sent_at", "customer_count", "company", "discard_number", "Name", "ProductID", "position", "shipping_cost"],
)  # fmt: skip
def test_a_harmless_name_does_not(name: str) -> None:
    assert guess_personal(name) is None


def test_values_tell_where_the_name_does_not(duck: Duck) -> None:
    mails = profile(duck, ["a@b.co", "c@d.org", "none"])
    guess = guess_personal("login", mails)
    assert guess is not None
    assert (guess.kind, guess.reason) == ("email", "2 of 3 values look like e-mail addresses")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["4111 1111 1111 1111", "5019717010103742"], "payment_card"),
        (["GB82WEST12345698765432", "DE89370400440532013000"], "bank_account"),
        (["697-555-0142", "819-555-0175"], "phone"),
        (["1955-02-24", "1991-10-28"], "birth_date"),
        (["2010-12-01", "2011-12-09"], None),
        (["1980-01-01", "2014-12-31"], None),
        (["536365", "C536379", "85123A", "POST"], None),
        (["01001", "45001"], None),
        (["", None], None),
    ],
)
def test_what_values_look_like_names_the_kind(duck: Duck, values: list[Any], kind: str | None) -> None:
    guess = guess_personal("value", profile(duck, values))
    assert (guess.kind if guess else None) == kind


def test_a_masked_profile_keeps_its_counts_and_no_values(duck: Duck) -> None:
    column = profile(duck, ["a@b.co", "c@d.org"], name="mail")
    masked = Profile(rows=2, columns=(column,)).masked(frozenset({"mail"})).column("mail")
    assert masked is not None
    assert (masked.minimum, masked.maximum, masked.distinct) == ("•••", "•••", 2)
