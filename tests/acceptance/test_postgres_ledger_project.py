"""The same project with its ledger in SQLite and in Postgres: equal tables, and equal journals but for times."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from penstock_places import Place

from penstock.app.wiring import Workplace
from penstock.ledger.journal import verify
from penstock.model.errors import WaitingError

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

UNTIL = "2024-03-04"
DATASETS = ("shop.orders", "shop.stg_orders", "shop.daily_revenue", "shop.best_day")


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the shared ledger, in the environment as a user would give it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS ledgers WITH (FORCE)")
        connection.execute("CREATE DATABASE ledgers")
    found = postgres.removesuffix("/postgres") + "/ledgers"
    monkeypatch.setenv("PENSTOCK_LEDGER", found)
    return found


def _shop(folder: Path, ledger: str) -> Place:
    """The starter project, its ledger where the test says."""
    place = Place(folder, folder / "keys")
    folder.mkdir()
    place.keys.mkdir()
    place.penstock("init", "project")
    shop = Place(folder / "project", place.keys)
    settings = shop.root / "penstock.yaml"
    text = re.sub(r"^parallel:.*$", "parallel: 1", settings.read_text(), flags=re.MULTILINE)
    settings.write_text(f"{text}ledger: {ledger}\n")
    return shop


def _history(shop: Place) -> None:
    """What a user does in a day: build, build more, restate an interval, change a query."""
    shop.penstock("run", "--until", "2024-03-03")
    shop.penstock("run", "--until", UNTIL)
    window = ("--start", "2024-03-01", "--end", "2024-03-02")
    digest = shop.penstock("backfill", "shop.orders", *window, "--json").result["digest"]
    shop.penstock("backfill", "shop.orders", *window, "--digest", digest, "--reason", "late")
    query = shop.root / "pipelines" / "shop" / "daily_revenue.sql"
    query.write_text(query.read_text().replace("sum(", "1 * sum(", 1))
    shop.penstock("run", "--until", UNTIL)


def _journal(shop: Place) -> list[tuple[str, Any]]:
    """Every fact without what differs by when, where and how fast it happened; run ids by their first appearance."""
    names: dict[str, str] = {}
    place = Workplace(shop.root)
    try:
        entries = list(place.ledger.entries())
    finally:
        place.close()
    assert verify(iter(entries)) == ()
    facts = []
    for entry in entries:
        text = re.sub(r"\b[rb][0-9a-f]{15}\b", lambda m: names.setdefault(m.group(), f"id{len(names)}"), entry.body)
        body = json.loads(text)
        for name in ("measured", "key", "until", "holder", "by", "plan"):
            body.pop(name, None)
        if body.get("files") and entry.kind in {"AttemptAudited", "AttemptPublished"}:
            body["files"] = re.sub(r'"modified":\d+', "", body["files"])  # when a file was written
        facts.append((entry.kind, body))
    return facts


def _tables(shop: Place) -> dict[str, list[dict[str, Any]]]:
    sql = "SELECT * FROM {} ORDER BY ALL"
    return {
        name: shop.penstock("query", sql.format(name), "--env", "dev", "--json").result["rows"] for name in DATASETS
    }


@pytest.fixture
def shops(tmp_path: Path, address: str) -> tuple[Place, Place]:
    del address
    return _shop(tmp_path / "embedded", ".penstock/ledger.db"), _shop(tmp_path / "team", "postgres")


def test_both_ledgers_give_equal_tables_and_journals(shops: tuple[Place, Place]) -> None:
    embedded, team = shops
    for shop in shops:
        _history(shop)
        assert shop.penstock("doctor", "--json").findings == []
    assert _tables(embedded) == _tables(team)
    assert _journal(embedded) == _journal(team)
    assert len(_journal(team)) > 40
    assert not (team.root / ".penstock" / "ledger.db").exists()


def test_without_an_address_the_ledger_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_LEDGER", raising=False)
    shop = _shop(tmp_path / "team", "postgres")
    said = shop.penstock("run", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["ledger.no_address"]


def test_of_two_machines_that_saw_a_free_lease_one_takes_it(tmp_path: Path, address: str) -> None:
    """Between looking and taking lie planning and reading files: who was quicker is not driven out."""
    first, second = (Workplace(_shop(tmp_path / name, "postgres").root) for name in ("one", "two"))
    first.lease = second.lease = 0.5
    try:
        first.hold()
        second.hold()
        token = first.token()
        for _ in range(2):
            with pytest.raises(WaitingError) as caught:
                second.token()
            assert [finding.code for finding in caught.value.findings] == ["executor.busy"]
        assert (first.token(), first.ledger.pulse()[0]) == (token, token)
    finally:
        second.close()
        first.close()


def test_a_process_that_ended_in_order_leaves_the_lease_free(shops: tuple[Place, Place]) -> None:
    _, team = shops
    team.penstock("run", "--until", "2024-03-03")
    place = Workplace(team.root)
    try:
        (lease,) = place.ledger.rows("leases")
        assert lease["holder"] == ""
    finally:
        place.close()
