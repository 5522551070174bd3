"""`kill -9` while rows expire: the next command finishes it; nothing that is past comes back, nothing else is lost."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
from drill import SIGKILL, driver
from small_shop import Shop

from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drill import Driver

    from penstock.ledger.journal import Value

pytestmark = [pytest.mark.fault, pytest.mark.slow]

RUN, EXPIRE = ("run",), ("expire", "--yes")
DAYS = ("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
HORIZON = datetime(2024, 3, 3, tzinfo=UTC)
"""Where the retention ends on the day on which the test runs; if midnight passes meanwhile, a day later."""
EACH = 50
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: stock.counted
version: 1.0.0
schema:
  - name: counted
    physicalName: stock.counted
    properties:
      - {name: day, physicalType: TIMESTAMP, logicalType: timestamp}
      - {name: n, physicalType: BIGINT, logicalType: integer}
slaProperties:
"""


def _write(shop: Shop, factor: int) -> None:
    """The project whose numbers say which of its editions they are of."""
    kept = (datetime.now(UTC) - HORIZON).days
    files = {
        "penstock.yaml": "name: shop\n",
        "pipelines/stock/pipeline.yaml": "owner: team\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-05\n",
        "pipelines/stock/counted.sql": "/* penstock\nmaterialize: incremental\ninterval: day(day)\n*/\n"
        f"SELECT day, n * {factor} AS n FROM range({EACH}) AS numbers(n), range(CAST($interval_start AS TIMESTAMP), "
        "CAST($interval_end AS TIMESTAMP), INTERVAL 1 DAY) AS days(day)\n",
        "contracts/stock.counted.odcs.yaml": f"{CONTRACT}  - {{property: retention, value: {kept}, unit: d}}\n",
    }
    for path, text in files.items():
        target = shop.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _built(folder: Path, driver: Driver) -> Shop:
    """Two versions of four days; the second is shown, and a rollback would show the first."""
    shop = Shop(folder / "shop", folder / "keys")
    shop.keys.mkdir(parents=True)
    for factor in (1, 2):
        _write(shop, factor)
        ending = driver.run(shop, RUN)
        assert ending.exit == 0, ending.output
    return shop


def _copied(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.root, folder / "shop", symlinks=True)
    return Shop(folder / "shop", shop.keys)


def _held(shop: Shop) -> list[dict[str, int]]:
    """The rows of each version by day."""
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = '_versions'").fetchall()
        counted = "SELECT strftime(day, '%Y-%m-%d'), count(*) FROM _versions.\"{}\" GROUP BY 1 ORDER BY 1"
        return [dict(connection.execute(counted.format(name)).fetchall()) for (name,) in sorted(names)]


def _rows(shop: Shop, table: str) -> tuple[Mapping[str, Value], ...]:
    with closing(SqliteLedger(shop.root / ".penstock" / "ledger.db", lambda: "")) as ledger:
        return ledger.rows(table)


def _kept(horizon: datetime) -> dict[str, int]:
    return {day: EACH for day in DAYS if parse_moment(day) >= horizon}


def test_a_killed_expiry_is_finished_by_the_next_command_and_nothing_comes_back(tmp_path: Path) -> None:
    with driver(tmp_path / "driver") as one:
        shop = _built(tmp_path / "made", one)
        assert _held(shop) == [dict.fromkeys(DAYS, EACH)] * 2
        names = one.run(_copied(shop, tmp_path / "whole"), EXPIRE).names
        first = names.index("before ledger ExpiryIntended") + 1
        assert "after rows of stock.counted" in names
        assert "after expire stock.counted" in names
        asked, fired, settled = range(first, len(names) + 1), 0, 0
        for at in asked:
            trial = _copied(shop, tmp_path / f"killed_{at}")
            ending = one.run(trial, EXPIRE, at=at)
            fired += ending.signal == SIGKILL and ending.fired == names[at - 1]
            where = f"killed at {at}: {names[at - 1]}"
            for held in _held(trial):  # each version all or nothing, whatever the others are
                assert held in (dict.fromkeys(DAYS, EACH), _kept(HORIZON)), where
            begun = [row for row in _rows(trial, "expiries") if row["state"] == "intended"]

            assert one.run(trial, RUN).exit == 0, where
            horizons = [parse_moment(str(row["before"])) for row in _rows(trial, "horizons")]
            assert _held(trial) == [_kept(horizons[0]) if horizons else dict.fromkeys(DAYS, EACH)] * 2, where
            expiries = _rows(trial, "expiries")
            assert {row["state"] for row in expiries} <= {"expired"}, where
            gone = EACH * (len(DAYS) - len(_kept(horizons[0]))) if horizons else 0
            assert all(row["rows"] == gone for row in expiries), where  # counted once, by whoever recorded it
            settled += bool(begun)
            doctor = one.run(trial, ("doctor",))
            assert doctor.exit == 0, f"{where}: {doctor.output}"
    print(f"kills in an expiry: asked {len(asked)}, fired {fired}, left open {settled}")
    assert len(asked) == fired >= 10
    assert settled >= 6
