"""A project whose files lie in a bucket: the tables that files would make, nothing fetched twice, no secret left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from penstock_places import AUTHOR, REVIEWER
from runs_shop import DAILY, DAYS, ORDERS, attempts, make_shop, wait_until, write

from object_bench import KEY, SECRET, Bucket, Fault, Proxy, cut_halfway, hang_up, says

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytest_plugins = ("acceptance_fixtures", "object_server")
pytestmark = pytest.mark.slow

FETCHED = r"(HEAD|GET) /[^/?]+/orders/"
STORAGE = "storage:\n  endpoint: SHOP_STORE\n  credentials: {{key: SHOP_KEY, secret: SHOP_SECRET}}\n"


def _content(day: str, *amounts: int) -> bytes:
    return ("day,amount\n" + "".join(f"{day},{amount}\n" for amount in amounts)).encode()


@pytest.fixture
def shop(tmp_path: Path, bucket: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The small shop, whose orders lie in a bucket; none of them beneath the project."""
    monkeypatch.setenv("SHOP_STORE", proxy.address)
    monkeypatch.setenv("SHOP_KEY", KEY)
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    place = make_shop(tmp_path)
    for number, day in enumerate(DAYS, 1):
        (place.root / f"data/orders/{day}.csv").unlink()
        bucket.put(f"orders/{day}.csv", _content(day, number, 10 * number))
    _order(place, bucket, "corrections: take\nmissing: empty\n")
    write(place, "pipelines/sales/pipeline.yaml", DAILY + "retries: {attempts: 3, delay: 0, cap: 0}\n")
    return place


def _order(place: Place, bucket: Bucket, more: str) -> None:
    source = ORDERS.replace("data/orders", f"s3://{bucket.name}/orders") + STORAGE.format() + more
    write(place, "pipelines/sales/orders.source.yaml", source)


def _total(place: Place) -> int:
    (row,) = place.rows("SELECT CAST(total AS INTEGER) AS total FROM sales.total", "dev")
    return int(row["total"])


def test_objects_are_read_once_and_then_only_listed(shop: Place, bucket: Bucket, proxy: Proxy) -> None:
    shop.penstock("run", "sales")
    assert _total(shop) == 110
    assert proxy.count(FETCHED) == 2 * len(DAYS)
    shown = shop.rows("SELECT DISTINCT _file FROM sales.orders ORDER BY 1", "dev")
    assert [row["_file"] for row in shown] == [f"s3://{bucket.name}/orders/{day}.csv" for day in DAYS]

    proxy.mend()
    bucket.put(f"orders/{DAYS[0]}.csv", _content(DAYS[0], 1, 10))  # the same bytes again
    assert "nothing to build" in shop.penstock("run", "sales").out
    assert 0 < proxy.count("list-type") < 4
    assert proxy.count(FETCHED) == 0


def test_an_object_that_was_replaced_or_came_late_is_taken_with_what_rests_on_it(
    shop: Place, bucket: Bucket, proxy: Proxy
) -> None:
    bucket.remove(f"orders/{DAYS[3]}.csv")
    shop.penstock("run", "sales")
    assert _total(shop) == 66
    bucket.put(f"orders/{DAYS[1]}.csv", _content(DAYS[1], 1000))
    bucket.put(f"orders/{DAYS[3]}.csv", _content(DAYS[3], 5))
    bucket.remove(f"orders/{DAYS[2]}.csv")  # what landed stays
    (reasons,) = (
        step["reasons"]
        for step in shop.penstock("plan", "sales", "--json").result["steps"]
        if step["dataset"] == "sales.orders"
    )
    assert reasons == ["its files are others than those read in"]

    proxy.mend()
    shop.penstock("run", "sales")
    assert _total(shop) == 11 + 1000 + 33 + 5
    assert proxy.count(FETCHED) == 4
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_corrections_that_are_not_taken_are_told_of_while_the_store_answers(
    shop: Place, bucket: Bucket, proxy: Proxy
) -> None:
    _order(shop, bucket, "missing: empty\n")
    shop.penstock("run", "sales")
    bucket.put(f"orders/{DAYS[1]}.csv", _content(DAYS[1], 1000))
    said = shop.penstock("run", "sales")
    assert "files of sales.orders are others than those read in: 2024-03-02/2024-03-03" in said.out
    assert _total(shop) == 110
    refused = proxy.add(Fault(when="list-type", do=says(403, "AccessDenied"), times=1_000))
    assert shop.penstock("run", "sales", "--json").result["corrected"] == {}
    assert refused.fired > 0


def test_a_source_without_intervals_is_read_again_when_an_object_is_another(
    shop: Place, bucket: Bucket, proxy: Proxy
) -> None:
    bucket.put("items/a.csv", b"item\nscrew\n")
    text = f"format: csv\npath: s3://{bucket.name}/items/*.csv\ncolumns: [item]\n" + STORAGE.format()
    write(shop, "pipelines/stock/items_in.source.yaml", text)
    shop.penstock("run", "stock.items_in")
    proxy.mend()
    assert "nothing to build" in shop.penstock("run", "stock.items_in").out
    assert proxy.count("/items/") == 0
    bucket.put("items/b.csv", b"item\nnail\n")
    shop.penstock("run", "stock.items_in")
    assert _items(shop) == ["nail", "screw"]
    bucket.put("items/b.csv", b"item\nnuts\n")
    shop.penstock("run", "stock.items_in")
    assert _items(shop) == ["nuts", "screw"]


def _items(place: Place) -> list[str]:
    return [str(row["item"]) for row in place.rows("SELECT item FROM stock.items_in ORDER BY 1", "dev")]


def test_a_contract_can_be_inferred_from_objects(shop: Place) -> None:
    said = shop.penstock("contract", "infer", "sales.orders", "--json").result
    assert said["rows"] == 2 * len(DAYS)
    assert list((shop.root / ".penstock").glob("spool/*")) == []


STORY = """\
---
id: SHOP-3
title: Orders come from a bucket
kind: change
pipeline: shop
author: {kind: files, directory: SHOP-3}
impact:
  shop.orders: {columns: {_file: any}}
  shop.stg_orders: none
  shop.daily_orders: none
acceptance:
  A1: {text: Every order comes from the bucket., sql: "SELECT OrderId FROM shop.orders WHERE _file NOT LIKE 's3://%'"}
---

# Orders come from a bucket

The files are the same; they lie elsewhere.
"""


def test_a_change_moves_a_source_into_a_bucket(
    running_shop: Place, tmp_path: Path, bucket: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_STORE", proxy.address)
    monkeypatch.setenv("SHOP_KEY", KEY)
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    place = running_shop.copied(tmp_path)
    before = place.rows("SELECT * FROM shop.daily_orders ORDER BY ALL", "prod")
    files = sorted((place.root / "data" / "orders").iterdir())
    bucket.fill({f"orders/{file.name}": file.read_bytes() for file in files})
    path = "pipelines/shop/orders.source.yaml"
    text = (place.root / path).read_text().replace("path: data/", f"path: s3://{bucket.name}/")
    write(place, f"stories/SHOP-3/{path}", f"{text.rstrip()}\n{STORAGE.format()}")
    write(place, "stories/SHOP-3.md", STORY)

    place.penstock("deliver", "stories/SHOP-3.md", "--as", AUTHOR, "--until", "2024-03-09", exits=4)
    place.penstock("change", "approve", "SHOP-3", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-3", "--until", "2024-03-10")

    shown = place.rows("SELECT * FROM shop.daily_orders ORDER BY ALL", "prod")
    assert shown[: len(before)] == before
    assert place.rows("SELECT count(*) AS n FROM shop.orders WHERE _file NOT LIKE 's3://%'", "prod") == [{"n": 0}]


@pytest.mark.fault
def test_a_store_that_falters_is_tried_again_by_the_run(
    shop: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(monkeypatch)
    fault = proxy.add(Fault(when=r"GET /[^/?]+/orders/", do=cut_halfway, times=3))
    shop.penstock("run", "sales")
    assert fault.fired == 3
    assert [(state, code) for _, state, code in attempts(shop, "sales.orders")] == [
        ("failed", "source.no_answer"),
        ("published", ""),
    ]
    assert _total(shop) == 110


@pytest.mark.fault
def test_an_object_that_is_replaced_while_it_is_read_is_read_as_it_is_then(
    shop: Place, bucket: Bucket, proxy: Proxy
) -> None:
    asked: list[str] = []

    def replace_it(line: str) -> None:
        if line.startswith("GET") and f"orders/{DAYS[1]}.csv" in line and not asked:
            asked.append(line)
            bucket.put(f"orders/{DAYS[1]}.csv", _content(DAYS[1], 1000))

    proxy.before = replace_it
    shop.penstock("run", "sales")
    assert asked
    assert [code for _, _, code in attempts(shop, "sales.orders")] == ["source.changed_meanwhile", ""]
    assert _total(shop) == 110 - 22 + 1000
    assert "nothing to build" in shop.penstock("run", "sales").out


@pytest.mark.fault
def test_the_copies_of_a_process_that_was_killed_are_gone_after_the_next_run(shop: Place, proxy: Proxy) -> None:
    over = threading.Event()
    proxy.before = lambda line: over.wait(30) if f"orders/{DAYS[3]}.csv" in line else None
    spool = shop.root / ".penstock" / "spool"
    command = [sys.executable, "-m", "penstock.cli.main", "run", "sales"]
    process = subprocess.Popen(command, cwd=shop.root, env={**os.environ, **shop.environment()}, stdout=subprocess.PIPE)
    try:
        wait_until(lambda: list(spool.glob(f"fetch-*/*/{DAYS[0]}.csv")), "a copy")
    finally:
        process.kill()
        process.communicate()
        over.set()
    assert process.returncode == -signal.SIGKILL
    assert list(spool.iterdir())

    shop.penstock("run", "sales")
    assert _total(shop) == 110
    assert list(spool.iterdir()) == []


@pytest.mark.fault
def test_a_store_that_does_not_answer_holds_up_what_reads_it_and_nothing_else(
    shop: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(monkeypatch)
    fault = proxy.add(Fault(when="list-type", do=hang_up, times=1_000))
    shop.penstock("run", "stock")
    assert fault.fired == 0
    said = shop.penstock("run", "sales", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["source.no_answer"]
    assert fault.fired > 0
    assert attempts(shop, "sales.orders") == []


def test_what_is_missing_stops_a_run_before_anything_is_recorded(shop: Place, bucket: Bucket) -> None:
    _order(shop, bucket, "")
    bucket.remove(f"orders/{DAYS[2]}.csv")
    said = shop.penstock("run", "sales", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["source.missing_file"]
    assert attempts(shop, "sales.orders") == []


def test_no_secret_is_written_or_shown(shop: Place, bucket: Bucket, proxy: Proxy) -> None:
    bucket.put(f"orders/{DAYS[2]}.csv", b"day,amount\nbroken")
    said = shop.penstock("run", "sales", exits=3)
    proxy.add(Fault(when="list-type", do=says(403, "SignatureDoesNotMatch"), times=1_000))
    told = said.out + said.err + shop.penstock("run", "sales", exits=2).out
    assert f"s3://{bucket.name}/orders/{DAYS[2]}.csv" in told
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.db" for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in told


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try for each question, so that the run itself has to try again."""
    import s3fs

    from penstock.adapters.objects import opening

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    opening._filesystem.cache_clear()
