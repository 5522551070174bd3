"""What a review finds only by running: a real project fails these gates, and what they ask for clears them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY, shop
from penstock_places import AUTHOR, Place

from penstock.policy.gates import REVIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

STORY = """\
---
id: SHOP-2
title: The first order of the day
kind: change
pipeline: shop
author: {kind: files, directory: SHOP-2}
schedule: "%s"
impact: {shop.daily_orders: none, shop.first_order: new}
---

Which order came first, and daily orders in another way.
"""
DAILY_ORDERS, PIPELINE = "pipelines/shop/daily_orders.sql", "pipelines/shop/pipeline.yaml"
FIRST_ORDER = """\
/* penstock
description: One order of each day.
materialize: table
*/
SELECT CAST(ordered_at AS DATE) AS day, %s AS order_id
FROM shop.stg_orders
GROUP BY ALL
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.first_order
name: shop.first_order
version: 1.0.0
status: active
description:
  purpose: One order of each day.
team:
  name: shop-team
schema:
  - name: first_order
    physicalName: shop.first_order
    logicalType: object
    properties:
      - {name: day, description: The day., logicalType: date, physicalType: DATE, required: true}
      - {name: order_id, description: The order., logicalType: integer, physicalType: BIGINT, required: true}
"""
MULTIPLIED = "(SELECT stg.* FROM shop.stg_orders AS stg JOIN range(99000) AS copy(n) ON n = coalesce(order_id, 0) % 1)"


@pytest.fixture
def place(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    """A copy of the small shop with SHOP-1 in production."""
    folder = once("trusted_shop", shop)
    return Place(folder / "project", folder / "keys").copied(tmp_path)


def write(place: Place, schedule: str, files: Mapping[str, str]) -> None:
    """The story, and the files that its author wrote."""
    standing = (place.root / PIPELINE).read_text()
    assert standing.count("0 6 * * *") == 1
    texts = {
        **files,
        PIPELINE: standing.replace("0 6 * * *", schedule),
        "contracts/shop.first_order.odcs.yaml": CONTRACT,
    }
    for path, text in texts.items():
        target = place.root / "stories" / "SHOP-2" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (place.root / "stories" / "SHOP-2.md").write_text(STORY % schedule)


def test_chance_cost_and_lateness_are_refused_until_they_are_mended(place: Place) -> None:
    standing = (place.root / DAILY_ORDERS).read_text()
    assert standing.count("shop.stg_orders") == 1
    costly = standing.replace("shop.stg_orders", f"{MULTIPLIED} AS stg_orders")
    write(
        place,
        "30 8 * * *",
        {DAILY_ORDERS: costly, "pipelines/shop/first_order.sql": FIRST_ORDER % "any_value(order_id)"},
    )
    said = place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=1).out
    assert f"{len(REVIEW) - 3} of {len(REVIEW)} gates hold" in said
    for part in (
        "(gate.unrepeatable_build)", "two builds of shop.first_order over everything from the same inputs differ",
        "(gate.costlier_run)", "shop.daily_orders would handle",
        "(gate.missed_sla)", "shop would not be ready by 07:00 Europe/London",
    ):  # fmt: skip
        assert part in said

    kept = standing.replace("FROM shop.stg_orders", "FROM shop.stg_orders AS stg_orders")
    write(place, "0 5 * * *", {DAILY_ORDERS: kept, "pipelines/shop/first_order.sql": FIRST_ORDER % "min(order_id)"})
    said = place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4).out
    assert f"{len(REVIEW)} of {len(REVIEW)} gates hold" in said
