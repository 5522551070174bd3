"""What other tools are given of a project: the same queries, checks and data tests; nothing that they cannot make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest
import yaml
from gatebench.peers.dbt import dbt_failures, dbt_files
from gatebench.peers.portable import Check, CheckKind, NotPortableError, Part, Portable
from gatebench.peers.rows_sql import rows_query
from gatebench.peers.sqlmesh import sqlmesh_failures, sqlmesh_files
from peers_project import DAILY_CONTRACT, SOURCE_COLUMNS, contract, translated

if TYPE_CHECKING:
    from pathlib import Path

OTHER_CONTRACT = contract("shop.orders", {"order_id": "physicalType: VARCHAR"})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Portable:
    return translated(tmp_path_factory.mktemp("project"))


# -- what is taken ----------------------------------------------------------------------------------------------------


def test_a_query_is_its_text_without_the_header_cut_where_datasets_and_bounds_stand(project: Portable) -> None:
    marks = {Part.DATASET: "<", Part.PARAMETER: "$", Part.TEXT: ""}
    said = project.models["shop.daily"].sql(lambda part, text: f"{marks[part]}{text}")
    assert said == (
        "SELECT CAST(_interval_start AS DATE) AS day, count(*) AS orders, orders.status\n"
        'FROM <shop.orders AS "orders"\n'
        "WHERE _interval_start >= $interval_start AND _interval_start < $interval_end -- $interval_end, a comment\n"
        "GROUP BY ALL"
    )


def test_the_bounds_are_those_of_the_pipelines_whole_period(project: Portable) -> None:
    assert project.models["shop.daily"].bounds.values() == {
        "interval_start": "2024-05-01 00:00:00",
        "interval_end": "2024-05-05 00:00:00",
    }


def test_what_python_makes_is_left_out_with_its_readers_and_its_tests(project: Portable) -> None:
    assert project.left_out == {
        "shop.letters": "is made by a python task",
        "shop.read_letters": "reads what is left out",
    }
    assert list(project.models) == ["shop.best", "shop.daily"]
    assert {test.dataset for test in project.tests} == {"shop.daily"}


def test_what_masks_is_left_out(tmp_path: Path) -> None:
    masked = "/* penstock\nmaterialize: table\n*/\nSELECT mask_hash(status) AS status FROM shop.daily\n"
    project = translated(tmp_path, {"pipelines/shop/best.sql": masked})
    assert project.left_out["shop.best"] == "calls mask_hash"


def test_what_puts_rows_aside_is_left_out(tmp_path: Path) -> None:
    aside = f"{DAILY_CONTRACT}    customProperties: [{{property: onFailure, value: quarantine}}]\n"
    left_out = translated(tmp_path, {"contracts/shop.daily.odcs.yaml": aside}).left_out
    assert left_out["shop.daily"].startswith("puts rows aside")
    assert left_out["shop.best"] == "reads what is left out"


def test_a_source_is_what_was_landed(project: Portable) -> None:
    assert project.sources == {"shop.orders": SOURCE_COLUMNS}


def test_a_reader_of_a_dataset_that_is_gone_is_given_as_it_stands(tmp_path: Path) -> None:
    gone: dict[str, str | None] = {
        "pipelines/shop/daily.sql": None,
        "contracts/shop.daily.odcs.yaml": None,
        "tests/shop.daily.test.yaml": None,
    }
    files = dbt_files(translated(tmp_path, gone))
    assert "ref('shop__daily')" in files["models/shop__best.sql"]


def test_a_query_that_cannot_be_read_is_no_translation(tmp_path: Path) -> None:
    with pytest.raises(NotPortableError, match=r"pipelines/shop/best\.sql"):
        translated(tmp_path, {"pipelines/shop/best.sql": "/* penstock\nmaterialize: view\n*/\nSELECT FROM WHERE"})


# -- checks: each query run over rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "good", "bad"),
    [
        ("not_null_day", "(DATE '2024-05-02', 3, 'paid')", "(NULL, 3, 'paid')"),
        ("unique_day_status", "(DATE '2024-05-02', 3, 'paid')", "(DATE '2024-05-01', 3, 'paid')"),
        ("range_orders", "(DATE '2024-05-02', 1, 'paid')", "(DATE '2024-05-02', 0, 'paid')"),
        ("not_null_orders", "(DATE '2024-05-02', 1, 'paid')", "(DATE '2024-05-02', NULL, 'paid')"),
        ("accepted_values_status", "(DATE '2024-05-02', 1, 'open')", "(DATE '2024-05-02', 1, 'lost')"),
        ("sql_7", "(DATE '2024-05-02', 1, 'open')", "(DATE '2024-04-30', 1, 'open')"),
    ],
)
def test_a_check_returns_the_rows_that_offend_it(project: Portable, about: str, good: str, bad: str) -> None:
    check = _check(project, about)
    assert _offending(check, "(DATE '2024-05-01', 1, 'paid')", good) == 0
    assert _offending(check, "(DATE '2024-05-01', 1, 'paid')", bad) == 1


def test_a_number_of_rows_is_that_of_each_interval(project: Portable) -> None:
    check = _check(project, "row_count_8")
    assert _offending(check, "(DATE '2024-05-01', 1, 'paid')", "(DATE '2024-05-01', 1, 'open')") == 0
    assert _offending(check, "(DATE '2024-05-01', 1, 'paid')", "(DATE '2024-05-02', 1, 'paid')") == 2


def test_a_relation_is_held_against_the_other_dataset(tmp_path: Path) -> None:
    related = OTHER_CONTRACT.replace(
        "order_id, physicalType: VARCHAR",
        "order_id, physicalType: VARCHAR, relationships: [{type: foreignKey, to: shop.daily.status}]",
    )
    project = translated(tmp_path, {"contracts/shop.orders.odcs.yaml": related})
    check = next(check for check in project.checks if check.other)
    assert (check.dataset, check.other) == ("shop.orders", "shop.daily")
    singular = dbt_files(project)[f"tests/{check.name}.sql"]
    assert "FROM {{ source('shop', 'orders') }} AS here" in singular
    assert "FROM {{ ref('shop__daily') }} AS there" in singular


# -- rows of data tests -----------------------------------------------------------------------------------------------


def test_rows_have_the_declared_types_and_what_is_left_out_is_null() -> None:
    rows = [{"day": "2024-05-01", "paid": True}, {"name": "it's", "new": 7}]
    described, found = _asked(rows_query(rows, {"day": "DATE", "name": "VARCHAR", "paid": "BOOLEAN"}))
    assert described == {"day": "DATE", "name": "VARCHAR", "paid": "BOOLEAN", "new": "VARCHAR"}
    assert [tuple(map(str, row)) for row in found] == [
        ("2024-05-01", "None", "True", "None"),
        ("None", "it's", "None", "7"),
    ]


def test_no_rows_are_a_query_without_rows() -> None:
    assert _asked(rows_query([], {"day": "DATE"})) == ({"day": "DATE"}, [])


# -- dbt --------------------------------------------------------------------------------------------------------------


def test_a_dbt_model_reads_sources_and_models_and_takes_bounds_from_variables(project: Portable) -> None:
    files = dbt_files(project)
    daily, best = files["models/shop__daily.sql"], files["models/shop__best.sql"]
    assert daily.startswith("{{ config(materialized='table', schema='shop', alias='daily') }}\nSELECT")
    assert "FROM {{ source('shop', 'orders') }} AS \"orders\"" in daily
    assert "< CAST('{{ var('interval_end', '2024-05-05 00:00:00') }}' AS TIMESTAMP) -- $interval_end" in daily
    assert best.startswith("{{ config(materialized='view'")
    assert "FROM {{ ref('shop__daily') }} AS d" in best


def test_braces_of_a_query_are_no_jinja(project: Portable) -> None:
    best = dbt_files(project)["models/shop__best.sql"]
    assert best.count("{{ '{' }}'") == 2
    assert "1{{ '}' }}{{ '}' }} AS nested" in best


def test_dbt_has_generic_tests_where_it_has_a_word_and_singular_ones_elsewhere(project: Portable) -> None:
    files = dbt_files(project)
    daily = yaml.safe_load(files["models/models.yml"])["models"][1]
    generic = [next(iter(test)) for column in daily["columns"] for test in column["data_tests"]]
    assert generic == ["not_null", "not_null", "accepted_values"]
    accepted = daily["columns"][1]["data_tests"][1]["accepted_values"]
    assert accepted["arguments"] == {"values": ["paid", "open"]}
    singular = [name for name in files if name.startswith("tests/")]
    assert len(singular) + len(generic) == len(project.checks) + 1
    assert "FROM {{ ref('shop__daily') }} WHERE" in files["tests/shop__daily__range_orders__4.sql"]


@pytest.mark.parametrize(
    ("columns", "strange"),
    [
        ("day DATE, orders BIGINT, STATUS VARCHAR", 0),
        ("day DATE, orders BIGINT", 1),
        ("day DATE, orders BIGINT, status VARCHAR, more VARCHAR", 1),
        ("day DATE, orders INTEGER, status VARCHAR", 2),
    ],
)
def test_dbt_holds_a_dataset_to_its_columns_and_their_types(project: Portable, columns: str, strange: int) -> None:
    query = dbt_files(project)["tests/shop__daily__columns.sql"].partition("\n")[2]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE SCHEMA shop; CREATE TABLE shop.daily ({columns})")
        assert len(connection.execute(query).fetchall()) == strange


def test_a_data_test_is_a_unit_test_of_dbt_with_bounds_of_its_own(project: Portable) -> None:
    one, other = yaml.safe_load(dbt_files(project)["models/unit_tests.yml"])["unit_tests"]
    assert (one["model"], one["given"][0]["input"]) == ("shop__daily", "source('shop', 'orders')")
    assert "CAST('it''s' AS VARCHAR) AS \"status\"" in one["given"][0]["rows"]
    assert one["expect"]["rows"] == [{"day": "2024-05-02", "orders": "1"}]
    assert one["overrides"]["vars"]["interval_start"] == "2024-05-02 00:00:00"
    assert other["expect"]["rows"] == []
    assert "overrides" not in other


def test_what_dbt_says_failed_is_the_reason(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    results = [
        {"unique_id": "test.a", "status": "fail", "message": "Got 1\n result"},
        {"unique_id": "model.b", "status": "skipped", "message": None},
        {"unique_id": "model.c", "status": "success", "message": "OK"},
    ]
    (tmp_path / "target" / "run_results.json").write_text(json.dumps({"results": results}))
    assert dbt_failures(tmp_path) == ("test.a: Got 1 result",)


# -- SQLMesh ----------------------------------------------------------------------------------------------------------


def test_a_sqlmesh_model_has_the_declared_columns_and_an_audit_for_each_check(project: Portable) -> None:
    files = sqlmesh_files(project)
    daily = files["models/shop__daily.sql"]
    assert "kind FULL" in daily
    assert 'columns ("day" DATE, "orders" BIGINT, "status" VARCHAR)' in daily
    assert 'FROM "shop"."orders" AS "orders"' in daily
    assert "CAST(@VAR('interval_start', '2024-05-01 00:00:00') AS TIMESTAMP)" in daily
    for check in project.checks:
        assert check.name in daily
        assert f"name {check.name}," in files["audits/shop__daily.sql"]
    assert "kind VIEW" in files["models/shop__best.sql"]
    assert "audits/shop__best.sql" not in files


def test_a_rule_that_warns_stops_nothing_there_either(tmp_path: Path) -> None:
    warning = DAILY_CONTRACT.replace(
        "arguments: {minimum: 1}, mustBe: 0", "arguments: {minimum: 1}, mustBe: 0, severity: warning"
    )
    project = translated(tmp_path, {"contracts/shop.daily.odcs.yaml": warning})
    assert [check.name for check in project.checks if check.warns] == ["shop__daily__range_orders__4"]
    assert "severity='warn'" in dbt_files(project)["tests/shop__daily__range_orders__4.sql"]
    audits = sqlmesh_files(project)["audits/shop__daily.sql"]
    assert "name shop__daily__range_orders__4,\n  dialect duckdb,\n  blocking false" in audits
    assert audits.count("blocking") == 1


def test_a_data_test_is_a_test_of_sqlmesh_with_bounds_of_its_own(project: Portable) -> None:
    one, other = yaml.safe_load(sqlmesh_files(project)["tests/test_all.yaml"]).values()
    assert one["inputs"]["shop.orders"]["columns"] == SOURCE_COLUMNS
    assert one["outputs"]["query"]["partial"] is True
    assert list(_asked(one["outputs"]["query"]["query"])[0]) == ["day", "orders"]
    assert one["vars"] == {"interval_start": "2024-05-02 00:00:00", "interval_end": "2024-05-03 00:00:00"}
    assert list(_asked(other["outputs"]["query"]["query"])[0]) == ["day", "orders", "status"]


def test_what_sqlmesh_says_failed_is_the_reason() -> None:
    said = "all is well\n  'daily__not_null' audit error: 1 row failed\n\nError: Plan application failed.\n"
    assert sqlmesh_failures(said) == ("'daily__not_null' audit error: 1 row failed", "Error: Plan application failed.")


def _asked(query: str) -> tuple[dict[str, str], list[tuple[object, ...]]]:
    """The columns of a query with their types, and its rows."""
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE {query}").fetchall()
        return {row[0]: row[1] for row in described}, connection.execute(query).fetchall()


def _check(project: Portable, about: str) -> Check:
    return next(check for check in project.checks if f"__{about}__" in check.name)


def _offending(check: Check, *rows: str) -> int:
    assert check.kind in CheckKind
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE judged (day DATE, orders BIGINT, status VARCHAR)")
        connection.execute(f"INSERT INTO judged VALUES {', '.join(rows)}")
        return len(connection.execute(check.sql.replace("{table}", "judged")).fetchall())
