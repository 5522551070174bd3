"""The same project with a warehouse in Postgres: what is masked there is what is masked in DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from people_shop import KEY, UNTIL, VARIABLE, people

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, in the environment as a user would give it."""
    found = f"{postgres.removesuffix('/postgres')}/people"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE people")
        monkeypatch.setenv("PENSTOCK_WAREHOUSE", found)
        monkeypatch.setenv(VARIABLE, KEY)
        yield found
        connection.execute("DROP DATABASE people WITH (FORCE)")


def test_both_warehouses_hold_the_same(address: str, tmp_path: Path) -> None:
    shops = [people(tmp_path / "file"), people(tmp_path / "server", warehouse="postgres")]
    for shop in shops:
        shop.penstock("run", "--until", UNTIL)
    for name, order in {"masked": "id", "joined": "id", "counted": "people", "open": "id, contact"}.items():
        here, there = (shop.rows(f"SELECT * FROM crm.{name} ORDER BY {order}", "dev") for shop in shops)
        assert here == there
        assert here
    with psycopg.connect(address, autocommit=True) as connection:
        settings = connection.execute("SELECT current_setting('penstock.mask_inner', true)").fetchone()
        found = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'mask_hash'").fetchall()
    assert settings == (None,)
    assert found


def test_the_page_is_the_same(address: str, tmp_path: Path) -> None:
    del address
    shops = [people(tmp_path / "file"), people(tmp_path / "server", warehouse="postgres")]
    here, there = (shop.penstock("personal", "--json", exits=1) for shop in shops)
    assert here.result == there.result
    assert here.result["open"] == 4
