"""Tables of databases through the command line: whole, by interval, by cursor; killed, and with a password to keep."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import apsw
import psycopg
import pytest
from database_shop import VARIABLE, database_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock_places import Place

pytest.importorskip("adbc_driver_postgresql")
pytest.importorskip("adbc_driver_sqlite")
pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

CANARY = "canary-4711/ü"
MADE = """
CREATE TABLE orders AS
SELECT i::bigint AS id, 'new' AS state, (i % 1000)::numeric(12,2) AS price,
       timestamp '2024-01-01' + i * interval '1 minute' AS changed_at,
       (timestamp '2024-01-01' + i * interval '1 minute')::date AS day
FROM generate_series(0, 9999) AS i
"""
COUNT = "SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(price)::DOUBLE AS worth FROM shop."


class Orders:
    """The shop's database, asked as its owner."""

    def __init__(self, address: str) -> None:
        self.address = address

    def do(self, *statements: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def row(self, query: str) -> tuple[Any, ...]:
        with psycopg.connect(self.address) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return row


@pytest.fixture
def orders(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orders]:
    """Ten thousand orders; the account that reads them has a password that must be seen nowhere."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS orders WITH (FORCE)")
        connection.execute("CREATE DATABASE orders")
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{CANARY}'".encode())
    owner = Orders(postgres.removesuffix("/postgres") + "/orders")
    owner.do(MADE, "ALTER TABLE orders ADD PRIMARY KEY (id)", "GRANT SELECT ON orders TO reader")
    server = owner.address.partition("@")[2]
    monkeypatch.setenv(VARIABLE, f"postgresql://reader:{quote(CANARY, safe='')}@{server}")
    yield owner
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE orders WITH (FORCE)")
        connection.execute("DROP ROLE reader")


def _counts(place: Place, name: str) -> tuple[Any, ...]:
    return tuple(place.rows(COUNT + name, "dev")[0].values())


def _shown(place: Place, name: str, order: int) -> list[Any]:
    return [row["state"] for row in place.rows(f"SELECT state FROM shop.{name} WHERE id = {order}", "dev")]


def test_a_table_is_read_whole_by_interval_and_by_cursor(orders: Orders, tmp_path: Path) -> None:
    place = database_shop(tmp_path, "postgres", "public.orders")
    place.penstock("check")
    place.penstock("run", "--until", "2024-01-20")
    total = float(orders.row("SELECT sum(price) FROM orders")[0])
    for name in ("all_orders", "daily_orders", "new_orders"):
        assert _counts(place, name) == (10000, 10000, total)
    orders.do(
        "UPDATE orders SET state = 'paid', changed_at = '2024-02-01' WHERE id = 17",
        "UPDATE orders SET state = 'lost' WHERE id = 18",  # nothing says that it changed
        "INSERT INTO orders VALUES (20000, 'new', 1, '2024-02-02', '2024-01-05')",
        "DELETE FROM orders WHERE id = 19",
    )
    ran = place.penstock("run", "--until", "2024-02-03", "--json").result
    assert ran["rows"]["shop.new_orders"] == 2 + 61  # with the hour of overlap before 2024-01-07T22:39
    assert ran["built"]["shop.daily_orders"] == 0
    assert _counts(place, "all_orders")[:2] == (10000, 10000)
    assert _counts(place, "new_orders")[:2] == (10001, 10001)  # what was deleted is not seen by a cursor
    assert [_shown(place, name, 17) for name in ("all_orders", "daily_orders", "new_orders")] == [
        ["paid"],
        ["new"],
        ["paid"],
    ]
    assert [_shown(place, name, 18) for name in ("all_orders", "new_orders")] == [["lost"], ["new"]]
    assert place.rows("SELECT orders FROM shop.totals WHERE state = 'paid'", "dev") == [{"orders": 1}]
    again = place.penstock("run", "--until", "2024-02-03", "--json").result
    assert not any(again["built"].values())


def test_an_interval_is_read_again_by_a_backfill(orders: Orders, tmp_path: Path) -> None:
    place = database_shop(tmp_path, "postgres", "public.orders", "daily_orders")
    place.penstock("run", "--until", "2024-01-20")
    orders.do("UPDATE orders SET state = 'paid'")
    window = ("--start", "2024-01-02", "--end", "2024-01-03")
    digest = place.penstock("backfill", "shop.daily_orders", *window, "--env", "dev", "--json").result["digest"]
    place.penstock("backfill", "shop.daily_orders", *window, "--env", "dev", "--digest", digest)
    paid = place.rows("SELECT DISTINCT day::VARCHAR AS day FROM shop.daily_orders WHERE state = 'paid'", "dev")
    assert paid == [{"day": "2024-01-02"}]
    assert _counts(place, "daily_orders")[0] == 10000


def test_refresh_says_how_often_a_table_is_read(orders: Orders, tmp_path: Path) -> None:
    place = database_shop(tmp_path, "postgres", "public.orders", "all_orders")
    path = place.root / "pipelines" / "shop" / "all_orders.source.yaml"
    path.write_text(path.read_text() + "refresh: day\n")
    built = [
        place.penstock("run", "--until", until, "--json").result["built"]["shop.all_orders"]
        for until in ("2024-01-20T01:00", "2024-01-20T23:00", "2024-01-21T00:00")
    ]
    assert built == [1, 0, 1]
    assert orders.row("SELECT count(*) FROM orders") == (10000,)


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.all_orders
version: 1.0.0
status: active
schema:
  - name: all_orders
    physicalName: shop.all_orders
    logicalType: object
    properties:
      - {name: id, physicalType: BIGINT, required: true, unique: true}
      - {name: state, physicalType: VARCHAR, required: true}
      - {name: price, physicalType: "DECIMAL(12,2)"}
      - {name: changed_at, physicalType: TIMESTAMP}
      - {name: day, physicalType: DATE}
"""


def test_rows_that_break_a_promise_are_not_shown_though_they_went_straight_into_their_table(
    orders: Orders, tmp_path: Path
) -> None:
    place = database_shop(tmp_path, "postgres", "public.orders", "all_orders")
    (place.root / "contracts").mkdir()
    (place.root / "contracts" / "shop.all_orders.odcs.yaml").write_text(CONTRACT)
    place.penstock("run", "--until", "2024-01-20")
    orders.do(
        "UPDATE orders SET state = NULL WHERE id IN (7, 8)", "INSERT INTO orders (id, state) VALUES (20000, 'new')"
    )
    said = place.penstock("run", "--until", "2024-01-20T01:00", exits=3)
    assert "2 of 10,001 rows" in said.out + said.err
    assert _counts(place, "all_orders")[0] == 10000
    orders.do("UPDATE orders SET state = 'lost' WHERE state IS NULL")
    place.penstock("run", "--until", "2024-01-20T02:00")
    assert _counts(place, "all_orders")[0] == 10001


def test_a_column_more_is_another_version_and_an_overlap_is_not(orders: Orders, tmp_path: Path) -> None:
    del orders
    place = database_shop(tmp_path, "postgres", "public.orders", "new_orders")
    path = place.root / "pipelines" / "shop" / "new_orders.source.yaml"

    def version() -> str:
        steps = place.penstock("plan", "--until", "2024-01-20", "--json").result["steps"]
        return str(next(step["version"] for step in steps if step["dataset"] == "shop.new_orders"))

    first = version()
    path.write_text(path.read_text().replace("overlap: 1h", "overlap: 2d"))
    assert version() == first
    path.write_text(path.read_text().replace("  state: VARCHAR\n", ""))
    assert version() != first


def test_the_password_is_nowhere(orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read, killed on the way, refused by the server, and with an address that is none: nothing keeps it or says it."""
    place = database_shop(tmp_path, "postgres", "public.orders")
    said = [place.penstock("run", "--until", "2024-01-20")]
    orders.do("REVOKE SELECT ON orders FROM reader")
    said.append(place.penstock("run", "--until", "2024-01-21", exits=3))
    good = os.environ[VARIABLE]
    for bad in (
        good.replace("reader", "nobody"),
        good.replace("/orders", "/nothing"),
        good.replace("postgresql:", "mysql:"),
        CANARY,
    ):
        monkeypatch.setenv(VARIABLE, bad)
        said.append(place.penstock("run", "--until", "2024-01-22", exits=None))
        said.append(place.penstock("source", "discover", "--engine", "postgres", "--connection", VARIABLE, exits=2))
    monkeypatch.setenv(VARIABLE, good)
    said.append(place.penstock("source", "discover", "--engine", "postgres", "--connection", VARIABLE))
    forms = {CANARY, quote(CANARY), quote(CANARY, safe=""), "canary-4711"}
    for one in said:
        assert not any(form in one.out + one.err for form in forms)
    files = [path for path in place.root.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    for path in files:
        data = path.read_bytes()
        assert not any(form.encode() in data for form in forms), path


def test_an_address_in_a_file_must_be_ignored_by_git(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del orders
    place = database_shop(tmp_path, "postgres", "public.orders", "all_orders")
    path = place.root / "pipelines" / "shop" / "all_orders.source.yaml"
    path.write_text(path.read_text().replace(f"connection: {VARIABLE}", "connection_file: shop.address"))
    (place.root / "shop.address").write_text(os.environ[VARIABLE] + "\n")
    monkeypatch.delenv(VARIABLE)
    place.git("init", "--quiet")
    said = place.penstock("run", "--until", "2024-01-20", "--json", exits=2)
    assert [one["code"] for one in said.findings] == ["source.address_tracked"]
    (place.root / ".gitignore").write_text("shop.address\n.penstock/\n")
    place.penstock("run", "--until", "2024-01-20")
    assert _counts(place, "all_orders")[0] == 10000


def _spawned(place: Place, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "penstock.cli.main", *arguments],
        cwd=place.root,
        env={**os.environ, **place.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed_while_reading(running: subprocess.Popen[bytes], after: float, begun: Callable[[], object]) -> bool:
    """Kill it some time after rows began to come; whether it was under way then."""
    while running.poll() is None and not begun():
        time.sleep(0.002)
    time.sleep(after)
    running.send_signal(signal.SIGKILL)
    return running.wait(30) == -signal.SIGKILL


def _lands(place: Place) -> bool:
    return bool(list((place.root / ".penstock" / "spool").glob("read-*/rows.parquet")))


@pytest.mark.fault
@pytest.mark.parametrize("name", ["all_orders", "new_orders", "daily_orders"])
def test_a_load_that_is_killed_goes_on_without_loss_or_duplicate(orders: Orders, tmp_path: Path, name: str) -> None:
    orders.do(
        "TRUNCATE orders",
        "INSERT INTO orders SELECT i, 'new', i % 1000, timestamp '2024-01-01' + i * interval '1 second', "
        "(timestamp '2024-01-01' + i * interval '1 second')::date FROM generate_series(0, 399999) AS i",
    )
    place = database_shop(tmp_path, "postgres", "public.orders", name)
    chance, fired = random.Random(name), 0  # noqa: S311 - moments to kill at

    def begun() -> bool:
        """A table that is made whole is sent in one stream; the others land in a file."""
        return bool(orders.row("SELECT count(*) FROM pg_stat_progress_copy")[0]) or _lands(place)

    for number in range(3):
        running = _spawned(place, "run", "--until", "2024-01-20")
        fired += _killed_while_reading(running, chance.uniform(0, 0.25), begun)
        orders.do(f"INSERT INTO orders VALUES ({500000 + number}, 'new', 1, '2024-01-09 00:00:{number}', '2024-01-09')")
    assert fired, "no kill came while it ran"
    place.penstock("resume")
    place.penstock("run", "--until", "2024-01-20T00:00:01")
    seen = _counts(place, name)
    held = orders.row("SELECT count(*), count(DISTINCT id), sum(price) FROM orders")
    if name == "daily_orders":  # days that were built before a row came late are not read again
        held = orders.row("SELECT count(*), count(DISTINCT id), sum(price) FROM orders WHERE id < 500000")
        late = place.rows(
            f"SELECT count(*) AS n, sum(price)::DOUBLE AS worth FROM shop.{name} WHERE id >= 500000", "dev"
        )[0]
        seen = (seen[0] - late["n"], seen[1] - late["n"], seen[2] - (late["worth"] or 0))
    assert seen == (held[0], held[1], float(held[2]))
    assert not list((place.root / ".penstock" / "spool").iterdir())


@pytest.mark.fault
def test_a_load_of_sqlite_that_is_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "shop.db"))
    connection = apsw.Connection(str(tmp_path / "shop.db"))
    connection.execute(
        "CREATE TABLE orders AS WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 399999) "
        "SELECT i AS id, 'new' AS state, i % 1000 AS price, datetime('2024-01-01', i || ' seconds') AS changed_at, "
        "date('2024-01-01', i || ' seconds') AS day FROM c"
    )
    connection.close()
    place = database_shop(tmp_path, "sqlite", "orders", "all_orders", "new_orders")
    chance, fired = random.Random(7), 0  # noqa: S311 - moments to kill at
    for _ in range(3):
        running = _spawned(place, "run", "--until", "2024-01-20")
        fired += _killed_while_reading(running, chance.uniform(0, 0.2), lambda: _lands(place))
    assert fired, "no kill came while it ran"
    place.penstock("resume")
    place.penstock("run", "--until", "2024-01-20")
    for name in ("all_orders", "new_orders"):
        assert _counts(place, name) == (400000, 400000, 400 * 499500.0)
