"""Projects whose warehouse is a Postgres database, through the command line; the starter project gives equal tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from penstock_places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

UNTIL = "2024-03-04"
DATASETS = ("shop.orders", "shop.stg_orders", "shop.daily_revenue", "shop.best_day", "shop.good_days")
GOOD_DAYS = """\
/* penstock
description: Days of more than a little revenue, as a share of all.
materialize: view
*/
SELECT day, revenue, revenue / (SELECT sum(revenue) FROM shop.daily_revenue) AS share
FROM shop.daily_revenue
WHERE revenue > 10
"""


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, in the environment as a user would give it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS warehouse WITH (FORCE)")
        connection.execute("CREATE DATABASE warehouse")
    found = postgres.removesuffix("/postgres") + "/warehouse"
    monkeypatch.setenv("PENSTOCK_WAREHOUSE", found)
    yield found
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE warehouse WITH (FORCE)")


def _shop(folder: Path, warehouse: str) -> Place:
    """The starter project and a view, its warehouse where the test says."""
    folder.mkdir()
    place = Place(folder, folder / "keys")
    place.keys.mkdir()
    place.penstock("init", "project")
    shop = Place(folder / "project", place.keys)
    settings = shop.root / "penstock.yaml"
    settings.write_text(re.sub(r"^warehouse:.*$", f"warehouse: {warehouse}", settings.read_text(), flags=re.MULTILINE))
    (shop.root / "pipelines" / "shop" / "good_days.sql").write_text(GOOD_DAYS)
    return shop


@pytest.fixture
def shop(tmp_path: Path, address: str) -> Place:
    del address
    return _shop(tmp_path / "team", "postgres")


def _tables(shop: Place, env: str = "dev") -> dict[str, list[dict[str, Any]]]:
    return {name: shop.rows(f"SELECT * FROM {name} ORDER BY ALL", env) for name in DATASETS}


def _built(said: Any) -> dict[str, int]:
    return {name: number for name, number in said.result["built"].items() if number}


def test_the_starter_project_gives_the_tables_that_duckdb_gives(tmp_path: Path, shop: Place) -> None:
    embedded = _shop(tmp_path / "embedded", ".penstock/warehouse.duckdb")
    for place in (embedded, shop):
        place.penstock("check")
        place.penstock("run", "--until", UNTIL)
    assert _tables(shop) == _tables(embedded)
    assert all(_tables(shop).values())
    assert not list((shop.root / ".penstock").glob("*.duckdb"))
    assert shop.penstock("doctor", "--json").findings == []


def test_a_second_run_does_nothing_and_an_edit_builds_what_it_moves(shop: Place, address: str) -> None:
    assert _built(shop.penstock("run", "--until", UNTIL, "--json"))
    assert _built(shop.penstock("run", "--until", UNTIL, "--json")) == {}
    before = _tables(shop)
    query = shop.root / "pipelines" / "shop" / "daily_revenue.sql"
    query.write_text(query.read_text().replace("sum(quantity * price)", "2 * sum(quantity * price)"))
    built = _built(shop.penstock("run", "--until", UNTIL, "--json"))
    assert "shop.daily_revenue" in built
    assert not {"shop.orders", "shop.stg_orders"} & set(built)
    after = _tables(shop)
    assert [2 * float(row["revenue"]) for row in before["shop.daily_revenue"]] == [
        float(row["revenue"]) for row in after["shop.daily_revenue"]
    ]
    with psycopg.connect(address) as reader:
        shown = reader.execute('SELECT day, revenue FROM "shop__dev".daily_revenue ORDER BY day').fetchall()
    assert [str(revenue) for _, revenue in shown] == [str(row["revenue"]) for row in after["shop.daily_revenue"]]


def test_another_environment_shows_the_same_versions_without_building(shop: Place, address: str) -> None:
    shop.penstock("run", "--until", UNTIL)
    assert _built(shop.penstock("run", "--env", "staging", "--until", UNTIL, "--json")) == {}
    assert _tables(shop, "staging") == _tables(shop)
    with psycopg.connect(address) as reader:
        tables = reader.execute("SELECT count(*) FROM pg_tables WHERE schemaname = '_versions'").fetchone()
    assert tables == (len(DATASETS) - 1,)  # one of them is a view


def test_a_query_that_postgres_would_answer_otherwise_is_refused_before_anything_runs(shop: Place) -> None:
    query = shop.root / "pipelines" / "shop" / "good_days.sql"
    query.write_text(GOOD_DAYS.replace("SELECT day,", "SELECT\n  day, stddev(revenue) OVER () AS spread,"))
    for command in (("check",), ("run", "--until", UNTIL)):
        said = shop.penstock(*command, "--json", exits=None)
        assert said.code != 0
        (finding,) = (found for found in said.findings if found["code"] == "sql.not_portable")
        assert (finding["place"]["file"], finding["place"]["line"]) == ("pipelines/shop/good_days.sql", 6)
    assert shop.journal() == (0, "")


def test_a_query_whose_types_alone_forbid_it_fails_its_task_and_says_why(shop: Place) -> None:
    query = shop.root / "pipelines" / "shop" / "good_days.sql"
    query.write_text(GOOD_DAYS.replace("AS share", "AS share, CAST(revenue / 3 AS INTEGER) AS third"))
    said = shop.penstock("run", "--until", UNTIL, "--json", exits=None)
    assert said.code != 0
    assert "sql.not_portable" in [finding["code"] for finding in said.findings]
    assert shop.penstock("query", "SELECT 1 AS one", "--env", "dev", "--json", exits=None).code != 0


def test_bad_rows_are_refused_by_the_contracts_checks(shop: Place) -> None:
    shop.penstock("run", "--until", "2024-03-02")
    before = shop.rows("SELECT * FROM shop.daily_revenue", "dev")
    data = shop.root / "data" / "orders" / "2024-03-02.csv"
    data.write_text(re.sub(r",(\d+)\.(\d+)\n", r",-\1.\2\n", data.read_text(), count=50))
    said = shop.penstock("run", "--until", "2024-03-03", "--json", exits=None)
    assert {finding["code"] for finding in said.findings} >= {"check.failed"}
    assert shop.rows("SELECT * FROM shop.daily_revenue", "dev") == before


CHECKED = """\
            mustBe: 0
          - {metric: nullValues, unit: percent, mustBeLessThan: 1}
          - {metric: invalidValues, arguments: {minimum: 0, maximum: 1}, mustBeGreaterThan: 0}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
      - {metric: duplicateValues, arguments: {properties: [order_id, product]}, mustBe: 0, severity: warning}
      - {metric: missingValues, arguments: {properties: [product], missingValues: [none]}, mustBe: 0}
      - metric: invalidValues
        arguments: {properties: [product], pattern: "^[a-z]+$", minLength: 20}
        mustBeGreaterThan: 0
        severity: warning
      - {type: sql, name: plain, query: "SELECT count(*) FROM {object} WHERE quantity < 0 AND price > 1", mustBe: 0}
      - type: custom
        engine: penstock
        severity: warning
        implementation: {check: relation, properties: [product], dataset: shop.orders, columns: [order_id]}
      - {type: custom, engine: penstock, severity: warning,
         implementation: {check: volume, season: none, atLeast: 1, tolerance: 0.01}}
slaProperties:
  - {property: freshness, value: 1, unit: d, element: stg_orders.ordered_at}
"""


def _found(place: Place) -> dict[str, tuple[str, int, str | None]]:
    checks = place.penstock("quality", "shop.stg_orders", "--json").result["datasets"][0]["checks"]
    return {check["check"]: (check["state"], check["failed_rows"], check["found"]) for check in checks}


def test_every_other_kind_of_check_finds_what_it_finds_on_duckdb(tmp_path: Path, shop: Place) -> None:
    embedded = _shop(tmp_path / "embedded", ".penstock/warehouse.duckdb")
    found = []
    for place in (embedded, shop):
        contract = place.root / "contracts" / "shop.stg_orders.odcs.yaml"
        contract.write_text(contract.read_text().replace("            mustBe: 0\nslaProperties:\n", CHECKED))
        for until in ("2024-03-03", UNTIL):
            place.penstock("run", "--until", until)
        found.append(_found(place))
        contract.write_text(
            contract.read_text().replace("rowCount, mustBeGreaterThan: 0", "rowCount, mustBeLessThan: 2")
        )
        held = place.penstock("run", "--until", UNTIL, "--json", exits=1)
        assert {finding["code"] for finding in held.findings} == {"check.not_held"}
    assert found[0] == found[1]
    assert {state for state, _, _ in found[0].values()} == {"passed", "failed"}
    assert found[0]["relation:product"][0] == "failed"
    kinds = {check.partition(":")[0] for check in found[0]}
    assert kinds >= {"freshness", "volume", "relation", "missing", "invalid", "row_count", "unique", "sql"}


def test_without_an_address_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_WAREHOUSE", raising=False)
    shop = _shop(tmp_path / "team", "postgres")
    said = shop.penstock("run", "--until", UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["warehouse.no_address"]


def test_a_delivery_is_refused_before_anything_is_recorded(shop: Place) -> None:
    (shop.root / "story.md").write_text("# Anything\n")
    said = shop.penstock("deliver", "story.md", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["deliver.not_on_postgres"]
    assert shop.journal() == (0, "")


def test_a_comparison_is_refused_where_there_is_something_to_compare(shop: Place) -> None:
    shop.penstock("run", "--env", "other", "--until", UNTIL)
    shop.penstock("run", "--until", UNTIL)
    assert shop.penstock("diff", "dev", "other", "--json").result["datasets"] == {}
    query = shop.root / "pipelines" / "shop" / "daily_revenue.sql"
    query.write_text(query.read_text().replace("sum(quantity * price)", "2 * sum(quantity * price)"))
    shop.penstock("run", "--until", UNTIL)
    said = shop.penstock("diff", "dev", "other", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["diff.not_on_postgres"]


def test_slices_are_not_tried_and_it_says_so(shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    said = shop.penstock("test", "--slices", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["slices.not_on_postgres"]


def _edit(shop: Place, factor: int) -> None:
    query = shop.root / "pipelines" / "shop" / "daily_revenue.sql"
    text = re.sub(r"(\d+ \* )?sum\(quantity \* price\)", f"{factor} * sum(quantity * price)", query.read_text())
    query.write_text(text)


def _relations(address: str) -> int:
    """How many relations the versions' schema holds."""
    sql = "SELECT count(*) FROM pg_class WHERE relnamespace = '_versions'::regnamespace AND relkind IN ('r', 'v')"
    with psycopg.connect(address) as reader:
        (count,) = reader.execute(sql).fetchone() or (0,)
    return int(count)


def test_a_prune_removes_what_views_know_and_nothing_needs_and_a_rollback_still_works(
    shop: Place, address: str
) -> None:
    """Four editions: dev shows the fourth, and a rollback goes to the third."""
    tables = []
    for factor in (2, 3, 4, 5):
        _edit(shop, factor)
        shop.penstock("run", "--until", UNTIL)
        tables.append(_tables(shop))
    held = _relations(address)
    seen = shop.penstock("prune", "--older-than", "0.000001s", "--json").result
    edited = ["shop.best_day", "shop.daily_revenue", "shop.good_days"]
    assert [version["dataset"] for version in seen["versions"]] == sorted(edited * 2)
    assert _relations(address) == held

    done = shop.penstock("prune", "--older-than", "0.000001s", "--yes", "--json").result
    assert (done["removed"], done["left"], done["unknown"]) == (6, [], [])
    assert done["bytes"] > 0
    assert _relations(address) == held - 6
    assert _tables(shop) == tables[3]
    assert shop.penstock("prune", "--older-than", "0.000001s", "--yes", "--json").result["versions"] == []

    shop.penstock("rollback", "--env", "dev")
    assert _tables(shop) == tables[2]
    shop.penstock("rollback", "--env", "dev")
    assert _tables(shop) == tables[3]
    assert shop.penstock("doctor", "--json").findings == []

    _edit(shop, 2)
    assert _built(shop.penstock("run", "--until", UNTIL, "--json")).keys() == set(edited)
    assert _tables(shop) == tables[0]


def test_a_version_that_somebodys_own_view_reads_stays(shop: Place, address: str) -> None:
    for factor in (2, 3, 4):
        _edit(shop, factor)
        shop.penstock("run", "--until", UNTIL)
    going = shop.penstock("prune", "--older-than", "0.000001s", "--json").result["versions"]
    version = next(each["version"] for each in going if each["dataset"] == "shop.best_day")
    with psycopg.connect(address, autocommit=True) as own:
        own.execute(f'CREATE VIEW public.mine AS SELECT * FROM _versions."shop__best_day__{version}"'.encode())
    done = shop.penstock("prune", "--older-than", "0.000001s", "--yes", "--json").result
    assert (done["removed"], done["left"]) == (2, [])
    needs = {each["version"]: each["needs"] for each in done["kept"]}
    assert needs[version] == ["a view that stays reads it"]
    with psycopg.connect(address) as reader:
        assert reader.execute("SELECT count(*) FROM public.mine").fetchone() == (1,)


def test_a_backfill_restates_a_day_and_the_view_at_the_end_shows_it(shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    before = _tables(shop)
    data = shop.root / "data" / "orders" / "2024-03-02.csv"
    data.write_text(re.sub(r",(\d+)\.(\d+)\n", r",7\1.\2\n", data.read_text()))
    asked = ("backfill", "shop.orders", "--start", "2024-03-02", "--end", "2024-03-03")
    shop.penstock(*asked, "--digest", shop.penstock(*asked, "--json").result["digest"])
    after = _tables(shop)
    assert [old == new for old, new in zip(before["shop.daily_revenue"], after["shop.daily_revenue"], strict=True)] == [
        True, False, True,
    ]  # fmt: skip
    assert before["shop.good_days"] != after["shop.good_days"]


def test_a_database_that_lost_what_the_ledger_speaks_of_is_not_made_anew(shop: Place, address: str) -> None:
    shop.penstock("run", "--until", UNTIL)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute('DROP SCHEMA _penstock CASCADE; DROP SCHEMA "_versions" CASCADE')
    said = shop.penstock("run", "--until", UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["warehouse.lost"]


def test_a_database_of_another_project_is_refused(tmp_path: Path, shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    other = _shop(tmp_path / "other", "postgres")
    settings = other.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("name: project", "name: another"))
    said = other.penstock("run", "--until", UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["warehouse.foreign"]


def test_contracts_are_held_against_rows_in_postgres_and_not_inferred_from_them(shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    contracts = shop.penstock("contract", "check", "--json").result["contracts"]
    assert {one["outcome"] for one in contracts.values()} == {"holds"}
    path = shop.root / "contracts" / "shop.stg_orders.odcs.yaml"
    path.write_text(path.read_text().replace("minimum: '0'", "minimum: '4'"))
    checks = shop.penstock("contract", "check", "--json", exits=1).result["contracts"]["shop.stg_orders"]["checks"]
    (failed,) = [check for check in checks if not check["passed"]]
    assert 0 < failed["failed_rows"] == len(failed["examples"]) or len(failed["examples"]) == 3
    refused = shop.penstock("contract", "infer", "shop.stg_orders", "--json", exits=2)
    assert [finding["code"] for finding in refused.findings] == ["contract.infer_not_on_postgres"]
