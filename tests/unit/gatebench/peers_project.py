"""A small project as files on disk: a source, a query over it, a view over that, a Python function and its reader."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from gatebench.peers.portable import Portable, read_portable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UNTIL = datetime(2024, 5, 5, tzinfo=UTC)
DAILY = """/* penstock
description: Paid orders by day.
materialize: incremental
interval: day(day)
*/
SELECT CAST(_interval_start AS DATE) AS day, count(*) AS orders, orders.status
FROM shop.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end -- $interval_end, a comment
GROUP BY ALL;
"""
SOURCE_COLUMNS = {"order_id": "VARCHAR", "status": "VARCHAR", "_file": "VARCHAR", "_interval_start": "TIMESTAMP"}
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/shop/pipeline.yaml": "owner: shop\nschedule: '0 6 * * *'\nstart: 2024-05-01\n",
    "pipelines/shop/orders.source.yaml": (
        "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [order_id, status]\n"
    ),
    "pipelines/shop/daily.sql": DAILY,
    "pipelines/shop/best.sql": (
        "/* penstock\nmaterialize: view\n*/\nSELECT day, {'a': {'b': 1}} AS nested FROM shop.daily AS d\n"
    ),
    "pipelines/shop/letters.py": (
        "from penstock import task\n\n\n@task(reads={'daily': 'shop.daily'}, materialize='table')\n"
        "def letters(daily):\n    return daily\n"
    ),
    "pipelines/shop/read_letters.sql": "/* penstock\nmaterialize: table\n*/\nSELECT day FROM shop.letters\n",
    "tests/shop.daily.test.yaml": """dataset: shop.daily
cases:
  - name: a day's orders, by status
    interval: 2024-05-02/2024-05-03
    given:
      shop.orders:
        - {order_id: "1", status: it's, _interval_start: "2024-05-02 00:00:00"}
    expect:
      - {day: 2024-05-02, orders: 1}
  - name: nothing
    given:
      shop.orders: []
    expect: []
""",
    "tests/shop.letters.test.yaml": (
        "dataset: shop.letters\ncases:\n  - {name: nothing, given: {shop.daily: []}, expect: []}\n"
    ),
}


def contract(dataset: str, columns: dict[str, str], more: str = "") -> str:
    """A contract that declares columns; `more` is YAML beneath its one table."""
    short = dataset.partition(".")[2]
    listed = "".join(f"      - {{name: {name}, {rest}}}\n" for name, rest in columns.items())
    return (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: {dataset}\nversion: 1.0.0\nstatus: active\nschema:\n"
        f"  - name: {short}\n    physicalName: {dataset}\n    properties:\n{listed}{more}"
    )


DAILY_CONTRACT = contract(
    "shop.daily",
    {
        "day": "physicalType: DATE, required: true, primaryKey: true, primaryKeyPosition: 1",
        "orders": (
            "physicalType: BIGINT, quality: [{metric: invalidValues, arguments: {minimum: 1}, mustBe: 0},"
            " {metric: nullValues, mustBeLessThan: 50, unit: percent}]"
        ),
        "status": (
            "physicalType: VARCHAR, primaryKey: true, primaryKeyPosition: 2,"
            " quality: [{metric: invalidValues, arguments: {validValues: [paid, open]}, mustBe: 0}]"
        ),
    },
    """    quality:
      - {name: Paid in May, type: sql, query: "SELECT count(*) FROM {object} WHERE day < DATE '2024-05-01'", mustBe: 0}
      - {metric: rowCount, mustBeGreaterThan: 1}
""",
)


def laid_out(folder: Path, changed: Mapping[str, str | None] = MappingProxyType({})) -> Path:
    """The project's files in a folder, with others instead of some of them, or None."""
    for name, text in {**FILES, "contracts/shop.daily.odcs.yaml": DAILY_CONTRACT, **changed}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def translated(folder: Path, changed: Mapping[str, str | None] = MappingProxyType({})) -> Portable:
    """What another tool is given of the project."""
    return read_portable(laid_out(folder, changed), UNTIL)
