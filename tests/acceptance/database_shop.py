"""A project whose pipeline reads a table of orders in a database, in each of the ways there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock_places import Place

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "SHOP_DATABASE"
PIPELINE = """\
owner: shop-team
schedule: manual
start: 2024-01-01
end: 2024-01-11
"""
SOURCE = """\
description: Orders as the shop keeps them.
format: database
engine: {engine}
connection: {variable}
table: {table}
columns:
  id: BIGINT
  state: VARCHAR
  price: DECIMAL(12,2)
  changed_at: TIMESTAMP
  day: DATE
{mode}"""
MODES = {
    "all_orders": "",
    "daily_orders": "interval: day(day)\nbatch: 2\n",
    "new_orders": "cursor: changed_at\noverlap: 1h\nkey: [id]\n",
}
TOTALS = """\
/* penstock
description: What orders are worth, by state.
materialize: table
*/
SELECT state, sum(price) AS worth, count(*) AS orders
FROM shop.all_orders
GROUP BY state
"""


def database_shop(folder: Path, engine: str, table: str, *names: str) -> Place:
    """The project, with the sources named (all, if none are)."""
    pipeline = folder / "project" / "pipelines" / "shop"
    pipeline.mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "project" / "penstock.yaml").write_text("name: shop\n")
    (pipeline / "pipeline.yaml").write_text(PIPELINE)
    for name, mode in MODES.items():
        if name in names or not names:
            text = SOURCE.format(engine=engine, variable=VARIABLE, table=table, mode=mode)
            (pipeline / f"{name}.source.yaml").write_text(text)
    if not names:
        (pipeline / "totals.sql").write_text(TOTALS)
    return Place(folder / "project", folder / "keys")
