"""Checks on a small project: what they found through time, and what is built when a contract gains one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from penstock_places import Place
from runs_shop import write

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 12
ORDERS = """\
/* penstock
materialize: incremental
interval: day(day)
*/
SELECT CAST(day AS TIMESTAMP) AS day, CAST(shop AS BIGINT) AS shop, CAST(amount AS DOUBLE) AS amount
FROM sales.raw
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
"""
SOURCE = "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [day, shop, amount]\n"
SHOPS = "/* penstock\nmaterialize: table\n*/\nSELECT CAST(range AS BIGINT) AS id FROM range(3)\n"
HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.{name}
version: 1.0.0
status: active
schema:
  - name: {name}
    physicalName: sales.{name}
    properties:
"""
CONTRACT = (
    HEAD.format(name="orders")
    + """\
      - {{name: day, physicalType: TIMESTAMP, required: true}}
      - name: shop
        physicalType: BIGINT
        relationships:
          - {{to: sales.shops.id, customProperties: [{{property: severity, value: {severity}}}]}}
      - name: amount
        physicalType: DOUBLE
        quality:
          - {{metric: nullValues, unit: percent, mustBeLessThan: 60}}
          - {{type: custom, engine: penstock, severity: warning,
              implementation: {{check: drift, method: ks, atLeast: 2}}}}
    quality:
      - {{metric: rowCount, mustBeGreaterThan: {least}}}
      - {{type: custom, engine: penstock, severity: warning,
          implementation: {{check: volume, season: none, tolerance: 0.2, atLeast: 2}}}}
slaProperties:
  - {{property: freshness, value: 1, unit: d, element: orders.day}}
"""
)


def contract(*, severity: str = "warning", least: int = 0) -> str:
    return CONTRACT.format(severity=severity, least=least)


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    place = Place(tmp_path / "project", tmp_path / "keys")
    place.keys.mkdir(parents=True)
    write(place, "penstock.yaml", "name: shop\n")
    write(place, "pipelines/sales/pipeline.yaml", 'owner: us\nschedule: "@daily"\nstart: 2024-03-01\nend: 2024-04-01\n')
    write(place, "pipelines/sales/raw.source.yaml", SOURCE)
    write(place, "pipelines/sales/orders.sql", ORDERS)
    write(place, "pipelines/sales/shops.sql", SHOPS)
    write(
        place,
        "contracts/sales.shops.odcs.yaml",
        HEAD.format(name="shops") + "      - {name: id, physicalType: BIGINT}\n",
    )
    write(place, "contracts/sales.orders.odcs.yaml", contract())
    for day in range(1, DAYS + 1):
        deliver(place, day)
    return place


def deliver(place: Place, day: int, *, rows: int = 100, plus: float = 0) -> None:
    """A day's file: amounts that repeat, so that days are alike."""
    moment = f"2024-03-{day:02}"
    lines = [f"{moment},{number % 3},{number % 50 + plus}" for number in range(rows)]
    write(place, f"data/{moment}.csv", "\n".join(["day,shop,amount", *lines]) + "\n")


def run(place: Place, day: int) -> Any:
    return place.penstock("run", "--until", f"2024-03-{day:02}", exits=None)


def everything(place: Place, *arguments: str) -> str:
    """All that a command says, however it ends."""
    said = place.penstock(*arguments, exits=None)
    return said.out + said.err


def quality(place: Place, *arguments: str) -> Any:
    return place.penstock("quality", *arguments, "--json").result


def states(result: Any) -> dict[str, str]:
    (dataset,) = (one for one in result["datasets"] if one["dataset"] == "sales.orders")
    return {check["check"]: check["state"] for check in dataset["checks"]}


def test_what_checks_found_is_kept_from_run_to_run(shop: Place) -> None:
    for day in (4, 5, 6, 7):
        assert run(shop, day).code == 0
    first = quality(shop, "sales.orders")
    assert states(first) == {
        "not_null:day": "passed", "relation:shop": "passed", "not_null:amount": "passed", "drift:amount": "passed",
        "row_count:": "passed", "volume:": "passed", "freshness:day": "passed",
    }  # fmt: skip
    deliver(shop, 7, rows=40, plus=30)
    write(shop, "pipelines/sales/shops.sql", SHOPS)
    assert run(shop, 8).code == 0
    later = quality(shop)
    assert {name for name, state in states(later).items() if state == "failed"} == {"drift:amount", "volume:"}
    assert [one["score"] for one in later["history"][:2]] == ["86.66", "100.00"]
    assert float(later["score"]) < float(first["score"])
    check = next(one for one in later["datasets"][0]["checks"] if one["check"] == "volume:")
    assert (check["interval"], check["total_rows"], check["passed"]) == ("2024-03-07/2024-03-08", 40, False)
    shop.penstock("doctor")


def test_what_nobody_can_judge_of_rows_that_are_there_is_no_failure_of_their_contract(shop: Place) -> None:
    for day in range(1, 3):
        deliver(shop, day)
    run(shop, 3)
    found = shop.penstock("contract", "check", "sales.orders", "--no-schema", "--no-schema", "--json").result
    one = found["contracts"]["sales.orders"]
    assert one["outcome"] == "holds"
    assert any(name.startswith("freshness") for name in one["not_judged"])


def test_an_interval_that_is_made_anew_is_as_fresh_as_its_new_rows(tmp_path: Path) -> None:
    """Both days were one slice before: what was newest then may be gone now."""
    place = Place(tmp_path / "project", tmp_path / "keys")
    place.keys.mkdir(parents=True)
    write(place, "penstock.yaml", "name: shop\n")
    write(place, "pipelines/ops/pipeline.yaml", "owner: us\nschedule: manual\nstart: 2024-05-01\nend: 2024-05-03\n")
    source = "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [id, seen_at]\n"
    write(place, "pipelines/ops/ev.source.yaml", source + "corrections: take\n")
    fresh = "slaProperties:\n  - {property: freshness, value: 8, unit: h, element: ev.seen_at}\n"
    columns = "".join(
        f"      - {{name: {name}, physicalType: {type_}}}\n"
        for name, type_ in (
            ("id", "VARCHAR"), ("seen_at", "TIMESTAMP"), ("_file", "VARCHAR"), ("_interval_start", "TIMESTAMP")
        )
    )  # fmt: skip
    head = HEAD.replace("sales.", "ops.").format(name="ev")
    write(place, "contracts/ops.ev.odcs.yaml", head + columns + fresh)
    for day in ("2024-05-01", "2024-05-02"):
        write(place, f"data/{day}.csv", f"id,seen_at\n1,{day} 20:00:00\n")
    place.penstock("run")
    write(place, "data/2024-05-02.csv", "id,seen_at\n1,2024-05-02 01:00:00\n")
    said = place.penstock("run", "--json", exits=3)
    assert "2024-05-02 01:00" in str(said.findings[0])


def test_a_relation_waits_for_the_other_dataset_and_stops_rows_that_refer_to_nothing(shop: Place) -> None:
    write(shop, "contracts/sales.orders.odcs.yaml", contract(severity="error"))
    write(shop, "pipelines/sales/shops.sql", SHOPS.replace("range(3)", "range(2)"))
    said = shop.penstock("run", "sales.orders", "--until", "2024-03-04", exits=3)
    assert "(shop) stands in sales.shops as (id)" in said.out
    write(shop, "pipelines/sales/shops.sql", SHOPS)
    assert run(shop, 4).code == 0


def test_rows_that_are_there_are_held_to_a_check_that_their_contract_gains(shop: Place) -> None:
    deliver(shop, 2, rows=10)
    assert run(shop, 5).code == 0
    write(shop, "contracts/sales.orders.odcs.yaml", contract(least=9))
    assert "gained checks" in everything(shop, "plan", "--until", "2024-03-05")
    assert run(shop, 5).code == 0
    assert "gained checks" not in everything(shop, "plan", "--until", "2024-03-05")
    write(shop, "contracts/sales.orders.odcs.yaml", contract(least=350))
    refused = run(shop, 6)
    assert (refused.code, shop.penstock("runs", "--json").result["runs"][0]["state"]) == (1, "published")
    assert "check.not_held" in refused.err
    assert "2024-03-01/2024-03-05" in refused.err


def test_a_number_of_rows_is_promised_of_each_interval_however_many_are_built_together(shop: Place) -> None:
    few = contract().replace("mustBeGreaterThan: 0}", "mustBeLessThan: 150}")
    write(shop, "contracts/sales.orders.odcs.yaml", few)
    assert run(shop, 4).code == 0  # three days of a hundred rows in one task
    assert states(quality(shop))["row_count:"] == "passed"
    checked = shop.penstock("contract", "check", "sales.orders", "--no-schema", "--json").result["contracts"][
        "sales.orders"
    ]
    assert (checked["outcome"], checked["rows"]) == ("holds", 300)
    write(shop, "contracts/sales.orders.odcs.yaml", few.replace("mustBeLessThan: 150", "mustBeLessThan: 90"))
    failed = shop.penstock("contract", "check", "sales.orders", "--no-schema", exits=1)
    assert "3 of 3 intervals: 2024-03-01 00:00 100 rows" in failed.out
    assert "check.not_held" in run(shop, 4).err


def test_a_key_is_held_unique_in_its_interval_by_a_run_and_in_all_that_is_built_by_check(shop: Place) -> None:
    keyed = contract().replace(
        "    quality:\n      - {metric: rowCount",
        "    quality:\n      - {metric: duplicateValues, arguments: {properties: [shop, amount]}, mustBe: 0,\n"
        "         severity: warning}\n      - {metric: rowCount",
    )
    write(shop, "contracts/sales.orders.odcs.yaml", keyed)
    for day in (2, 3):
        assert run(shop, day).code == 0
        assert states(quality(shop))["unique:shop,amount"] == "passed"
    said = shop.penstock("contract", "check", "sales.orders", "--no-schema").out
    assert "no two rows share (shop, amount): not so in 100 of 200 rows" in said


def test_a_check_that_only_warns_is_not_held_against_what_is_there(shop: Place) -> None:
    assert run(shop, 4).code == 0
    warned = contract().replace("mustBeGreaterThan: 0}", "mustBeGreaterThan: 5000, severity: warning}")
    write(shop, "contracts/sales.orders.odcs.yaml", warned)
    assert run(shop, 4).code == 0
    assert run(shop, 5).code == 0
    assert states(quality(shop))["row_count:"] == "failed"


def test_a_contract_that_lost_a_check_and_gains_it_again_holds_what_was_built_between(shop: Place) -> None:
    write(shop, "contracts/sales.orders.odcs.yaml", contract(least=50))
    assert run(shop, 4).code == 0
    deliver(shop, 4, rows=10)
    write(shop, "contracts/sales.orders.odcs.yaml", contract())
    assert run(shop, 5).code == 0
    write(shop, "contracts/sales.orders.odcs.yaml", contract(least=50))
    refused = run(shop, 5)
    assert refused.code == 1
    assert "2024-03-04/2024-03-05" in refused.err


def test_building_what_offends_again_mends_it(shop: Place) -> None:
    assert run(shop, 4).code == 0
    deliver(shop, 4, rows=10)
    assert run(shop, 5).code == 0
    write(shop, "contracts/sales.orders.odcs.yaml", contract(least=50))
    assert run(shop, 5).code == 1
    deliver(shop, 4)
    names = ("sales.raw", "--start", "2024-03-04", "--end", "2024-03-05")
    digest = shop.penstock("backfill", *names, "--json").result["digest"]
    shop.penstock("backfill", *names, "--digest", digest)
    assert run(shop, 5).code == 0


def test_check_says_what_a_contract_refers_to_that_is_not_there(shop: Place) -> None:
    write(shop, "contracts/sales.orders.odcs.yaml", contract().replace("sales.shops.id", "sales.shop.id"))
    assert "perhaps sales.shops" in everything(shop, "check")
    write(shop, "contracts/sales.orders.odcs.yaml", contract().replace("sales.shops.id", "sales.shops.nr"))
    assert "project.unknown_column" in everything(shop, "check")


def test_check_refuses_distributions_on_postgres_by_name(shop: Place) -> None:
    write(shop, "penstock.yaml", "name: shop\nwarehouse: postgres\n")
    assert "check.not_on_postgres" in everything(shop, "check")
