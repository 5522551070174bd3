"""Bad rows by the command line: put aside and counted, shown without personal data, built again, dropped in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from penstock_places import Place
from runs_shop import write

from penstock.app.runtime import EngineRuntime
from penstock.app.wiring import workplace

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = pytest.mark.slow

SOURCE = """\
format: csv
path: data/orders/{interval_start:%Y-%m-%d}.csv
interval: day
columns: [id, buyer, ordered, amount]
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.orders
version: 1.0.0
schema:
  - name: orders
    physicalName: sales.orders
    customProperties:
      - {property: onFailure, value: quarantine}
      - {property: maxQuarantined, value: 60%}
    properties:
      - {name: id, physicalType: BIGINT, required: true}
      - {name: buyer, physicalType: VARCHAR, classification: personal}
      - name: ordered
        physicalType: DATE
        customProperties: [{property: formats, value: ["%d/%m/%Y"]}]
      - name: amount
        physicalType: DECIMAL(9,2)
        quality:
          - {name: Amounts are small, metric: invalidValues, arguments: {maximum: 100}, mustBe: 0,
             customProperties: [{property: onFailure, value: null}]}
      - {name: _file, physicalType: VARCHAR}
      - {name: _interval_start, physicalType: TIMESTAMP}
"""
TOTAL = "/* penstock\nmaterialize: table\n*/\nSELECT count(*) AS orders, sum(amount) AS amount FROM sales.orders\n"
BUYERS = '''\
from penstock import task


@task(reads={"orders": "sales.orders"})
def buyers(orders):
    """Who bought, and how often."""
    return orders.aggregate("buyer, count(*)::BIGINT AS orders")
'''
BUYERS_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.buyers
version: 1.0.0
schema:
  - name: buyers
    physicalName: sales.buyers
    properties:
      - name: buyer
        physicalType: VARCHAR
        classification: personal
        quality:
          - {name: A name, metric: invalidValues, arguments: {pattern: "^[a-z]+$"}, mustBe: 0,
             customProperties: [{property: onFailure, value: quarantine}]}
      - {name: orders, physicalType: BIGINT}
    customProperties: [{property: maxQuarantined, value: 1}]
"""
GOOD = ("1,ann,04/03/2024,10.00", "2,bob,04/03/2024,20.00")
DAYS = {
    "2024-03-04": (*GOOD, "x,eve,04/03/2024,1.00", "3,B0B,2024-03-04,1.005"),
    "2024-03-05": ("4,ann,05/03/2024,999.00", "5,bob,31/02/2024,5.00"),
}


def _day(place: Place, day: str, *lines: str) -> None:
    write(place, f"data/orders/{day}.csv", "\n".join(["id,buyer,ordered,amount", *lines, ""]))


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return _shop(tmp_path)


def _shop(tmp_path: Path, settings: str = "name: shop\n") -> Place:
    place = Place(tmp_path / "project", tmp_path / "keys")
    place.keys.mkdir(parents=True)
    files = {
        "penstock.yaml": settings,
        "pipelines/sales/pipeline.yaml": "owner: shop\nschedule: manual\nstart: 2024-03-04\nend: 2024-03-06\n",
        "pipelines/sales/orders.source.yaml": SOURCE,
        "pipelines/sales/total.sql": TOTAL,
        "pipelines/sales/buyers.py": BUYERS,
        "contracts/sales.orders.odcs.yaml": CONTRACT,
        "contracts/sales.buyers.odcs.yaml": BUYERS_CONTRACT,
    }
    for path, text in files.items():
        write(place, path, text)
    for day, lines in DAYS.items():
        _day(place, day, *lines)
    return place


def _aside(place: Place, dataset: str = "sales.orders", *more: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = place.penstock("quarantine", "show", dataset, *more, "--json").result["rows"]
    return rows


def test_a_run_puts_bad_rows_aside_and_says_how_many(shop: Place) -> None:
    said = shop.penstock("run")
    assert "quarantined  nulled" in said.out
    line = next(line for line in said.out.splitlines() if line.startswith("sales.orders"))
    assert line.split()[1:] == ["1", "3", "3", "1"]
    assert "penstock quarantine show" in said.out
    assert shop.rows("SELECT * FROM sales.total", env="dev") == [{"orders": 3, "amount": "30.00"}]
    run = shop.penstock("runs", "--json").result["runs"][0]["run"]
    attempts = {row["dataset"]: row for row in shop.penstock("runs", run, "--json").result["attempts"]}
    assert attempts["sales.orders"]["quarantined"] == 3
    assert attempts["sales.orders"]["caught"] == {"type:id": 1, "type:ordered": 2, "type:amount": 1}
    assert attempts["sales.orders"]["nulled"] == {"range:amount": 1}
    assert "quarantined" in shop.penstock("runs", run).out


def test_a_run_says_so_in_json(shop: Place) -> None:
    result = shop.penstock("run", "--json").result
    assert result["rows"]["sales.orders"] == 3
    assert (result["quarantined"], result["nulled"]) == ({"sales.orders": 3}, {"sales.orders": 1})


def test_what_was_put_aside_is_listed_and_shown_as_it_came_without_personal_data(shop: Place) -> None:
    shop.penstock("run")
    (held,) = shop.penstock("quarantine", "list", "--json").result["held"]
    assert (held["dataset"], held["rows"], held["environments"]) == ("sales.orders", 3, ["dev"])
    assert (held["first"], held["last"]) == ("2024-03-04", "2024-03-05")
    assert held["checks"]["type:ordered"] == {"name": "ordered is a value of the type DATE", "rows": 2}
    rows = _aside(shop)
    assert [row["row"]["ordered"] for row in rows] == ["2024-03-04", "2024-03-04", "31/02/2024"]
    several = next(row for row in rows if len(row["reasons"]) > 1)
    assert [reason["check"] for reason in several["reasons"]] == ["type:ordered", "type:amount"]
    assert (several["row"]["amount"], several["row"]["buyer"]) == ("1.005", "•••")
    text = shop.penstock("quarantine", "show", "sales.orders", "--limit", "1").out
    assert "1 of 3 row(s)" in text
    assert "eve" not in text
    assert "sales.orders" in shop.penstock("quarantine", "list", "sales.orders").out


def test_an_interval_is_shown_by_its_day_or_by_its_bounds(shop: Place) -> None:
    shop.penstock("run")
    assert len(_aside(shop, "sales.orders", "--interval", "2024-03-05")) == 1
    assert len(_aside(shop, "sales.orders", "--interval", "2024-03-04/2024-03-06")) == 3
    assert shop.penstock("quarantine", "show", "sales.orders", "--interval", "2024-03-06/2024-03-04", exits=2).code == 2


def test_a_corrected_day_is_built_again_with_what_reads_it_and_leaves_the_quarantine(shop: Place) -> None:
    shop.penstock("run")
    _day(shop, "2024-03-04", *GOOD, "3,eve,04/03/2024,1.00")
    said = shop.penstock("quarantine", "retry", "sales.orders", "--interval", "2024-03-04", "--json")
    (run,) = said.result["runs"]
    assert run["quarantined"] == {}
    assert shop.rows("SELECT * FROM sales.total", env="dev") == [{"orders": 4, "amount": "31.00"}]
    assert [row["moment"][:10] for row in _aside(shop)] == ["2024-03-05"]


def test_a_retry_of_what_is_still_bad_puts_it_aside_once_more_and_not_twice(shop: Place) -> None:
    shop.penstock("run")
    said = shop.penstock("quarantine", "retry", "sales.orders", "--json")
    assert [run["quarantined"] for run in said.result["runs"]] == [{"sales.orders": 3}]
    assert len(_aside(shop)) == 3


def test_rows_of_a_python_task_are_put_aside_too(shop: Place) -> None:
    _day(shop, "2024-03-05", "4,ANN,05/03/2024,1.00")
    shop.penstock("run")
    assert [row["row"]["orders"] for row in _aside(shop, "sales.buyers")] == ["1"]
    assert [row["reasons"][0]["name"] for row in _aside(shop, "sales.buyers")] == ["A name"]
    found = shop.rows("SELECT count(*) AS n FROM sales.buyers", env="dev")
    assert found == [{"n": 2}]
    _day(shop, "2024-03-05", "4,ann,05/03/2024,1.00")
    shop.penstock("backfill", "sales.orders", "--start", "2024-03-05", "--end", "2024-03-06", "--json")
    said = shop.penstock("quarantine", "retry", "sales.buyers", "--json")
    assert [run["quarantined"] for run in said.result["runs"]] == [{"sales.buyers": 1}]


def test_too_many_fail_the_attempt_and_nothing_is_kept(shop: Place) -> None:
    write(shop, "contracts/sales.orders.odcs.yaml", CONTRACT.replace("60%", "10%"))
    said = shop.penstock("run", "--json", exits=3)
    assert [finding["code"] for finding in said.findings] == ["quarantine.too_many"]
    assert "3 of 6 rows" in said.findings[0]["message"]
    assert shop.penstock("quarantine", "list", "--json").result == {"held": []}


def test_without_a_policy_text_that_does_not_cast_fails(shop: Place) -> None:
    plain = CONTRACT.replace("      - {property: onFailure, value: quarantine}\n", "")
    write(shop, "contracts/sales.orders.odcs.yaml", plain)
    said = shop.penstock("run", "--json", exits=3)
    found = {finding["place"]["field"]: finding["found"] for finding in said.findings}
    assert found == {"id": "'x'", "ordered": "'2024-03-04'; '31/02/2024'", "amount": "'1.005'"}


def test_another_policy_is_another_version_and_the_old_ones_rows_go_with_it(shop: Place) -> None:
    shop.penstock("run")
    write(shop, "contracts/sales.orders.odcs.yaml", CONTRACT.replace("maximum: 100", "maximum: 15"))
    steps = {step["dataset"]: step["action"] for step in shop.penstock("plan", "--json").result["steps"]}
    assert steps["sales.orders"] in {"build", "backfill"}
    shop.penstock("quarantine", "retry", "sales.orders", exits=2)
    shop.penstock("run")
    assert len(shop.penstock("quarantine", "list", "--json").result["held"]) == 2
    for number in (1, 2):  # what a rollback would bring back stays
        write(shop, "contracts/sales.orders.odcs.yaml", CONTRACT.replace("maximum: 100", f"maximum: {number}"))
        shop.penstock("run")
    shop.penstock("prune", "--yes", "--older-than", "0.000001s")
    held = shop.penstock("quarantine", "list", "--json").result["held"]
    kept = {row["table_name"].rpartition("__")[2] for row in _relations(shop)}
    assert {one["version"] for one in held} == kept
    assert len(held) == 2


def _relations(place: Place) -> list[dict[str, Any]]:
    with duckdb.connect(str(place.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        sql = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'sales\\_\\_orders%' ESCAPE '\\'"
        return [{"table_name": name} for (name,) in connection.execute(sql).fetchall()]


def test_a_review_counts_what_is_put_aside_of_the_versions_it_looks_at(shop: Place) -> None:
    shop.penstock("run")
    with workplace(shop.root) as place:
        runtime = EngineRuntime(place)
        versions = runtime.versions(place.project)
        assert runtime.quarantined(versions) == {"sales.orders": 3}
        assert runtime.quarantined({**versions, "sales.orders": "another"}) == {}


def test_check_refuses_policies_that_cannot_be(shop: Place) -> None:
    write(shop, "pipelines/sales/total.sql", TOTAL.replace("table", "view"))
    view = BUYERS_CONTRACT.replace("buyers", "total").replace("name: buyer\n", "name: amount\n")
    write(shop, "contracts/sales.total.odcs.yaml", view)
    codes = {finding["code"] for finding in shop.penstock("check", "--json", exits=2).findings}
    assert "contract.policy_of_view" in codes


def test_an_unknown_dataset_is_said_to_be_one(shop: Place) -> None:
    shop.penstock("run")
    for command in ("list", "show", "retry"):
        said = shop.penstock("quarantine", command, "sales.ordres", "--json", exits=2)
        assert [finding["code"] for finding in said.findings] == ["project.unknown_dataset"]


def test_a_warehouse_of_an_older_penstock_holds_nothing_until_it_is_written_to(shop: Place) -> None:
    shop.penstock("run")
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE _penstock.quarantine")
    assert shop.penstock("quarantine", "list", "--json").result == {"held": []}
    _day(shop, "2024-03-04", *GOOD, "x,eve,04/03/2024,1.00")
    plan = shop.penstock("backfill", "sales.orders", "--start", "2024-03-04", "--end", "2024-03-05", "--json").result
    window = ("--start", "2024-03-04", "--end", "2024-03-05")
    shop.penstock("backfill", "sales.orders", *window, "--digest", plan["digest"][:12])
    assert len(_aside(shop)) == 1


@pytest.mark.xdist_group("postgres")
def test_rows_are_put_aside_in_postgres_as_in_a_file(
    tmp_path: Path, shop: Place, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS aside WITH (FORCE)")
        connection.execute("CREATE DATABASE aside")
    monkeypatch.setenv("PENSTOCK_WAREHOUSE", postgres.removesuffix("/postgres") + "/aside")
    other = _shop(tmp_path / "other", "name: shop\nwarehouse: postgres\n")
    for place in (shop, other):
        _day(place, "2024-03-05", "4,ANN,05/03/2024,999.00", "5,bob,31/02/2024,5.00")
    ran = [place.penstock("run", "--json").result for place in (shop, other)]
    assert ran[0]["quarantined"] == ran[1]["quarantined"] == {"sales.orders": 3, "sales.buyers": 1}
    assert ran[0]["nulled"] == ran[1]["nulled"]
    for dataset in ("sales.orders", "sales.buyers"):
        first, second = (
            [{name: row[name] for name in ("moment", "interval", "reasons", "row")} for row in _aside(place, dataset)]
            for place in (shop, other)
        )
        assert first == second
    for place in (shop, other):
        _day(place, "2024-03-04", *GOOD)
        place.penstock("quarantine", "retry", "sales.orders", "--interval", "2024-03-04")
    assert [row["row"] for row in _aside(shop)] == [row["row"] for row in _aside(other)]
    assert len(_aside(other)) == 1
    total = [place.rows("SELECT * FROM sales.total", env="dev") for place in (shop, other)]
    assert total[0] == total[1]
