"""A small shop: five days of orders (gzip) and visits (plain), a story that brings both in, and one that changes it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from penstock_places import AUTHOR, REVIEWER, Place

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ("2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08")
NEW_DAY = "2024-03-09"
"""The day whose files come after everything was delivered; tests break them."""

SETTINGS = "name: shop\npolicy:\n  approvals: 1\n"
STORY = """\
---
id: SHOP-1
title: Orders and visits by day
kind: new
pipeline: shop
owner: shop-team
schedule: "0 6 * * *"
timezone: Europe/London
start: 2024-03-04
sla: {ready_by: "07:00"}
retention: 2 years
sources:
  orders:
    description: Orders of the shop, one file a day.
    path: data/orders/{interval_start:%Y-%m-%d}.csv.gz
    interval: day
    columns:
      OrderId: {name: order_id, type: BIGINT, required: true, example: "1", description: The order's number.}
      OrderedAt:
        {name: ordered_at, type: TIMESTAMP, required: true, event_time: true, example: "2024-03-04 09:30:00",
         description: When it was ordered.}
      Amount: {name: amount, type: "DECIMAL(9,2)", required: true, example: "3.50", description: What was paid.}
  visits:
    description: Visits of the shop's pages, one file a day.
    path: data/visits/{interval_start:%Y-%m-%d}.csv
    interval: day
    columns:
      VisitId: {name: visit_id, type: BIGINT, required: true, example: "1", description: The visit's number.}
      VisitedAt:
        {name: visited_at, type: TIMESTAMP, required: true, event_time: true, example: "2024-03-04 09:30:00",
         description: When the visit began.}
      Page: {name: page, type: VARCHAR, required: true, example: home, description: The page seen first.}
datasets:
  daily_orders:
    from: orders
    description: Orders by day.
    grain:
      day: {sql: CAST(ordered_at AS DATE), description: The day of the order.}
    measures:
      revenue: {sql: sum(amount), type: "DECIMAL(18,2)", description: What was paid.}
      orders: {sql: count(*), type: BIGINT, description: How many orders.}
  daily_visits:
    from: visits
    description: Visits by day.
    grain:
      day: {sql: CAST(visited_at AS DATE), description: The day of the visit.}
    measures:
      visits: {sql: count(*), type: BIGINT, description: How many visits.}
acceptance:
  A1: {text: No day takes in less than nothing., sql: SELECT day FROM shop.daily_orders WHERE revenue < 0}
observe_intervals: 1
---

# Orders and visits by day

Every morning we want to know what the shop took in on the day before, and how many people looked.
"""
NEXT_STORY = """\
---
id: SHOP-2
title: Only paid orders
kind: change
pipeline: shop
sources:
  orders:
    keep: {only orders that were paid: amount > 0}
impact:
  shop.stg_orders: {rows: "-90%..0%", columns: {amount: any, order_id: any}}
  shop.stg_orders_counts: {columns: {kept: any, staged: any}}
  shop.daily_orders: {columns: {orders: "-90%..0%"}}
acceptance:
  A1: {text: Nothing is staged that was not paid., sql: SELECT order_id FROM shop.stg_orders WHERE amount <= 0}
---

# Only paid orders

Vouchers are no orders.
"""

QUERY = "pipelines/shop/daily_orders.sql"
FEE_STORY = """\
---
id: SHOP-9
title: A fee on small orders
kind: change
pipeline: shop
author: {kind: branch, branch: feature/fee}
impact:
  shop.daily_orders: {columns: {revenue: "0%..5%"}}
observe_intervals: 0
---

# A fee on small orders

Whoever pays one pound fifty pays ten pence more.
"""


def orders_text(day: str) -> str:
    number = int(day[-2:])
    lines = [f"{number}{n},{day} 1{n}:00:00,{n}.50" for n in range(4)] + [f"{number}9,{day} 19:00:00,0.00"]
    return "OrderId,OrderedAt,Amount\n" + "\n".join(lines) + "\n"


def visits_text(day: str) -> str:
    number = int(day[-2:])
    return "VisitId,VisitedAt,Page\n" + "".join(f"{number}{n},{day} 0{n}:00:00,home\n" for n in range(5))


def orders_file(place: Place, day: str = NEW_DAY) -> Path:
    return place.root / "data" / "orders" / f"{day}.csv.gz"


def visits_file(place: Place, day: str = NEW_DAY) -> Path:
    return place.root / "data" / "visits" / f"{day}.csv"


def write_day(place: Place, day: str) -> None:
    for path, data in (
        (orders_file(place, day), gzip.compress(orders_text(day).encode(), mtime=0)),
        (visits_file(place, day), visits_text(day).encode()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def unbuilt_shop(folder: Path) -> Place:
    """The shop's files and stories in a fresh repository; nothing is delivered yet."""
    place = Place(folder / "project", folder / "keys")
    (place.root / "stories").mkdir(parents=True)
    (place.root / "penstock.yaml").write_text(SETTINGS)
    (place.root / "stories" / "SHOP-1.md").write_text(STORY)
    (place.root / "stories" / "SHOP-2.md").write_text(NEXT_STORY)
    for day in (*DAYS, NEW_DAY):
        write_day(place, day)
    return place.repository()


def shop(folder: Path) -> Place:
    """The shop with SHOP-1 delivered over the first five days."""
    place = unbuilt_shop(folder)
    place.penstock("deliver", "stories/SHOP-1.md", "--as", AUTHOR, "--until", DAYS[-1], exits=4)
    place.penstock("change", "approve", "SHOP-1", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-1", "--until", NEW_DAY)
    return place


def approved_fee(place: Place) -> None:
    """Bring SHOP-9, a fee that somebody wrote on a branch, to its approval; it is not deployed."""
    place.git("switch", "--quiet", "--create", "feature/fee")
    path = place.root / QUERY
    path.write_text(path.read_text().replace("sum(amount)", "sum(amount + if(amount = 1.50, 0.10, 0))"))
    place.commit("A fee")
    place.git("switch", "--quiet", "main")
    (place.root / "stories" / "SHOP-9.md").write_text(FEE_STORY)
    place.penstock("key", "new", "other", "--role", "approver")
    place.commit("A story, and a key")
    place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4)
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
