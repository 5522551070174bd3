"""What a task's file says about the form of its inputs, the libraries it needs, and what bounds it."""

from __future__ import annotations

import pytest
from reading_cases import dataset, errors, project

from penstock.model.pipelines import PythonTask
from penstock.plan.versions import versions_of

FILE = "pipelines/shop/x.py"


def task(text: str) -> PythonTask:
    read = dataset(FILE, text).task
    assert isinstance(read, PythonTask)
    return read


def annotated(imports: str, annotation: str) -> str:
    return f'{imports}\n@task(reads={{"a": "shop.daily"}})\ndef f(a: {annotation}):\n    pass\n'


@pytest.mark.parametrize(
    ("imports", "annotation", "form"),
    [
        ("import duckdb", "duckdb.DuckDBPyRelation", "duckdb.DuckDBPyRelation"),
        ("from duckdb import DuckDBPyRelation", "DuckDBPyRelation", "duckdb.DuckDBPyRelation"),
        ("import polars as pl", "pl.LazyFrame", "polars.LazyFrame"),
        ("import polars", "polars.DataFrame", "polars.DataFrame"),
        ("import polars as whatever", "whatever.DataFrame", "polars.DataFrame"),
        ("from polars import LazyFrame as Lazy", "Lazy", "polars.LazyFrame"),
        ("import pyarrow as pa", '"pa.Table"', "pyarrow.Table"),
        ("if TYPE_CHECKING:\n    import pyarrow as pa", "'pa.RecordBatchReader'", "pyarrow.RecordBatchReader"),
        ("try:\n    import pandas as pd\nexcept ImportError:\n    pd = None", "pd.DataFrame", "pandas.DataFrame"),
        ("", "'pl.LazyFrame'", "polars.LazyFrame"),
    ],
)
def test_an_annotation_names_the_form_whatever_the_file_calls_it(imports: str, annotation: str, form: str) -> None:
    assert task(annotated(imports, annotation)).forms == {"a": form}


@pytest.mark.parametrize("annotation", ["Any", "typing.Any", "object"])
def test_an_annotation_that_says_nothing_leaves_the_form_open(annotation: str) -> None:
    assert task(annotated("from typing import Any\nimport typing", annotation)).forms == {}


@pytest.mark.parametrize(
    "annotation", ["list", "pl.Series", "pl.LazyFrame | None", "'pl.LazyFrame, x'", "dd.DataFrame", "f()", "'('", "3"]
)
def test_a_form_in_which_rows_cannot_be_given_is_refused_with_its_line(annotation: str) -> None:
    text = (
        f'@task(reads={{"a": "shop.daily", "b": "shop.orders"}})\ndef f(\n    a,\n    b: {annotation},\n):\n    pass\n'
    )
    (finding,) = errors({FILE: text})
    assert (finding.code, finding.place.line) == ("project.bad_form", 4)
    assert "polars.LazyFrame" in str(finding.expected)


def test_the_modules_of_a_file_are_known_wherever_it_imports_them() -> None:
    code = "import os.path\nimport polars as pl\n" + annotated("from numpy.linalg import norm", "pl.DataFrame")
    code = code.replace("    pass", "    import narwhals\n    from . import sibling\n    pass")
    assert task(code).modules == ("narwhals", "numpy", "os", "polars")


def test_a_task_may_take_its_arguments_in_any_literal_form() -> None:
    arguments = 'reads={"a": "shop.daily"}, materialize="merge", key=("day",), secrets={"TOKEN_A"}'
    text = f"@task({arguments})\ndef f(a):\n    pass\n"
    assert dataset(FILE, text).key == ("day",)
    assert task(text).secrets == ("TOKEN_A",)


@pytest.mark.parametrize(
    "more", ['secrets=["SHOP_TOKEN"]', 'memory="1GB"', 'timeout="5m"', "priority=3", "concurrency=2", "batch=3"]
)
def test_what_does_not_decide_the_rows_makes_no_other_version(more: str) -> None:
    """The arguments stand in the file whose code is digested; still they are no code."""
    plain = '@task(reads={"a": "shop.daily"})\ndef f(a):\n    pass\n'
    bounded = plain.replace("})", f"}}, {more})")
    assert _fingerprint(bounded) == _fingerprint(plain)


def test_another_key_makes_another_version() -> None:
    merge = '@task(reads={"a": "shop.daily"}, materialize="merge", key=["day"])\ndef f(a):\n    pass\n'
    assert _fingerprint(merge) != _fingerprint(merge.replace('["day"]', '["day", "shop"]'))


def _fingerprint(text: str) -> str:
    return versions_of(project({FILE: text}))["shop.x"].fingerprint
