"""`penstock test --mutate` on the project that `penstock init` makes, and on a Python task beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from penstock_places import Place

if TYPE_CHECKING:
    from pathlib import Path

TESTS = "tests/shop.daily_revenue.test.yaml"


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    place = Place(tmp_path, tmp_path / "keys")
    place.penstock("init", "shop")
    return Place(tmp_path / "shop", tmp_path / "keys")


def only(place: Place, *arguments: str, exits: int = 0) -> dict[str, Any]:
    said = place.penstock("test", "--mutate", "shop.daily_revenue", "--json", *arguments, exits=exits)
    (score,) = said.result["datasets"]
    return dict(score)


def test_the_score_and_each_fault_let_through_are_shown_with_the_test_that_would_notice(shop: Place) -> None:
    text = shop.penstock("test", "--mutate", "shop.daily_revenue").out
    score = only(shop)
    assert 0 < score["score"] < 1
    assert text.startswith(f"shop.daily_revenue: {int(score['score'] * 1000) / 10:g} % (")
    assert (
        "pipelines/shop/daily_revenue.sql:11: filter dropped not noticed: without ordered_at >= $interval_start\n"
        in text
    )
    assert "    | WHERE ordered_at >= $interval_start AND ordered_at < $interval_end\n" in text
    assert "    this test would notice:\n      - name: " in text
    survivors = [mutant for mutant in score["mutants"] if mutant["fate"] == "survived"]
    assert len(survivors) == score["survived"] > 0
    assert all(mutant["test"]["text"].startswith("  - name: ") for mutant in survivors)
    killers = {mutant["killed_by"] for mutant in score["mutants"] if mutant["fate"] == "killed"}
    assert killers <= {"an order with two lines counts once", "a day without orders has no row"}


def test_added_tests_pass_and_notice_what_was_let_through(shop: Place) -> None:
    before = (shop.root / TESTS).read_text()
    said = shop.penstock("test", "--mutate", "shop.daily_revenue", "--add")
    assert f"wrote {TESTS}" in said.out
    after = (shop.root / TESTS).read_text()
    assert after.startswith(before)
    assert len(after) > len(before)
    tested = shop.penstock("test", "shop.daily_revenue", "--json").result
    assert tested["passed"] > 2
    assert tested["failed"] == 0
    shop.penstock("check")
    again = shop.penstock("test", "--mutate", "shop.daily_revenue", "--add", "--min-score", "100")
    assert again.out.startswith("shop.daily_revenue: 100 % (")
    assert "wrote" not in again.out
    assert (shop.root / TESTS).read_text() == after


def test_a_score_below_the_one_asked_for_ends_with_1_and_says_which(shop: Place) -> None:
    said = shop.penstock("test", "--mutate", "shop.daily_revenue", "--min-score", "99", "--json", exits=1)
    assert [finding["code"] for finding in said.findings] == ["test.low_score"]
    assert said.findings[0]["expected"] == "at least 99 %"
    shop.penstock("test", "--mutate", "shop.daily_revenue", "--min-score", "5")


def test_all_datasets_are_looked_at_and_a_python_task_is_said_not_to_be(shop: Place) -> None:
    said = shop.penstock("test", "--mutate", "--most", "6", "--json")
    scores = {score["dataset"]: score for score in said.result["datasets"]}
    assert set(scores) == {"shop.stg_orders", "shop.daily_revenue", "shop.best_day"}
    assert scores["shop.best_day"]["skipped"] == "not mutated: it is a python task, and only SQL is"
    assert scores["shop.daily_revenue"]["left_out"] > 0
    assert scores["shop.stg_orders"]["tests"] == 0
    assert scores["shop.stg_orders"]["score"] == 0
    assert said.result["written"] == []


def test_a_new_test_file_is_written_for_a_dataset_without_one(shop: Place) -> None:
    said = shop.penstock("test", "--mutate", "shop.stg_orders", "--add", "--json")
    assert said.result["written"] == ["tests/shop.stg_orders.test.yaml"]
    assert shop.penstock("test", "shop.stg_orders", "--json").result["failed"] == 0
    assert shop.penstock("test", "--mutate", "shop.stg_orders", "--json").result["score"] == 1


def test_tests_that_fail_before_any_fault_end_with_1(shop: Place) -> None:
    file = shop.root / TESTS
    file.write_text(file.read_text().replace('"9.20"', '"9.30"'))
    said = shop.penstock("test", "--mutate", "shop.daily_revenue", "--json", exits=1)
    assert [finding["code"] for finding in said.findings] == ["test.fails_before"]
    assert json.loads(said.out)["result"]["datasets"][0]["mutants"] == []


def test_a_test_file_that_cannot_be_added_to_stays_as_it_is(shop: Place) -> None:
    file = shop.root / TESTS
    text = file.read_text().replace("dataset: shop.daily_revenue\n", "") + "dataset: shop.daily_revenue\n"
    file.write_text(text)
    said = shop.penstock("test", "--mutate", "shop.daily_revenue", "--add", "--json")
    assert [finding["code"] for finding in said.findings] == ["test.not_added"]
    assert file.read_text() == text


def test_what_goes_with_mutate_alone_is_refused_without_it(shop: Place) -> None:
    assert "go with --mutate" in shop.penstock("test", "--add", exits=2).err
    assert "there is no dataset shop.gone" in shop.penstock("test", "--mutate", "shop.gone", exits=2).err
    assert "two commands" in shop.penstock("test", "--mutate", "--slices", exits=2).err
