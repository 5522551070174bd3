"""`kill -9` while rows are put aside: every row is published once or put aside once, whenever the process dies."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest
from drill import SIGKILL, driver
from small_shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver

pytestmark = [pytest.mark.fault, pytest.mark.slow]

RUN = ("run",)
SOURCE = """\
format: csv
path: data/{interval_start:%Y-%m-%d}.csv
interval: day
columns: [n]
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: stock.NAME
version: 1.0.0
schema:
  - name: NAME
    physicalName: stock.NAME
    customProperties:
      - {property: onFailure, value: quarantine}
      - {property: maxQuarantined, value: 90%}
    properties:
      - name: n
        physicalType: BIGINT
        quality: [{name: Even or less than three, metric: invalidValues, arguments: {maximum: MOST}, mustBe: 0}]
"""
LANDED = """\
      - {name: _file, physicalType: VARCHAR}
      - {name: _interval_start, physicalType: TIMESTAMP}
"""
TABLE = "/* penstock\nmaterialize: table\n*/\nSELECT n FROM stock.items\n"
FILES = {"2024-03-01": ("1", "2", "x", "30"), "2024-03-02": ("3", "?", "40")}


def _write(shop: Shop) -> None:
    files = {
        "penstock.yaml": "name: shop\n",
        "pipelines/stock/pipeline.yaml": "owner: shop-team\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-03\n",
        "pipelines/stock/items.source.yaml": SOURCE,
        "pipelines/stock/few.sql": TABLE,
        "contracts/stock.items.odcs.yaml": (CONTRACT + LANDED).replace("NAME", "items").replace("MOST", "9"),
        "contracts/stock.few.odcs.yaml": CONTRACT.replace("NAME", "few").replace("MOST", "2"),
        **{f"data/{day}.csv": "\n".join(["n", *lines, ""]) for day, lines in FILES.items()},
    }
    for path, text in files.items():
        target = shop.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _copied(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.root, folder / "shop", symlinks=True)
    return Shop(folder / "shop", shop.keys)


def _held(shop: Shop) -> dict[str, list[str]]:
    """What is published of each dataset and what is put aside, as text, whether an environment shows it or not."""
    path = shop.root / ".penstock" / "warehouse.duckdb"
    found: dict[str, list[str]] = {"items": [], "few": [], "items aside": [], "few aside": []}
    if not path.exists():
        return found
    with duckdb.connect(str(path), read_only=True) as connection:
        sql = "SELECT table_name FROM duckdb_tables() WHERE schema_name = '_versions' ORDER BY ALL"
        for (table,) in connection.execute(sql).fetchall():
            rows = connection.execute(f'SELECT CAST(n AS VARCHAR) FROM _versions."{table}" ORDER BY ALL').fetchall()
            found[table.split("__")[1]] += [text for (text,) in rows]
        sql = "SELECT dataset, row_json ->> 'n' FROM _penstock.quarantine ORDER BY ALL"
        for dataset, text in connection.execute(sql).fetchall():
            found[f"{dataset.removeprefix('stock.')} aside"].append(text)
    return found


WANTED = {"items": ["1", "2", "3"], "items aside": ["30", "40", "?", "x"], "few": ["1", "2"], "few aside": ["3"]}


def test_killed_between_putting_aside_and_publishing_or_anywhere_else_no_row_is_lost_or_doubled(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "made" / "shop", tmp_path / "made" / "keys")
    shop.keys.mkdir(parents=True)
    _write(shop)
    with driver(tmp_path / "driver") as one:
        whole = _copied(shop, tmp_path / "whole")
        names = one.run(whole, RUN).names
        assert _held(whole) == WANTED
        inside = [name for name in names if name.startswith(("after sift", "after aside"))]
        assert len(inside) == 4, names  # each of the two datasets is sifted, and keeps what was put aside
        asked, fired = len(names), 0
        for at in range(1, len(names) + 1):
            trial = _copied(shop, tmp_path / f"killed_{at}")
            ending = one.run(trial, RUN, at=at)
            where = f"killed at {at}: {names[at - 1]}"
            fired += ending.signal == SIGKILL and ending.fired == names[at - 1]
            left = _held(trial)
            for name in ("items", "few"):  # of what one publish does, all or nothing is there
                assert (left[name], left[f"{name} aside"]) in (
                    ([], []),
                    (WANTED[name], WANTED[f"{name} aside"]),
                ), where
            _carry_on(one, trial, where)
            assert _held(trial) == WANTED, where
            doctor = one.run(trial, ("doctor",))
            assert doctor.exit == 0, f"{where}: {doctor.output}"
    print(f"kills while rows are put aside: asked {asked}, fired {fired}")
    assert asked == fired >= 12


def _carry_on(one: Driver, shop: Shop, where: str) -> None:
    for command in (RUN, ("resume",)):
        assert one.run(shop, command).exit == 0, where
