"""Queries are bound over empty tables as far as columns are known, and nothing is run for that."""

from __future__ import annotations

import pytest

from penstock.adapters.duckdb.binding import refused_queries
from penstock.project.reading import read_project

CONTRACT = (
    "apiVersion: v3.1.0\nkind: DataContract\nid: s.made\nname: s.made\nversion: 1.0.0\nstatus: active\n"
    "schema:\n  - name: made\n    physicalName: s.made\n    logicalType: object\n    properties:\n"
    "      - {name: day, logicalType: date, physicalType: DATE}\n"
)
PYTHON = "from penstock import task\n\n\n@task(reads={}, materialize='table')\ndef made():\n    return None\n"
BASE = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/made.py": PYTHON,
}


def _refused(queries: dict[str, str], changed: dict[str, str] | None = None) -> dict[str | None, str]:
    """What is refused of these queries, by dataset."""
    sql = {f"pipelines/s/{name}.sql": f"/* penstock\nmaterialize: table\n*/\n{text}" for name, text in queries.items()}
    files = {**BASE, **sql, **(changed or {})}
    found = refused_queries(read_project({path: text.encode() for path, text in files.items()}))
    return {finding.place.dataset: finding.code for finding in found}


def test_columns_that_only_a_run_tells_are_not_guessed() -> None:
    queries = {"b": "SELECT day + 'x' AS x FROM s.made", "c": "SELECT nothing AS y FROM s.b"}
    assert _refused(queries) == {}
    contract = {"contracts/s.made.odcs.yaml": CONTRACT}
    assert _refused({"b": "SELECT day AS x FROM s.made"}, contract) == {}
    assert _refused({"b": "SELECT abs(day) AS x FROM s.made"}, contract) == {"s.b": "sql.refused"}


def test_what_is_unknown_is_parsed_all_the_same() -> None:
    assert _refused({"b": "SELECT day end FROM s.made"}) == {"s.b": "sql.syntax"}


def test_only_the_query_that_is_wrong_is_named_and_not_those_that_read_it() -> None:
    queries = {"a": "SELECT 1 AS one", "b": "SELECT abs(DATE '2024-01-01') AS x", "c": "SELECT abs(x) AS y FROM s.b"}
    assert _refused({**queries, "d": "SELECT lower(one) AS y FROM s.a"}) == {"s.b": "sql.refused", "s.d": "sql.refused"}


@pytest.mark.parametrize("query", ["SELECT 1 AS one -- with a remark", "WITH x AS (SELECT 1 AS a) FROM x SELECT a"])
def test_queries_in_any_dress_are_bound(query: str) -> None:
    assert _refused({"a": query, "b": "SELECT * FROM s.a"}) == {}


def test_no_row_is_made() -> None:
    """A query over more rows than any machine makes is bound at once."""
    assert _refused({"a": "SELECT sum(range) AS n FROM range(1000000000000000)"}) == {}


def test_moments_and_offsets_are_bound_as_a_run_binds_them() -> None:
    growing = "/* penstock\nmaterialize: append\noffset: id\n*/\nSELECT id FROM s.a WHERE id > $offset\n"
    daily = (
        "/* penstock\nmaterialize: incremental\ninterval: day(day)\n*/\n"
        "SELECT CAST($interval_start AS DATE) AS day WHERE $interval_end - INTERVAL 1 DAY <= $interval_start\n"
    )
    made = {"pipelines/s/growing.sql": growing, "pipelines/s/daily.sql": daily}
    assert _refused({"a": "SELECT 1 AS id"}, made) == {}
