"""A parameter is given in the form that its annotation names, any form is taken back, and no value changes."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import duckdb
import pytest
from process_bench import Bench, bench_in

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {
    "BIGINT": "9007199254740993",
    "UBIGINT": "18446744073709551615",
    "TINYINT": "-7",
    "DOUBLE": "0.1",
    "FLOAT": "0.5",
    "BOOLEAN": "true",
    "VARCHAR": "'Ærø, \"ø\"'",
    "DECIMAL(18,2)": "12345678901234.56",
    "DECIMAL(38,10)": "1234567890123456789012345678.0123456789",
    "DATE": "DATE '1969-12-31'",
    "TIME": "TIME '10:11:12.123456'",
    "TIMESTAMP": "TIMESTAMP '2020-01-02 03:04:05.123456'",
    "TIMESTAMP_NS": "TIMESTAMP_NS '2020-01-02 03:04:05.123456789'",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2020-07-02 03:04:05.123456+02'",
    "INTEGER[]": "[1, NULL, 3]",
    "VARCHAR[][]": "[['a'], [], NULL]",
    "STRUCT(a INTEGER, b VARCHAR[])": "{'a': 1, 'b': ['x', NULL]}",
    "BLOB": "'\\x00\\xFF'::BLOB",
}
"""Every type with a value of it that is easily spoilt; a NULL stands next to each."""

FORMS = {
    "duckdb.DuckDBPyRelation": ("import duckdb", "duckdb"),
    "pa.Table": ("import pyarrow as pa", "pyarrow"),
    "pa.RecordBatchReader": ("import pyarrow as pa", "pyarrow"),
    "pl.DataFrame": ("import polars as pl", "polars"),
    "pl.LazyFrame": ("import polars as pl", "polars"),
    "pd.DataFrame": ("import pandas as pd", "pandas"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = bench_in(tmp_path_factory.mktemp("frames"))
    with made.processes:
        yield made


def _require(form: str) -> str:
    statement, library = FORMS[form]
    pytest.importorskip(library)
    if library == "pandas":
        pytest.importorskip("pyarrow")
    return statement


def _table(given: str) -> tuple[dict[str, str], list[tuple[object, ...]]]:
    """Columns, and rows as text, so that equal means equal in every digit."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.sql(given)
        columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
        return columns, relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()


@pytest.mark.parametrize("form", FORMS)
def test_every_type_comes_back_as_it_was_given(bench: Bench, form: str) -> None:
    statement = _require(form)
    names = {kind: f"c{number}" for number, kind in enumerate(TYPES)}
    values = ", ".join(f"CAST({value} AS {kind}) AS {names[kind]}" for kind, value in TYPES.items())
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for kind, name in names.items())
    given = f"SELECT * FROM (SELECT 1 AS row, {values} UNION ALL SELECT 2, {nulls}) ORDER BY row"
    code = f"{statement}\ndef make(rows: {form}):\n    assert isinstance(rows, {form}), type(rows)\n    return rows\n"
    left = bench.run(code, given=given, forms={"rows": form}, modules=(FORMS[form][1],))
    columns, texts = _table(given)
    assert left.columns == columns
    assert left.texts == texts


@pytest.mark.parametrize("form", FORMS)
def test_no_rows_have_columns_all_the_same(bench: Bench, form: str) -> None:
    statement = _require(form)
    code = f"{statement}\ndef make(rows: {form}):\n    return rows\n"
    given = "SELECT 1 AS n, 'x' AS word, 1.5 AS price WHERE false"
    left = bench.run(code, given=given, forms={"rows": form})
    assert (left.columns, left.rows) == ({"n": "INTEGER", "word": "VARCHAR", "price": "DECIMAL(2,1)"}, [])


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("import polars as pl\ndef make(rows):\n    return pl.DataFrame({'n': [1, None]})\n", [(1,), (None,)]),
        (
            "import polars as pl\ndef make(rows):\n    return pl.LazyFrame({'n': [1, 2]}).filter(pl.col('n') > 1)\n",
            [(2,)],
        ),
        ("import pyarrow as pa\ndef make(rows):\n    return pa.table({'n': [1, None]})\n", [(1,), (None,)]),
        (
            "import pandas as pd\ndef make(rows):\n    return pd.DataFrame({'n': [1.5, 2.5]}, index=[7, 9])\n",
            [(1.5,), (2.5,)],
        ),
    ],
)
def test_a_form_may_be_returned_whatever_was_given(bench: Bench, code: str, rows: list[tuple[object, ...]]) -> None:
    pytest.importorskip(code.split()[1])
    pytest.importorskip("pyarrow")
    assert bench.run(code).rows == rows


def test_a_named_index_is_a_column(bench: Bench) -> None:
    """What pandas groups by becomes the index; it would be lost."""
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    code = """
        import pandas as pd
        def make(rows: pd.DataFrame):
            return rows.groupby("country").agg({"n": "sum"})
        """
    given = "SELECT * FROM (VALUES ('DK', 1), ('NO', 5), ('DK', 2)) AS t(country, n)"
    assert bench.run(code, given=given, forms={"rows": "pd.DataFrame"}).rows == [("DK", 3), ("NO", 5)]


@pytest.mark.parametrize(
    "code",
    [
        "import polars as pl\ndef make(rows):\n    return pl.DataFrame()\n",
        "import pyarrow as pa\ndef make(rows):\n    return pa.table({})\n",
    ],
)
def test_rows_without_columns_are_refused(bench: Bench, code: str) -> None:
    pytest.importorskip(code.split()[1])
    finding = bench.refused(bench.run, code)
    assert (finding.code, "without columns" in finding.message) == ("task.wrong_result", True)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "duckdb.DuckDBPyRelation"])
def test_a_form_whose_library_is_missing_says_what_to_install(bench: Bench, form: str) -> None:
    library = FORMS[form][1]
    if importlib.util.find_spec(library) is not None:
        pytest.skip(f"{library} is installed here")
    finding = bench.refused(bench.run, "def make(rows):\n    return rows\n", forms={"rows": form})
    assert (finding.code, finding.remedy) == ("task.missing_library", f"pip install {library}")


def test_a_form_that_does_not_exist_is_refused(bench: Bench) -> None:
    finding = bench.refused(bench.run, "def make(rows):\n    return rows\n", forms={"rows": "dask.DataFrame"})
    assert (finding.code, "no form dask.DataFrame" in finding.message) == ("task.wrong_result", True)


def test_a_library_that_aborts_for_want_of_memory_is_understood(bench: Bench) -> None:
    pytest.importorskip("polars")
    code = "import polars as pl\ndef make(rows):\n    return pl.select(a=pl.int_range(0, 200_000_000))\n"
    finding = bench.refused(bench.run, code, memory=300 << 20, modules=("polars",))
    assert (finding.code, finding.place.line) == ("task.out_of_memory", 3)


def test_libraries_are_warm_before_the_fork(bench: Bench) -> None:
    """The zygote imports what the task's file imports, of a closed list; a worker finds it loaded."""
    pytest.importorskip("polars")
    code = "import sys\nloaded = 'polars' in sys.modules\ndef make(rows):\n    assert loaded\n    return rows\n"
    assert len(bench.run(code, modules=("polars", "os", "shop")).rows) == 3
