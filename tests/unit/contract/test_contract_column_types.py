"""Type names are spelled as DuckDB itself spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.contract.column_types import logical_type, normal_type

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection

SPELLINGS = [
    "int", "INT4", "signed", "int8", "long", "oid", "short", "int1", "uint8", "uint64", "hugeint", "int128", "uhugeint",
    "text", "string", "char(3)", "varchar(20)", "bpchar", "nvarchar", "character varying", "bool", "logical", "real",
    "float4", "float8", "double precision", "float(3)", "numeric", "dec(7)", "decimal( 18 , 2 )", "date", "datetime",
    "timestamptz", "timestamp  with time zone", "timestamp without time zone", "timestamp_us", "timestamp_s",
    "timestamp_ns", "time", "timetz", "interval", "uuid", "guid", "json", "bytea", "varbinary", "bit", "bitstring",
    "int[]", "text[3]", "numeric(4,1)[][]", "struct(a int, \"b, c\" text[])", "row(a int)", "map(int, struct(x bool))",
    "enum('a', 'b, (c')", "union(n int, s text)", "enum('it''s')",
]  # fmt: skip


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_becomes_the_one_that_duckdb_reports(duck: Duck, spelling: str) -> None:
    assert (normal_type(spelling),) == duck.execute(f"SELECT typeof(CAST(NULL AS {spelling}))").fetchone()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_normal_spelling_stays_as_it_is(spelling: str) -> None:
    normal = normal_type(spelling)
    assert normal is not None
    assert normal_type(normal) == normal


@pytest.mark.parametrize(
    "text", ["", "strin", "decimal(40,2)", "decimal(2,3)", "decimal(0)", "int(3)", "struct", "struct(int)", "map(int)",
             "enum(a)", "int]", "struct(a nope)", "list(int)", "nope[]", "VARCHAR(x)"]
)  # fmt: skip
def test_what_is_no_type_has_no_spelling(text: str) -> None:
    assert normal_type(text) is None


def test_each_type_has_a_logical_type_of_the_standard() -> None:
    logical = {spelling: logical_type(normal_type(spelling) or "") for spelling in SPELLINGS}
    assert set(logical.values()) <= {"string", "date", "timestamp", "time", "number", "integer", "object", "array",
                                     "boolean"}  # fmt: skip
    assert logical["decimal( 18 , 2 )"] == "number"
    assert logical["timestamptz"] == "timestamp"
    assert logical["int[]"] == "array"
    assert logical["uuid"] == "string"
