"""`kill -9` while versions are removed: what the ledger says is built is there, and what is wanted is built anew."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from drill import SIGKILL, driver
from small_shop import Shop

from penstock.adapters.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drill import Driver

    from penstock.ledger.journal import Value

pytestmark = [pytest.mark.fault, pytest.mark.slow]

PRUNE = ("prune", "--yes", "--older-than", "0.000001s")
RUN = ("run",)
DATASETS = ("items", "log", "newest", "seen")
LOG = """\
/* penstock
materialize: append
offset: n
*/
SELECT n, kind FROM stock.items WHERE $offset IS NULL OR n > $offset
"""


def _table(query: str) -> str:
    return f"/* penstock\nmaterialize: table\n*/\n{query}\n"


def _write(shop: Shop, kind: int) -> None:
    """The project whose rows say which of its editions they are of."""
    files = {
        "penstock.yaml": "name: shop\n",
        "pipelines/stock/pipeline.yaml": "owner: shop-team\nschedule: manual\nstart: 2024-03-01\n",
        "pipelines/stock/items.sql": _table(f"SELECT n, {kind} AS kind FROM range(100) AS numbers(n)"),
        "pipelines/stock/log.sql": LOG,
        "pipelines/stock/newest.sql": _table("SELECT max(n) AS n, kind FROM stock.log GROUP BY kind"),
        "pipelines/stock/seen.sql": "/* penstock\nmaterialize: view\n*/\nSELECT n, kind FROM stock.log\n",
    }
    for path, text in files.items():
        target = shop.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _built(folder: Path, editions: tuple[int, ...], driver: Driver) -> Shop:
    shop = Shop(folder / "shop", folder / "keys")
    shop.keys.mkdir(parents=True)
    for kind in editions:
        _write(shop, kind)
        assert driver.run(shop, RUN).exit == 0
    return shop


def _copied(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.root, folder / "shop", symlinks=True)
    return Shop(folder / "shop", shop.keys)


def _shown(shop: Shop) -> dict[str, list[tuple[int, ...]]]:
    """Every dataset's rows, as readers of dev see them."""
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        return {
            name: connection.execute(f"SELECT n, kind FROM stock__dev.{name} ORDER BY ALL").fetchall()
            for name in DATASETS
        }


def _missing(shop: Shop) -> set[str]:
    """Relations of versions that the ledger says are built, and that the warehouse does not hold."""
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        held = {
            name
            for (name,) in connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = '_versions'"
            ).fetchall()
        }
    built = {f"{str(row['dataset']).replace('.', '__')}__{row['version']}" for row in _rows(shop, "coverage")}
    assert built
    return built - held


def _rows(shop: Shop, table: str) -> tuple[Mapping[str, Value], ...]:
    """Rows of the ledger."""
    with closing(SqliteLedger(shop.root / ".penstock" / "ledger.db", lambda: "")) as ledger:
        return ledger.rows(table)


def test_a_killed_prune_leaves_no_lie_and_loses_nothing_that_is_wanted(tmp_path: Path) -> None:
    with driver(tmp_path / "driver") as one:
        shop = _built(tmp_path / "made", (1, 2, 3), one)
        whole = _copied(shop, tmp_path / "whole")
        names = one.run(whole, PRUNE).names
        assert any(name.startswith("after drop") for name in names)
        asked, fired = len(names), 0
        for at in range(1, len(names) + 1):
            trial = _copied(shop, tmp_path / f"killed_{at}")
            ending = one.run(trial, PRUNE, at=at)
            fired += ending.signal == SIGKILL and ending.fired == names[at - 1]
            where = f"killed at {at}: {names[at - 1]}"
            assert _missing(trial) == set(), where

            _write(trial, 1)  # the edition that was being removed is wanted after all
            assert one.run(trial, RUN).exit == 0, where
            shown = _shown(trial)
            assert shown["log"] == shown["seen"] == shown["items"] == [(n, 1) for n in range(100)], where
            assert shown["newest"] == [(99, 1)], where
            # not added to rows that a removal had left behind
            assert {row["rows"] for row in _rows(trial, "coverage") if row["dataset"] == "stock.log"} == {100}, where
            doctor = one.run(trial, ("doctor",))
            assert doctor.exit == 0, f"{where}: {doctor.output}"
            assert one.run(trial, PRUNE).exit == 0, where
            assert _missing(trial) == set(), where
            assert _shown(trial) == shown, where
    print(f"kills in a prune: asked {asked}, fired {fired}")
    assert asked == fired >= 8


def test_a_rollback_that_was_killed_is_finished_and_not_undone(tmp_path: Path) -> None:
    with driver(tmp_path / "driver") as one:
        shop = _built(tmp_path / "made", (1, 2), one)
        names = one.run(_copied(shop, tmp_path / "whole"), ("rollback",)).names
        at = names.index("after swap dev") + 1
        ending = one.run(shop, ("rollback",), at=at)
        assert (ending.signal, ending.fired) == (SIGKILL, "after swap dev")
        assert one.run(shop, ("rollback",)).exit == 0
        assert _shown(shop)["newest"] == [(99, 1)]
        assert one.run(shop, ("doctor",)).exit == 0
