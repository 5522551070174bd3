"""`penstock source`: what a database shows, files for its tables, and what a sample looks like, of SQLite here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest
from database_shop import VARIABLE, database_shop

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytest.importorskip("adbc_driver_sqlite")
pytestmark = pytest.mark.slow

TABLES = (
    """CREATE TABLE "Order Lines" (order_id INTEGER, line INTEGER, price DECIMAL(10,2), updated_at DATETIME,
       PRIMARY KEY (order_id, line))""",
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, born DATE)",
    'CREATE VIEW totals AS SELECT order_id, sum(price) AS total FROM "Order Lines" GROUP BY 1',
    """INSERT INTO "Order Lines" VALUES (1, 1, 1.5, '2024-01-02 10:00:00'), (1, 2, 2, '2024-01-03 10:00:00')""",
    "INSERT INTO customers VALUES (1, 'ann@example.com', '1990-01-02'), (2, 'bob@example.com', NULL)",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "shop.db"))
    connection = apsw.Connection(str(tmp_path / "shop.db"))
    for statement in TABLES:
        connection.execute(statement)
    connection.close()
    return database_shop(tmp_path, "sqlite", "customers", "none")


ASK = ("source", "discover", "--engine", "sqlite", "--connection", VARIABLE)


def test_tables_and_views_are_listed_with_types_and_keys(place: Place) -> None:
    found = {table["name"]: table for table in place.penstock(*ASK, "--json").result["tables"]}
    assert set(found) == {"Order Lines", "customers", "totals"}
    assert found["Order Lines"]["key"] == ["order_id", "line"]
    types = {one["name"]: (one["native"], one["type"], one["required"]) for one in found["customers"]["columns"]}
    assert types == {
        "id": ("INTEGER", "BIGINT", False),
        "email": ("TEXT", "VARCHAR", True),
        "born": ("DATE", "DATE", False),
    }
    assert "Order Lines" in place.penstock(*ASK).out


def test_files_are_written_that_can_be_read_and_run(place: Place) -> None:
    written = place.penstock(*ASK, "--table", "Order Lines", "--table", "customers", "--write", "shop", "--json").result
    assert [one["dataset"] for one in written["written"]] == ["shop.order_lines", "shop.customers"]
    text = (place.root / "pipelines" / "shop" / "order_lines.source.yaml").read_text()
    assert "# cursor: updated_at\n" in text
    assert "# key: [order_id, line]\n" in text
    place.penstock("check")
    place.penstock("run")
    assert place.rows("SELECT sum(price)::VARCHAR AS s, count(*) AS n FROM shop.order_lines", "dev") == [
        {"s": "3.50", "n": 2}
    ]
    again = place.penstock(*ASK, "--write", "shop", "--json", exits=2)
    assert {one["code"] for one in again.findings} == {"source.file_exists"}
    assert not (place.root / "pipelines" / "shop" / "totals.source.yaml").exists()


def test_a_sample_is_profiled_without_showing_what_looks_personal(place: Place) -> None:
    place.penstock(*ASK, "--table", "customers", "--write", "shop")
    found = place.penstock("source", "profile", "shop.customers", "--json").result
    columns = {one["name"]: one for one in found["columns"]}
    assert found["rows"] == 2
    assert (columns["id"]["minimum"], columns["id"]["maximum"], columns["born"]["nulls"]) == ("1", "2", 1)
    assert columns["email"]["personal"].startswith("email")
    said = place.penstock("source", "profile", "shop.customers", "--rows", "1")
    assert "1 row(s)" in said.out
    assert "example.com" not in said.out
    assert (
        place.penstock("source", "profile", "shop.nothing", "--json", exits=2).findings[0]["code"] == "source.unknown"
    )


def test_what_cannot_be_asked_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = place.penstock(*ASK, "--table", "orders", "--json", exits=2).findings[0]
    assert (unknown["code"], unknown["found"]) == ("source.unknown_table", "orders")
    assert place.penstock(*ASK, "--write", "bank", "--json", exits=2).findings[0]["code"] == "project.unknown_pipeline"
    monkeypatch.delenv(VARIABLE)
    assert place.penstock(*ASK, "--json", exits=2).findings[0]["code"] == "source.no_address"
