"""A change whose rows are the same as before goes through review only if something went through what it changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

STORY = """\
---
id: SHOP-9
title: Refunds are no revenue
kind: change
pipeline: shop
author: {{kind: files, directory: SHOP-9}}
impact:
  shop.daily_orders: {impact}
acceptance:
  A1: {{text: A day has orders., sql: SELECT day FROM shop.daily_orders WHERE orders < 1}}
---

# Refunds are no revenue

Refunds come as orders with a negative amount. They are counted elsewhere.
"""
QUERY, TESTS = "pipelines/shop/daily_orders.sql", "tests/shop.daily_orders.test.yaml"
CASE = """\
  - name: "a refund is no revenue"
    interval: 2024-03-04/2024-03-05
    given:
      shop.stg_orders:
        - {ordered_at: "2024-03-04 09:30:00", amount: "3.50"}
        - {ordered_at: "2024-03-04 10:30:00", amount: "-1.00"}
    expect:
      - {day: 2024-03-04, revenue: "3.50", orders: 2}
"""


@pytest.fixture
def place(running_shop: Place, tmp_path: Path) -> Place:
    return running_shop.copied(tmp_path)


def change(place: Place, was: str, now: str, impact: str = "none", cases: str = "") -> str:
    """A story that puts one text for another in the query of daily orders; its path."""
    folder = place.root / "stories" / "SHOP-9"
    query, tests = ((place.root / path).read_text() for path in (QUERY, TESTS))
    assert was in query
    for path, text in ((QUERY, query.replace(was, now)), (TESTS, tests + cases)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (place.root / "stories" / "SHOP-9.md").write_text(STORY.format(impact=impact))
    return "stories/SHOP-9.md"


def deliver(place: Place, story: str, exits: int) -> str:
    said = place.penstock("deliver", story, "--as", AUTHOR, "--until", NEW_DAY, exits=exits)
    return said.out + said.err


REFUNDS = ("sum(amount)", "sum(amount) FILTER (WHERE amount > -1)")


def test_nothing_moved_and_no_row_went_through_it_is_refused_with_rows_that_would_differ(place: Place) -> None:
    said = deliver(place, change(place, *REFUNDS), exits=1)
    assert "vacuous_diff" in said
    assert "add a data test for shop.daily_orders, for instance shop.stg_orders with" in said
    review = json.loads((place.root / ".penstock/worktrees/SHOP-9/changes/SHOP-9/review.json").read_text())
    seen = review["exercise"]["shop.daily_orders"]
    assert seen["verdict"] == "equal but not exercised"
    assert float(seen["places"][0]["witness"]["given"]["shop.stg_orders"][0]["amount"]) <= -1


def test_with_a_data_test_of_such_rows_it_goes_on_and_the_dossier_still_says_so(place: Place) -> None:
    deliver(place, change(place, *REFUNDS, cases=CASE), exits=4)
    folder = place.root / ".penstock/worktrees/SHOP-9/changes/SHOP-9"
    seen = json.loads((folder / "review.json").read_text())["exercise"]["shop.daily_orders"]["places"][0]
    assert (seen["exercised"], seen["test"]) == (False, "a refund is no revenue")
    assert "rows or data tests went through 1" in (folder / "dossier.md").read_text()


def test_another_layout_is_proved_equal_and_nothing_is_built(place: Place) -> None:
    said = deliver(place, change(place, "sum(amount)", "sum( /* what was paid */ amount )"), exits=4)
    assert "datasets: none moves" in said
    assert "0 slices built" in said


def test_movement_outside_of_the_declared_rows_is_refused(place: Place) -> None:
    declared = "{columns: {revenue: 0%..100%}, where: \"day >= DATE '2024-03-06'\"}"
    doubled = "sum(CASE WHEN ordered_at >= TIMESTAMP '{}' THEN 2 ELSE 1 END * amount)"
    said = deliver(place, change(place, "sum(amount)", doubled.format("2024-03-05"), impact=declared), exits=1)
    assert "gate.impact_mismatch.outside" in said
    deliver(place, change(place, "sum(amount)", doubled.format("2024-03-06"), impact=declared), exits=4)


def test_a_diff_says_what_no_difference_is_worth(place: Place) -> None:
    place.penstock("run", "--until", NEW_DAY)
    query = place.root / QUERY
    query.write_text(query.read_text().replace(*REFUNDS))
    place.penstock("run", "--until", NEW_DAY)
    found = place.penstock("diff", "prod", "dev", "--json").result
    assert found["datasets"]["shop.daily_orders"]["changed"] == 0
    seen = found["exercise"]["shop.daily_orders"]
    assert seen["verdict"] == "equal but not exercised"
    assert seen["places"][0]["witness"]["given"]["shop.stg_orders"]
    said = place.penstock("diff", "prod", "dev").out
    assert "equal but not exercised; nothing went through 1 changed place(s)" in said
    assert place.penstock("diff", "prod", "dev", "--no-exercise", "--json").result["exercise"] == {}
