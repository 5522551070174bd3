"""Great Expectations beside Penstock: a contract as its suite, its suites as a gate, its results in the history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from penstock_places import Place
from runs_shop import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("great_expectations")]

STAGED, REVENUE, BEST = "shop.stg_orders", "shop.daily_revenue", "shop.best_day"
GATE = """\
great_expectations:
  - {dataset: shop.stg_orders, suite: gx/expectations/shop.stg_orders.json, rows: 100}
  - {dataset: shop.stg_orders, suite: gx/expectations/hints.json}
  - {dataset: shop.daily_revenue, checkpoint: gx/checkpoints/nightly.json}
"""


def suite(name: str, *expectations: dict[str, Any]) -> str:
    return json.dumps({"name": name, "expectations": list(expectations), "meta": {}})


def rows_between(low: int, high: int, severity: str) -> dict[str, Any]:
    kwargs = {"min_value": low, "max_value": high}
    return {"type": "expect_table_row_count_to_be_between", "kwargs": kwargs, "severity": severity, "meta": {}}


@pytest.fixture(scope="session")
def built_with_suites(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The starter project, held to an exported suite, to one that only warns, and to a checkpoint that fails."""
    folder = once("built_with_suites", _build)
    return Place(folder / "project", folder / "keys")


def _build(folder: Path) -> None:
    Place(folder, folder / "keys").spawn("init", "project")
    place = Place(folder / "project", folder / "keys")
    place.keys.mkdir(exist_ok=True)
    place.penstock("contract", "export", STAGED, "--to", "great-expectations")
    settings = (place.root / "penstock.yaml").read_text()
    write(place, "penstock.yaml", settings + GATE)
    write(place, "gx/expectations/hints.json", suite("hints", rows_between(1000, 2000, "warning")))
    write(place, "gx/expectations/few.json", suite("few", rows_between(1000, 2000, "critical")))
    write(place, "gx/validation_definitions/v.json", json.dumps({"name": "v", "suite": {"name": "few"}}))
    write(place, "gx/checkpoints/nightly.json", json.dumps({"name": "c", "validation_definitions": [{"name": "v"}]}))
    said = place.spawn("run", "--until", "2024-03-04", exits=3)
    (folder / "said").write_text(said.out + said.err)


@pytest.fixture
def shop(built_with_suites: Place, tmp_path: Path) -> Place:
    return built_with_suites.copied(tmp_path)


def checks(place: Place, dataset: str) -> dict[str, dict[str, Any]]:
    found = place.penstock("quality", dataset, "--json").result["datasets"]
    return {check["check"]: check for one in found for check in one["checks"]}


# -- the gate ---------------------------------------------------------------------------------------------------------


def test_a_suite_that_holds_lets_the_rows_through_and_stands_beside_our_own_checks(shop: Place) -> None:
    found = checks(shop, STAGED)
    own = {name: one for name, one in found.items() if not name.startswith("great_expectations")}
    exported = {name: one for name, one in found.items() if name.startswith("great_expectations:shop.stg_orders")}
    assert len(exported) == len(own) + 1
    assert {one["state"] for one in (*own.values(), *exported.values())} == {"passed"}
    assert all(one["published"] for one in found.values())


def test_an_expectation_that_only_warns_is_told_and_stops_nothing(shop: Place) -> None:
    hint = checks(shop, STAGED)["great_expectations:hints:table_row_count_to_be_between"]
    assert (hint["state"], hint["severity"], hint["published"]) == ("failed", "warning", True)
    assert hint["found"] == "observed 6"


def test_a_critical_one_that_fails_keeps_the_rows_from_everyone(shop: Place, built_with_suites: Place) -> None:
    said = (built_with_suites.root.parent / "said").read_text()
    assert "few: table row count to be between: not so" in said
    few = checks(shop, REVENUE)["great_expectations:few:table_row_count_to_be_between"]
    assert (few["state"], few["severity"], few["published"]) == ("failed", "error", False)
    assert shop.penstock("query", f"SELECT * FROM {REVENUE}", exits=2).code == 2


def test_more_rows_than_the_entry_allows_are_refused_with_what_to_do(shop: Place) -> None:
    settings = (shop.root / "penstock.yaml").read_text()
    write(shop, "penstock.yaml", settings.replace("nightly.json}", "nightly.json, rows: 1}"))
    said = shop.spawn("run", "--until", "2024-03-04", exits=3)
    assert "more than Great Expectations is handed" in said.out + said.err


def test_check_says_which_suites_cannot_be_used(shop: Place) -> None:
    (shop.root / "gx" / "expectations" / "hints.json").unlink()
    settings = (shop.root / "penstock.yaml").read_text()
    found = shop.penstock("check", "--json", exits=2).findings
    assert [(one["code"], one["place"]["file"]) for one in found] == [
        ("expectations.no_suite", "gx/expectations/hints.json")
    ]
    write(shop, "penstock.yaml", settings.replace("shop.daily_revenue", "shop.nothing"))
    assert [one["code"] for one in shop.penstock("check", "--json", exits=2).findings] == [
        "project.suite_without_dataset"
    ]


# -- export -----------------------------------------------------------------------------------------------------------


def test_an_exported_suite_is_written_over_and_somebody_elses_is_not(shop: Place) -> None:
    said = shop.penstock("contract", "export", STAGED, "--to", "great-expectations", "--json")
    assert said.result["file"] == "gx/expectations/shop.stg_orders.json"
    written = (shop.root / said.result["file"]).read_text()
    assert json.loads(written) == said.result["suite"]
    theirs = "gx/expectations/few.json"
    before = (shop.root / theirs).read_text()
    refused = shop.penstock(
        "contract", "export", STAGED, "--to", "great-expectations", "--out", theirs, "--json", exits=2
    )
    assert [one["code"] for one in refused.findings] == ["expectations.foreign_file"]
    assert (shop.root / theirs).read_text() == before


def test_an_export_says_what_is_left_out(shop: Place) -> None:
    path = shop.root / "contracts" / f"{BEST}.odcs.yaml"
    rule = "    quality:\n      - {type: custom, engine: penstock, implementation: {check: volume}}\n"
    text = path.read_text()
    head, properties, rest = text.partition("    properties:\n")
    path.write_text(f"{head}{rule}{properties}{rest}")
    said = shop.penstock("contract", "export", BEST, "--to", "great-expectations", "--out", "best.json")
    assert "nothing of the same meaning, because it depends on earlier intervals" in said.out


# -- results ----------------------------------------------------------------------------------------------------------


def result(success: bool, found: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {"success": success, "expectation_config": config, "result": found, "exception_info": {}}


def test_results_from_elsewhere_stand_in_the_history_under_their_tools_name(shop: Place, tmp_path: Path) -> None:
    document = {
        "success": False,
        "suite_name": "nightly",
        "meta": {"validation_time": "2026-01-02T05:00:00+02:00"},
        "results": [
            result(
                False,
                {"element_count": 40, "unexpected_count": 3, "partial_unexpected_list": ["hunter2"]},
                type="expect_column_values_to_be_in_set",
                kwargs={"column": "product", "value_set": ["tea"]},
                severity="warning",
            ),
            result(True, {"observed_value": 40}, type="expect_table_row_count_to_equal", kwargs={"value": 40}),
        ],
    }
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document))
    before = checks(shop, STAGED)
    assert "imported 2 result(s)" in shop.penstock("quality", STAGED, "--import", str(path)).out
    after = checks(shop, STAGED)
    assert {name: one for name, one in after.items() if name in before} == before
    told = after["great_expectations:nightly:column_values_to_be_in_set:product"]
    assert (told["state"], told["severity"], told["failed_rows"], told["total_rows"]) == ("failed", "warning", 3, 40)
    assert (told["source"], told["at"], told["published"]) == ("result.json", "2026-01-02T03:00:00+00:00", False)
    assert len(after) == len(before) + 2
    assert "hunter2" not in shop.penstock("quality", STAGED, "--json").out
    assert "imported from result.json" in shop.penstock("quality").out
    assert shop.penstock("doctor").code == 0


def test_the_same_results_again_count_once_even_where_they_tell_no_moment(shop: Place, tmp_path: Path) -> None:
    found = result(True, {"observed_value": 40}, type="expect_table_row_count_to_equal", kwargs={"value": 40})
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    first.write_text(json.dumps({"suite_name": "undated", "results": [found]}))
    again.write_text(json.dumps({"results": [found], "suite_name": "undated"}, indent=2))
    assert "imported 1 result(s)" in shop.penstock("quality", STAGED, "--import", str(first)).out
    before = checks(shop, STAGED)["great_expectations:undated:table_row_count_to_equal"]
    for file in (first, again):
        said = shop.penstock("quality", STAGED, "--import", str(file)).out
        assert "imported 0 result(s)" in said
        assert "1 were there already" in said
    after = checks(shop, STAGED)["great_expectations:undated:table_row_count_to_equal"]
    assert after == before
    assert after["source"] == "first.json"


def test_a_file_without_results_is_refused(shop: Place, tmp_path: Path) -> None:
    for text in ("{}", "no JSON", '{"results": [1], "suite_name": "x"}'):
        (tmp_path / "r.json").write_text(text)
        said = shop.penstock("quality", STAGED, "--import", str(tmp_path / "r.json"), "--json", exits=2)
        assert said.findings[0]["code"] in {"expectations.no_results", "expectations.unreadable"}
    assert "needs the DATASET" in shop.penstock("quality", "--import", "r.json", exits=2).err
