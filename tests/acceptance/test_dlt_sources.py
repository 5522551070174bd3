"""An HTTP API through dlt and the command line: pages, limits, failures, new fields, a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from connector_shop import COLUMNS, REST_API, connector_shop
from shop_api import PAGE, ShopApi, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock_places import Place

pytest.importorskip("dlt")
pytestmark = pytest.mark.slow

KEY = "canary-4711-key"
RESOURCE = '''\
"""Orders of the shop's API, as dlt reads them."""

import dlt
from dlt.sources.helpers import requests


@dlt.resource(name="orders")
def orders(address: str, changed_at=dlt.sources.incremental("changed_at", initial_value="2000")):
    page, pages = 1, 1
    while page <= pages:
        asked = {"page": page, "since": changed_at.start_value}
        body = requests.get(f"{address}/orders", params=asked).json()
        yield body["orders"]
        page, pages = page + 1, body["pages"]
'''


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ShopApi]:
    monkeypatch.setenv("SHOP_KEY", KEY)
    with served(ShopApi(key=KEY)) as api:
        yield api


def _sums(place: Place, name: str = "orders") -> tuple[Any, ...]:
    sql = f"SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(price)::VARCHAR AS worth FROM shop.{name}"
    return tuple(place.rows(sql, "dev")[0].values())


def _state(place: Place) -> list[str]:
    with duckdb.connect(str(place.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        return [str(row[0]) for row in connection.execute("SELECT state FROM _penstock.states").fetchall()]


def test_pages_land_whatever_happens_on_the_way_and_later_runs_read_what_is_new(api: ShopApi, tmp_path: Path) -> None:
    api.limited, api.failing = frozenset({2}), frozenset({4})
    api.add(2 * PAGE + 20)
    source = REST_API.format(address=api.address) + COLUMNS + "materialize: append\ndrift: evolve\n"
    place = connector_shop(tmp_path, orders__source__yaml=source)
    place.penstock("check")
    place.penstock("run", "--until", "2024-01-20")
    assert (api.fired[429], api.fired[500], len(api.asked)) == (1, 1, 3)
    assert _sums(place) == (120, 120, "150.00")
    (first,) = _state(place)
    assert '"last_value":"2024-01-01T00:01:59Z"' in first

    api.add(3, "2024-01-02", price=2.5, channel="web", by={"name": "Ann"})  # another type, and fields that are new
    api.asked.clear()
    place.penstock("run", "--until", "2024-01-21")
    assert [query["since"] for query in api.asked] == ["2024-01-01T00:01:59Z"]
    assert _sums(place) == (123, 123, "157.50")
    extra = place.rows("SELECT DISTINCT _extra AS extra FROM shop.orders WHERE _extra IS NOT NULL", "dev")
    assert extra == [{"extra": '{"channel": "web", "by": {"name": "Ann"}}'}]

    api.add(1, "2024-01-03", price="much")
    before = _state(place)
    said = place.penstock("run", "--until", "2024-01-22", "--json", exits=3)
    finding = next(one for one in said.findings if one["code"] == "source.value_mismatch")
    assert "price does not become DECIMAL(12,2)" in finding["message"]
    assert "much" not in said.out
    assert (_sums(place), _state(place)) == ((123, 123, "157.50"), before)
    api.orders[-1]["price"] = "1.00"
    place.penstock("run", "--until", "2024-01-23")
    assert _sums(place) == (124, 124, "158.50")
    _is_nowhere(place, KEY)


def _is_nowhere(place: Place, secret: str) -> None:
    files = [path for path in place.root.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    assert [str(path) for path in files if secret.encode() in path.read_bytes()] == []


@pytest.mark.fault
def test_a_load_that_is_killed_leaves_nothing_and_the_next_one_reads_everything_once(
    api: ShopApi, tmp_path: Path
) -> None:
    api.add(4 * PAGE)
    reached, go_on = threading.Event(), threading.Event()

    def hold(page: int) -> None:
        if page == 3 and not go_on.is_set():
            reached.set()
            go_on.wait(60)

    api.hold = hold
    source = REST_API.format(address=api.address) + COLUMNS + "materialize: append\n"
    place = connector_shop(tmp_path, orders__source__yaml=source)
    running = subprocess.Popen(
        [sys.executable, "-m", "penstock.cli.main", "run", "--until", "2024-01-20"],
        cwd=place.root,
        env={**os.environ, **place.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert reached.wait(60), "the third page was never asked for"
    running.send_signal(signal.SIGKILL)
    assert running.wait(30) == -signal.SIGKILL
    go_on.set()
    assert _state(place) == []
    api.add(5, "2024-01-02")
    place.penstock("resume")
    place.penstock("run", "--until", "2024-01-20T00:00:01")
    assert _sums(place) == (205, 205, "256.25")
    assert len(_state(place)) == 1
    assert not list((place.root / ".penstock" / "spool").iterdir())


def test_a_resource_of_the_project_merges_what_changed_and_an_interval_is_asked_for(
    api: ShopApi, tmp_path: Path
) -> None:
    api.key = ""
    api.add(PAGE + 10)
    api.add(7, "2024-01-02")
    function = f"format: dlt\nfunction: pipelines/shop/api.py:orders\nconfig: {{address: '{api.address}'}}\n"
    daily = (
        f"format: dlt\nresource: orders\ninterval: day(changed_at)\nrest_api:\n  client: {{base_url: '{api.address}', "
        "paginator: {type: page_number, base_page: 1, total_path: pages}}\n  resources:\n    - name: orders\n"
        "      endpoint: {path: orders, data_selector: orders, params: {since: '{interval_start}', "
        "before: '{interval_end:%Y-%m-%d}'}}\n"
    )
    place = connector_shop(
        tmp_path,
        api__py=RESOURCE,
        orders__source__yaml=f"{function}{COLUMNS}materialize: merge\nkey: [id]\n",
        daily__source__yaml=daily + COLUMNS,
    )
    place.penstock("run", "--until", "2024-01-20")
    assert _sums(place) == _sums(place, "daily") == (67, 67, "83.75")
    spans = {(query["since"], query["before"]) for query in api.asked if "before" in query}
    assert spans == {("2024-01-01T00:00:00Z", "2024-01-11")}
    api.orders[3] |= {"state": "paid", "changed_at": "2024-01-05T00:00:00Z"}
    api.asked.clear()
    place.penstock("run", "--until", "2024-01-21")
    assert [query["since"] for query in api.asked] == ["2024-01-02T00:01:06Z"]
    paid = place.rows("SELECT id, state FROM shop.orders WHERE state <> 'new'", "dev")
    assert (_sums(place)[0], paid) == (67, [{"id": 3, "state": "paid"}])


def test_what_an_api_gives_is_found_out_and_a_key_that_is_wrong_is_told(
    api: ShopApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add(30)
    place = connector_shop(tmp_path)
    (place.root / "shop.yaml").write_text(REST_API.format(address=api.address))
    ask = ("source", "discover", "--file", "shop.yaml", "--json")
    (table,) = place.penstock(*ask, "--write", "shop").result["tables"]
    types = {column["name"]: column["type"] for column in table["columns"]}
    moment = "TIMESTAMP WITH TIME ZONE"
    assert types == {"id": "BIGINT", "state": "VARCHAR", "price": "VARCHAR", "items": "JSON", "changed_at": moment}
    found = place.penstock("source", "profile", "shop.orders", "--rows", "20", "--json").result
    assert (found["rows"], found["columns"][0]["maximum"]) == (20, "19")
    place.penstock("run", "--until", "2024-01-20")
    assert place.rows("SELECT count(*) AS n FROM shop.orders", "dev") == [{"n": 30}]
    monkeypatch.setenv("SHOP_KEY", "canary-wrong-key")
    wrong = place.penstock(*ask, exits=2)
    assert "401" in wrong.findings[0]["message"]
    monkeypatch.delenv("SHOP_KEY")
    assert place.penstock(*ask, exits=2).findings[0]["code"] == "source.missing_secret"
    assert place.penstock("run", "--until", "2024-01-21", "--json", exits=2).findings[0]["code"] == (
        "source.missing_secret"
    )
