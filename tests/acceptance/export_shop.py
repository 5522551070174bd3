"""A small shop whose datasets are exported: days built interval by interval, people, and every kind of value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock_places import Place

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ("2024-03-01", "2024-03-02", "2024-03-03")
ORDERS = """\
format: csv
path: data/{interval_start:%Y-%m-%d}.csv
interval: day
corrections: take
columns: [id, amount]
"""
DAILY = """\
/* penstock
description: What each order of a day came to.
materialize: incremental
interval: day(day)
*/
SELECT CAST(_interval_start AS DATE) AS day, CAST(id AS INTEGER) AS id, CAST(amount AS DECIMAL(9,2)) AS amount
FROM shop.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
"""
PEOPLE = """\
/* penstock
description: Who buys here.
materialize: table
*/
SELECT 1 AS id, 'ana@example.org' AS email, 'Ana' AS name
UNION ALL SELECT 2, 'bo@example.org', 'Bo'
"""
MAILED = """\
/* penstock
description: Whom to write to.
materialize: view
*/
SELECT id, lower(email) AS address FROM shop.people
"""
VALUES = """\
/* penstock
description: One column of each kind.
materialize: table
*/
SELECT 0 AS id, {first}
UNION ALL SELECT 1, {second}
UNION ALL SELECT 2, {last}
"""
FUNCTION = """\
import duckdb
from penstock import task


@task(reads={{}}, materialize="table")
def rich():
    \'\'\'One column of each kind.\'\'\'
    return duckdb.sql({query})
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.people
name: shop.people
version: 1.0.0
status: active
schema:
  - name: people
    physicalName: shop.people
    logicalType: object
    properties:
      - {name: id, logicalType: integer, physicalType: INTEGER}
      - {name: email, logicalType: string, physicalType: VARCHAR,
         customProperties: [{property: personalData, value: email}]}
      - {name: name, logicalType: string, physicalType: VARCHAR}
"""
KINDS = {
    "truth": ("BOOLEAN", "true", "false"),
    "small": ("TINYINT", "'-128'", "'127'"),
    "unsigned": ("UBIGINT", "'0'", "'18446744073709551615'"),
    "huge": ("HUGEINT", "'-99999999999999999999999999999999999999'", "'12345678901234567890123'"),
    "money": ("DECIMAL(18,4)", "'-0.0001'", "'12345678901234.5678'"),
    "ratio": ("DOUBLE", "'nan'", "'0.1'"),
    "infinite": ("FLOAT", "'-inf'", "'0.1'"),
    "word": ("VARCHAR", "''", "'naïve \"quoted\", 漢字 🌍\n''line''\r\nNULL'"),
    "day": ("DATE", "'0001-01-01'", "'9999-12-31'"),
    "clock": ("TIME", "'00:00:00'", "'23:59:59.999999'"),
    "moment": ("TIMESTAMP", "'1969-12-31 23:59:59.999999'", "'2024-03-31 01:30:00.000001'"),
    "zoned": ("TIMESTAMP WITH TIME ZONE", "'2024-03-31 01:30:00.123456+02'", "'2024-10-27 02:30:00+00'"),
    "identity": ("UUID", "'00000000-0000-0000-0000-000000000000'", "'6fa459ea-ee8a-3ca4-894e-db77e160355e'"),
    "document": ("JSON", "'{\"a\": [1, null]}'", "'\"\"'"),
}
"""Columns that every format holds: their type and two values; a third row is NULL throughout."""
ONLY_SOME = {"bytes": ("BLOB", "''::BLOB", "'\\x00\\xff'::BLOB")}
"""What CSV does not hold."""
NESTED = {
    "many": ("INTEGER[]", "[]", "[1, NULL]"),
    "record": ("STRUCT(a VARCHAR, b DECIMAL(9,2)[])", "{'a': NULL, 'b': [1.50]}", "{'a': '', 'b': NULL}"),
    "pairs": ("MAP(VARCHAR, BIGINT)", "MAP {}", "MAP {'é': 1}"),
}
"""What neither CSV nor Postgres hold."""


def values_sql(kinds: dict[str, tuple[str, str, str]]) -> str:
    """A query of three rows with a column of each kind."""
    first = [f'CAST({one} AS {type_}) AS "{name}"' for name, (type_, one, _) in kinds.items()]
    second = [f"CAST({other} AS {type_})" for type_, _, other in kinds.values()]
    last = ["NULL" for _ in kinds]
    return VALUES.format(first=", ".join(first), second=", ".join(second), last=", ".join(last))


def _values(*, is_embedded: bool) -> dict[str, str]:
    """The datasets of values. A query for a warehouse in Postgres cannot make them all; a function can."""
    if is_embedded:
        return {
            "pipelines/shop/plain.sql": values_sql(KINDS),
            "pipelines/shop/rich.sql": values_sql({**KINDS, **ONLY_SOME, **NESTED}),
        }
    query = values_sql({**KINDS, **ONLY_SOME}).partition("*/")[2]
    return {"pipelines/shop/rich.py": FUNCTION.format(query=repr(query))}


def write_day(place: Place, day: str, *amounts: str) -> None:
    path = place.root / "data" / f"{day}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("id,amount\n" + "".join(f"{day[-2:]}{at},{amount}\n" for at, amount in enumerate(amounts)))


def export_shop(folder: Path, warehouse: str = "", **exports: str) -> Place:
    """The shop, built into dev up to its third day; `exports` are the texts of its export files by name."""
    place = Place(folder / "project", folder / "keys")
    place.keys.mkdir(parents=True)
    files = {
        "penstock.yaml": f"name: shop\n{f'warehouse: {warehouse}' if warehouse else ''}\n",
        "pipelines/shop/pipeline.yaml": "owner: shop-team\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-10\n",
        "pipelines/shop/orders.source.yaml": ORDERS,
        "pipelines/shop/daily.sql": DAILY,
        "pipelines/shop/people.sql": PEOPLE,
        "pipelines/shop/mailed.sql": MAILED,
        **_values(is_embedded=not warehouse),
        "contracts/shop.people.odcs.yaml": CONTRACT,
    }
    for path, text in files.items():
        target = place.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
    for day in DAYS:
        write_day(place, day, "1.50", "2.00")
    place.penstock("run", "--until", "2024-03-04")
    for name, text in exports.items():
        (place.root / f"pipelines/shop/{name}.export.yaml").write_text(text, encoding="utf-8")
    return place
