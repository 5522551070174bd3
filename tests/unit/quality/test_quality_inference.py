"""Guesses rest on counts of all rows, are as sure as the counts make them, and show no personal values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.quality.inference import Guess, GuessKind, infer
from penstock.quality.inference_sql import SAMPLE_ROWS, gather
from penstock.quality.value_shapes import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


def guesses(duck: Duck, select: str, rows: int = 1000) -> tuple[Guess, ...]:
    duck.execute(f"CREATE OR REPLACE TABLE t AS SELECT {select} FROM range({rows}) AS r(i)")
    columns = [(str(row[0]), str(row[1])) for row in duck.execute("DESCRIBE t").fetchall()]
    return infer(gather(lambda sql: duck.execute(sql).fetchall()[0], "t", columns))


def one(found: tuple[Guess, ...], kind: GuessKind, *columns: str) -> Guess | None:
    matching = [guess for guess in found if guess.kind is kind and (not columns or guess.columns == columns)]
    assert len(matching) <= 1
    return matching[0] if matching else None


def test_no_null_in_many_rows_is_required_and_in_a_few_is_unsure(duck: Duck) -> None:
    many, few = (one(guesses(duck, "i AS a", rows), GuessKind.REQUIRED) for rows in (1000, 5))
    assert many is not None
    assert few is not None
    assert (many.sure(0.8), few.sure(0.8)) == (True, False)
    assert many.reason == "none of 1,000 rows is NULL"


def test_what_a_few_rows_break_is_said_and_becomes_no_rule(duck: Duck) -> None:
    found = guesses(duck, "CASE WHEN i = 7 THEN NULL ELSE i END AS a")
    required = one(found, GuessKind.REQUIRED)
    assert required is not None
    assert (required.holds, required.sure(0)) == (False, False)
    assert required.reason == "1 of 1,000 rows are NULL"


def test_one_column_is_a_key_before_two_are(duck: Duck) -> None:
    found = guesses(duck, "i AS id, i % 10 AS a, i // 10 AS b")
    key = one(found, GuessKind.KEY)
    assert key is not None
    assert (key.columns, key.holds) == (("id",), True)


def test_a_pair_is_a_key_where_no_column_is(duck: Duck) -> None:
    found = guesses(duck, "i % 40 AS a, i // 40 AS b, 1 AS c", 2000)
    key = one(found, GuessKind.KEY)
    assert key is not None
    assert key.columns == ("a", "b")
    assert key.sure(0.8)


def test_a_key_with_repeats_is_said_with_their_count(duck: Duck) -> None:
    keys = [guess for guess in guesses(duck, "CASE WHEN i < 3 THEN 0 ELSE i END AS id") if guess.kind is GuessKind.KEY]
    assert [(key.columns, key.holds, key.reason) for key in keys] == [
        (("id",), False, "2 of 1,000 rows repeat another")
    ]


@pytest.mark.parametrize("rows", [1, 5, 19])
def test_a_handful_of_rows_has_no_key(duck: Duck, rows: int) -> None:
    assert one(guesses(duck, "i AS id", rows), GuessKind.KEY) is None


def test_no_rows_say_nothing(duck: Duck) -> None:
    assert guesses(duck, "i AS id, 'x' AS t", 0) == ()


def test_few_values_in_many_rows_are_listed(duck: Duck) -> None:
    found = guesses(duck, "['new', 'paid', 'sent'][1 + i % 3] AS state", 2000)
    listed = one(found, GuessKind.ACCEPTED_VALUES)
    assert listed is not None
    assert (listed.values, listed.sure(0.8)) == (("new", "paid", "sent"), True)


def test_values_that_come_once_make_a_list_doubtful(duck: Duck) -> None:
    listed = one(guesses(duck, "CASE WHEN i < 2 THEN 'odd' || i ELSE 'usual' END AS state"), GuessKind.ACCEPTED_VALUES)
    assert listed is not None
    assert not listed.sure(0.8)
    assert listed.reason == "3 different values in 1,000 rows, 2 of them once"


@pytest.mark.parametrize(
    ("select", "low", "high"),
    [
        ("1 + i % 5 AS stars", "1", "5"),
        ("i * 7 % 1000 + 3 AS amount", "0", None),
        ("i - 500 AS delta", None, None),
        ("CAST(i % 101 AS DECIMAL(5,2)) / 100 AS part", "0", "1.0"),
    ],
)
def test_a_bound_is_as_sure_as_rows_touch_it(duck: Duck, select: str, low: str | None, high: str | None) -> None:
    found = guesses(duck, f"i // 2 AS half, {select}")
    name = select.rpartition(" ")[2]
    bounds = [one(found, kind, name) for kind in (GuessKind.MINIMUM, GuessKind.MAXIMUM)]
    assert [guess.values[0] if guess and guess.sure(0.8) else None for guess in bounds] == [low, high]


@pytest.mark.parametrize(
    ("name", "counting", "why"),
    [
        ("order_count", (), "'count' in its name"),
        ("QuantitySold", (), "'quantity' in its name"),
        ("Orders", ("orders",), "it counts or adds up"),
        ("account", (), ""),
        ("stars", ("orders",), ""),
    ],
)
def test_what_is_open_ended_gets_no_upper_bound_and_the_reason_says_so(
    duck: Duck, name: str, counting: tuple[str, ...], why: str
) -> None:
    """Two hundred rows are at the highest value, and that says nothing of tomorrow's count."""
    duck.execute(f"CREATE OR REPLACE TABLE t AS SELECT i // 2 AS half, 1 + i % 5 AS {name} FROM range(1000) AS r(i)")
    facts = gather(lambda sql: duck.execute(sql).fetchall()[0], "t", [("half", "BIGINT"), (name, "BIGINT")])
    highest = one(infer(facts, counting), GuessKind.MAXIMUM, name)
    assert highest is not None
    assert highest.sure(0.0) == (not why)
    assert why in highest.reason
    assert ("no promise" in highest.reason) == bool(why)


def test_neither_infinity_nor_what_is_no_number_bounds_anything(duck: Duck) -> None:
    found = guesses(duck, "CASE WHEN i % 2 = 0 THEN 'infinity'::DOUBLE ELSE i END AS a, 'nan'::DOUBLE AS b")
    assert [guess for guess in found if guess.kind in {GuessKind.MINIMUM, GuessKind.MAXIMUM}] == []


def test_time_goes_on_and_has_no_maximum(duck: Duck) -> None:
    found = guesses(duck, "DATE '2024-01-01' + CAST(i // 100 AS INTEGER) AS day")
    low = one(found, GuessKind.MINIMUM)
    assert one(found, GuessKind.MAXIMUM) is None
    assert low is not None
    assert not low.sure(0.8)


def test_values_of_few_shapes_make_a_pattern(duck: Duck) -> None:
    pattern = one(guesses(duck, "CASE WHEN i % 9 = 0 THEN 'C' ELSE '' END || (536365 + i) AS no"), GuessKind.PATTERN)
    assert pattern is not None
    assert pattern.values == ("^([0-9]+|[A-Z]+[0-9]+)$",)
    assert pattern.sure(0.8)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("100000 + i", "^[0-9]+$"),  # all of them have six digits so far
        ("100000 + i // 100", "^[0-9]+$"),  # a reference to such a key
        ("'INV-' || (1000 + i)", "^INV-[0-9]+$"),
        ("lpad(i::VARCHAR, 6, '0')", "^[0-9]{6}$"),
        ("'INV-' || lpad(i::VARCHAR, 6, '0')", "^[A-Z]{3}-[0-9]{6}$"),
        ("chr((65 + i % 5)::INTEGER) || (10 + i % 20)", "^[A-Z][0-9]{2}$"),  # codes that repeat
        ("strftime(DATE '2024-01-01' + i::INTEGER, '%Y-%m-%d')", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    ],
)
def test_a_growing_number_gets_no_width(duck: Duck, sql: str, expected: str) -> None:
    pattern = one(guesses(duck, f"({sql})::VARCHAR AS no"), GuessKind.PATTERN)
    assert pattern is not None
    assert pattern.values == (expected.replace("INV-", "[A-Z]+-"),)


def test_a_pattern_is_held_against_every_row_and_not_the_sample_alone(duck: Duck) -> None:
    rows = 4 * SAMPLE_ROWS
    found = guesses(duck, f"CASE WHEN i = {rows - 1} THEN 'broken' ELSE 'A' || (100000 + i) END AS code", rows)
    pattern = one(found, GuessKind.PATTERN)
    assert pattern is None or not pattern.holds or pattern.values[0].count("|") == 1
    if pattern is not None and not pattern.holds:
        assert "all but 1 of" in pattern.reason


@pytest.mark.parametrize("words", [["Aaaaaa", "Aaaa"], [], ["aa Aaa", "aaa"]])
def test_words_make_no_pattern(words: list[str]) -> None:
    assert pattern_of(words, words) is None


@pytest.mark.parametrize(
    ("select", "type_"),
    [
        ("CAST(i AS VARCHAR) AS t", "BIGINT"),
        ("CAST(i AS VARCHAR) || '.50' AS t", "DECIMAL(18,2)"),
        ("CAST(DATE '2024-01-01' + CAST(i AS INTEGER) AS VARCHAR) AS t", "DATE"),
        ("CAST(TIMESTAMP '2024-01-01 10:00:00' + to_minutes(i) AS VARCHAR) AS t", "TIMESTAMP"),
        ("strftime(DATE '2024-01-01' + CAST(i AS INTEGER), '%d.%m.%Y') AS t", "DATE as %d.%m.%Y"),
        ("CAST(uuid() AS VARCHAR) AS t", "UUID"),
        ("lpad(CAST(i AS VARCHAR), 5, '0') AS t", None),
        ("'word' || i AS t", None),
    ],
)
def test_text_is_told_from_what_it_could_be_read_as(duck: Duck, select: str, type_: str | None) -> None:
    looks = one(guesses(duck, select), GuessKind.LOOKS_LIKE)
    assert (looks.values[0] if looks and looks.sure(0.8) else None) == type_


def test_personal_columns_are_named_and_their_values_are_not(duck: Duck) -> None:
    found = guesses(
        duck, "'somebody' || i % 3 || '@example.com' AS contact, DATE '1960-01-01' + CAST(i * 20 AS INTEGER) AS born"
    )
    personal = {guess.columns[0]: guess.values[0] for guess in found if guess.kind is GuessKind.PERSONAL}
    assert personal == {"contact": "email", "born": "birth_date"}
    told = [guess for guess in found if guess.kind in {GuessKind.ACCEPTED_VALUES, GuessKind.MINIMUM, GuessKind.PATTERN}]
    assert told == []
    assert not any("somebody" in f"{guess.values}{guess.reason}" for guess in found)


def test_numbers_with_decimals_in_text_have_no_shape_and_codes_with_points_do(duck: Duck) -> None:
    assert (
        one(guesses(duck, "((i % 900 + 10) * 1.01)::DECIMAL(9,2)::VARCHAR AS amount", 400), GuessKind.PATTERN) is None
    )
    assert (
        one(guesses(duck, "'A' || (i % 90 + 10) || '.' || (i % 90 + 10) AS code", 400), GuessKind.PATTERN) is not None
    )


def test_a_sample_is_said_to_be_one(duck: Duck) -> None:
    rows = SAMPLE_ROWS + 5000
    personal = one(guesses(duck, "'p' || i || '@example.com' AS m", rows), GuessKind.PERSONAL)
    assert personal is not None
    assert personal.reason.endswith(f"in a sample of {SAMPLE_ROWS:,} rows")


def test_columns_with_odd_names_and_types_are_looked_at_too(duck: Duck) -> None:
    found: Any = guesses(
        duck, 'i AS "say ""hi""", [i] AS list, {\'a\': i} AS struct, NULL AS nothing, i % 2 = 0 AS flag'
    )
    assert one(found, GuessKind.KEY, 'say "hi"') is not None


def test_the_whole_is_asked_in_few_queries(duck: Duck) -> None:
    asked: list[str] = []
    duck.execute("CREATE TABLE t AS SELECT i AS id, 'a' || i AS b, i % 3 AS c FROM range(1000) AS r(i)")

    def ask(sql: str) -> Any:
        asked.append(sql)
        return duck.execute(sql).fetchall()[0]

    gather(ask, "t", [("id", "BIGINT"), ("b", "VARCHAR"), ("c", "BIGINT")])
    assert len(asked) <= 7
