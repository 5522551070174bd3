"""A table that is read by change, through the command line: what was deleted goes, and slots are looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from database_shop import PIPELINE, SOURCE, VARIABLE
from penstock_places import Place

from followed_table import Source, source_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

MADE = """
CREATE TABLE orders AS SELECT i::bigint AS id, 'new' AS state, i::numeric(12,2) AS price,
       timestamp '2024-01-01' AS changed_at, date '2024-01-01' AS day FROM generate_series(1, 1000) AS i
"""
TOTALS = """\
/* penstock
materialize: table
*/
SELECT state, sum(price) AS worth, count(*) AS orders FROM shop.orders GROUP BY state
"""


@pytest.fixture
def source(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    with source_database(postgres, "followed_shop") as source:
        monkeypatch.setenv(VARIABLE, source.address)
        source.do(MADE, "ALTER TABLE orders ADD PRIMARY KEY (id)")
        yield source


@pytest.fixture
def place(tmp_path: Path) -> Place:
    pipeline = tmp_path / "project" / "pipelines" / "shop"
    pipeline.mkdir(parents=True)
    (tmp_path / "keys").mkdir()
    (tmp_path / "project" / "penstock.yaml").write_text("name: shop\n")
    (pipeline / "pipeline.yaml").write_text(PIPELINE)
    mode = "read: changes\nkey: [id]\n"
    text = SOURCE.format(engine="postgres", variable=VARIABLE, table="public.orders", mode=mode)
    (pipeline / "orders.source.yaml").write_text(text)
    (pipeline / "totals.sql").write_text(TOTALS)
    return Place(tmp_path / "project", tmp_path / "keys")


def _slots(place: Place, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.penstock("source", "slots", *arguments, "--json").result["slots"]
    return found


def test_what_is_deleted_goes_also_from_what_is_made_of_it(source: Source, place: Place) -> None:
    place.penstock("check")
    place.penstock("run", "--until", "2024-01-20")
    source.do(
        "DELETE FROM orders WHERE id <= 10",
        "UPDATE orders SET state = 'paid', price = 1 WHERE id IN (11, 12)",
        "UPDATE orders SET id = 2000 WHERE id = 13",
    )
    ran = place.penstock("run", "--until", "2024-01-21", "--json").result
    assert ran["rows"]["shop.orders"] == 3
    assert place.rows("SELECT state, worth::INTEGER AS worth, orders FROM shop.totals ORDER BY 1", "dev") == [
        {"state": "new", "worth": sum(range(13, 1001)), "orders": 988},
        {"state": "paid", "worth": 2, "orders": 2},
    ]
    assert place.rows("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM shop.orders", "dev") == [
        {"n": 990, "ids": 990}
    ]


def test_slots_are_listed_with_what_they_keep_and_a_reload_begins_anew(source: Source, place: Place) -> None:
    assert _slots(place) == []
    place.penstock("run", "--until", "2024-01-20")
    source.do("INSERT INTO orders SELECT i, repeat('x', 500) FROM generate_series(5000, 7000) AS i")
    (one,) = _slots(place)
    assert (one["dataset"], one["environments"], one["connection"]) == ("shop.orders", ["dev"], VARIABLE)
    assert one["bytes_kept"] > 1_000_000
    source.drop_slots()
    refused = place.penstock("run", "--until", "2024-01-21", "--json", exits=3)
    assert "source.slot_lost" in refused.out
    path = place.root / "pipelines" / "shop" / "orders.source.yaml"
    path.write_text(path.read_text() + "reload: 1\n")
    place.penstock("run", "--until", "2024-01-22")
    assert place.rows("SELECT count(*) AS n FROM shop.orders", "dev") == [{"n": 3001}]
    path.unlink()
    (path.parent / "totals.sql").unlink()
    assert _slots(place) == []  # no file names that server any more
    (left,) = _slots(place, "--connection", VARIABLE)
    assert "bytes kept" in place.penstock("source", "slots", "--connection", VARIABLE).out
    wrong = place.penstock("source", "slots", "--drop", "nothing", "--json", exits=2)
    assert wrong.findings[0]["code"] == "source.unknown_slot"
    assert _slots(place, "--connection", VARIABLE, "--drop", left["name"]) == []
    assert source.rows("SELECT 1 FROM pg_replication_slots WHERE database = current_database()") == []


def test_a_first_look_at_a_source_makes_no_slot(source: Source, place: Place) -> None:
    assert place.penstock("source", "profile", "shop.orders", "--json").result["rows"] == 1000
    assert source.rows("SELECT 1 FROM pg_replication_slots WHERE database = current_database()") == []
