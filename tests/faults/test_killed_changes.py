"""`kill -9` at each step of reading a table by change: the next run shows what the database holds, each row once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from drill import SIGKILL, driver
from small_shop import Shop

from followed_table import Source, source_database
from penstock.adapters.environment_views import view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from drill import Driver, Ending

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("postgres")]

SOURCE = """\
format: database
engine: postgres
connection_file: .penstock/address
table: public.orders
columns: {{id: INTEGER, price: INTEGER, note: VARCHAR}}
read: changes
key: [id]
reload: {reload}
"""
FIRST = ("after slot",)
NEXT = ("after advance of the slot", "after publish shop.orders")
"""Steps of a first reading, and of one that goes on; between those of one side the server and the warehouse differ."""
LATER = [
    "INSERT INTO orders SELECT max(id) + 1, 0, repeat(md5('x'), 200) FROM orders",
    "UPDATE orders SET price = price + 1",
    "UPDATE orders SET id = (SELECT max(id) + 1 FROM orders) WHERE id = (SELECT min(id) FROM orders)",
    "DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)",
    "INSERT INTO orders SELECT max(id) + 1, 0, 'short' FROM orders",
]


class Chain:
    """A shop that is run again and again, each time a moment later."""

    def __init__(self, shop: Shop, one: Driver, source: Source) -> None:
        self.shop, self._one, self._source = shop, one, source
        self._runs, self._reload = 0, 0
        self.begin_anew()

    def run(self, at: int = 0) -> Ending:
        self._runs += 1
        until = f"2024-03-06T{self._runs // 3600:02}:{self._runs // 60 % 60:02}:{self._runs % 60:02}"
        return self._one.run(self.shop, ("run", "--env", "dev", "--until", until), at=at)

    def begin_anew(self) -> None:
        """Another version, which has read nothing; its slot and publication are to be made."""
        self._reload += 1
        path = self.shop.root / "pipelines" / "shop" / "orders.source.yaml"
        path.write_text(SOURCE.format(reload=self._reload))
        self._source.drop_slots()
        for (name,) in self._source.rows("SELECT pubname FROM pg_publication"):
            self._source.do(f'DROP PUBLICATION "{name}"')

    def change(self) -> None:
        """What happens in the database between two runs."""
        self._source.do(*LATER)

    def is_equal(self) -> bool:
        there = self._source.rows("SELECT id, price, md5(note) FROM orders ORDER BY id")
        with closing(duckdb.connect(str(self.shop.root / ".penstock" / "warehouse.duckdb"))) as connection:
            view = view_of("shop.orders", "dev")
            return connection.execute(f"SELECT id, price, md5(note) FROM {view} ORDER BY id").fetchall() == there

    def slots(self) -> int:
        return len(self._source.rows("SELECT 1 FROM pg_replication_slots WHERE database = current_database()"))


def _kill_at(chain: Chain, prepare: Callable[[], None], chosen: Sequence[str]) -> None:
    """Kill a run at each of these steps, and let the next one finish."""
    prepare()
    ending = chain.run()
    assert ending.exit == 0, ending.output
    steps = [(at, name) for at, name in enumerate(ending.names, 1) if name in chosen]
    assert sorted(name for _, name in steps) == sorted(chosen), ending.names
    fired = 0
    for at, name in steps:
        prepare()
        killed = chain.run(at)
        fired += killed.signal == SIGKILL and killed.fired == name
        chain.change()
        again = chain.run()
        assert again.exit == 0, f"killed {name}: {again.output}"
        assert chain.is_equal(), f"killed {name}"
        assert chain.slots() == 1
    print(f"kills in a reading by change: asked {len(steps)}, fired {fired}")
    assert fired == len(steps)


def test_a_killed_reading_by_change_is_finished_by_the_next(tmp_path: Path, postgres: str) -> None:
    with source_database(postgres, "killed_changes") as source, driver(tmp_path / "driver") as one:
        source.do(
            "CREATE TABLE orders (id int PRIMARY KEY, price int, note text)",
            "ALTER TABLE orders ALTER note SET STORAGE EXTERNAL",
            "INSERT INTO orders SELECT i, i, repeat(md5(i::text), 200) FROM generate_series(1, 80) AS i",
        )
        shop = Shop(tmp_path / "shop", tmp_path / "keys")
        shop.keys.mkdir(parents=True)
        (shop.root / "pipelines" / "shop").mkdir(parents=True)
        (shop.root / ".penstock").mkdir()
        (shop.root / ".penstock" / "address").write_text(source.address)
        (shop.root / "penstock.yaml").write_text("name: shop\n")
        (shop.root / "pipelines" / "shop" / "pipeline.yaml").write_text(
            "owner: us\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-06\n"
        )
        chain = Chain(shop, one, source)
        assert chain.run().exit == 0
        _kill_at(chain, chain.begin_anew, FIRST)
        chain.change()
        assert chain.run().exit == 0  # from here on each reading lets the server forget what the last one published
        _kill_at(chain, chain.change, NEXT)
