"""`kill -9` at each step of an export: the same command again gives what an export without a fault gives, and once."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from drill import SIGKILL, driver
from small_shop import Shop

from penstock.adapters.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drill import Driver

pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.fault, pytest.mark.slow]

RUN, EXPORT = ("run", "--until", "2024-03-06"), ("export",)
DAYS = """\
/* penstock
materialize: incremental
interval: day(day)
*/
SELECT CAST(_interval_start AS DATE) AS day, CAST(n AS INTEGER) AS n FROM stock.counts
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
"""
FILES = {
    "penstock.yaml": "name: stock\n",
    "pipelines/stock/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-06\n",
    "pipelines/stock/counts.source.yaml": "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\n"
    "corrections: take\ncolumns: [n]\nmissing: empty\n",
    "pipelines/stock/days.sql": DAYS,
}
TO_FILES = "dataset: stock.days\nenvironment: dev\npath: out/{interval_start:%Y-%m-%d}.csv\n"
TO_DUCKDB = "dataset: stock.days\nenvironment: dev\npath: out/x.duckdb\ntable: main.days\nmode: interval\n"
TO_POSTGRES = (
    "dataset: stock.days\nenvironment: dev\nformat: postgres\nconnection_file: .penstock/address\ntable: s.days\n"
)


def _write(shop: Shop, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = shop.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _counts(*numbers: int) -> str:
    return "n\n" + "".join(f"{number}\n" for number in numbers)


def _shop(folder: Path, one: Driver, files: dict[str, str]) -> Shop:
    """The shop, whose rows of five days are shown in dev; nothing is exported."""
    shop = Shop(folder / "shop", folder / "keys")
    shop.keys.mkdir(parents=True)
    _write(shop, FILES | {f"data/2024-03-0{day}.csv": _counts(day, day) for day in range(1, 6)})
    assert one.run(shop, RUN).exit == 0
    _write(shop, files)
    return shop


def _copied(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.root, folder / "shop", symlinks=True)
    return Shop(folder / "shop", shop.keys)


def _outside(shop: Shop) -> dict[str, Any]:
    """What readers of the targets see, and every file beside."""
    out = shop.root / "out"
    with closing(duckdb.connect(str(out / "x.duckdb"), read_only=True)) as connection:
        rows = connection.execute("SELECT day::VARCHAR, n FROM days ORDER BY ALL").fetchall()
        noted = connection.execute("SELECT * FROM _penstock.exports ORDER BY ALL").fetchall()
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.csv")}
    return {"rows": rows, "noted": noted, "files": files, "beside": sorted(path.name for path in out.iterdir())}


def _recorded(shop: Shop) -> dict[str, tuple[object, ...]]:
    """What the ledger says that targets hold."""
    with closing(SqliteLedger(shop.root / ".penstock" / "ledger.db", lambda: "")) as ledger:
        return {str(row["target"]): (row["digest"], row["rows"], row["pieces"]) for row in ledger.rows("exports")}


def _kill_everywhere(
    shop: Shop, folder: Path, one: Driver, seen: Callable[[Shop], object], begin: Callable[[], None]
) -> tuple[str, ...]:
    """Kill an export at each of its steps; the steps."""
    begin()
    whole = _copied(shop, folder / "whole")
    ending = one.run(whole, EXPORT)
    assert ending.exit == 0, ending.output
    expected, recorded = seen(whole), _recorded(whole)
    # before the ledger's fact everything is as it was after the commit that precedes it
    steps = [(at, name) for at, name in enumerate(ending.names, 1) if not name.startswith("before ledger")]
    fired = 0
    for at, name in steps:
        begin()
        trial, where = _copied(shop, folder / f"killed_{at}"), f"killed at {at}: {name}"
        killed = one.run(trial, EXPORT, at=at)
        fired += killed.signal == SIGKILL and killed.fired == name
        again = one.run(trial, EXPORT)
        assert again.exit == 0, f"{where}: {again.output}"
        assert seen(trial) == expected, where
        assert _recorded(trial) == recorded, where
    print(f"kills in an export: asked {len(steps)}, fired {fired}")
    assert fired == len(steps)
    assert one.run(whole, EXPORT).names == (), "again there is nothing to do"
    return tuple(name for _, name in steps)


def test_a_killed_export_to_files_and_to_duckdb_is_finished_by_the_next(tmp_path: Path) -> None:
    exports = {
        "pipelines/stock/files.export.yaml": TO_FILES,
        "pipelines/stock/table.export.yaml": TO_DUCKDB,
    }
    with driver(tmp_path / "driver") as one:
        shop = _shop(tmp_path / "made", one, exports)
        assert one.run(shop, EXPORT).exit == 0
        for path in exports:  # so that the run does not carry them out
            (shop.root / path).unlink()
        _write(shop, {"data/2024-03-02.csv": _counts(7), "data/2024-03-04.csv": _counts(8, 9, 9)})
        assert one.run(shop, RUN).exit == 0
        _write(shop, exports)
        names = _kill_everywhere(shop, tmp_path, one, _outside, lambda: None)
    assert {name.partition(" ")[2].split()[0] for name in names} == {
        *("file", "manifest", "name", "rows", "commit", "ledger")
    }


@pytest.mark.xdist_group("postgres")
def test_a_killed_export_to_postgres_is_finished_by_the_next(tmp_path: Path, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS killed WITH (FORCE)")
        connection.execute("CREATE DATABASE killed")
    address = postgres.removesuffix("/postgres") + "/killed"

    def clear() -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS s, _penstock CASCADE")

    def seen(_shop: Shop) -> object:
        with psycopg.connect(address) as connection:
            rows = connection.execute("SELECT day::text, n FROM s.days ORDER BY 1, 2").fetchall()
            return rows, connection.execute("SELECT * FROM _penstock.exports ORDER BY piece").fetchall()

    try:
        with driver(tmp_path / "driver") as one:
            files = {
                "pipelines/stock/table.export.yaml": TO_POSTGRES + "mode: interval\n",
                ".penstock/address": address,
            }
            shop = _shop(tmp_path / "made", one, files)
            names = _kill_everywhere(shop, tmp_path, one, seen, clear)
        assert "after commit of s.days" in names
        assert len(seen(shop)[0]) == 10  # type: ignore[index]
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP DATABASE killed WITH (FORCE)")
