"""`format: database`: what a source file may say, and what is found wrong, with its line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from penstock.model.databases import Changes, Cursor, DatabaseEngine, DatabaseSource, Refresh
from penstock.model.pipelines import Dataset, Materialization
from penstock.project.source_file import read_source

if TYPE_CHECKING:
    from penstock.model.findings import Finding

FILE = "pipelines/shop/orders.source.yaml"
WHOLE = """\
format: database
engine: postgres
connection: SHOP_DATABASE
table: public.orders
columns:
  id: BIGINT
  day: DATE
  at: timestamptz
  price: numeric(12,2)
"""


def _read(text: str) -> tuple[Dataset | None, list[Finding]]:
    findings: list[Finding] = []
    return read_source("shop.orders", text, FILE, findings), findings


def _source(text: str) -> tuple[Dataset, DatabaseSource]:
    dataset, findings = _read(text)
    assert findings == []
    assert dataset is not None
    assert isinstance(dataset.task, DatabaseSource)
    return dataset, dataset.task


def test_a_table_is_read_whole_unless_the_file_says_otherwise() -> None:
    dataset, source = _source(WHOLE)
    assert dataset.materialization is Materialization.TABLE
    assert (source.engine, source.connection, source.table) == (
        DatabaseEngine.POSTGRES,
        "SHOP_DATABASE",
        "public.orders",
    )
    assert source.types == {
        "id": "BIGINT",
        "day": "DATE",
        "at": "TIMESTAMP WITH TIME ZONE",
        "price": "DECIMAL(12,2)",
    }
    assert (source.refresh, source.cursor) == (Refresh.ALWAYS, None)


def test_an_interval_makes_it_incremental_and_a_cursor_a_merge() -> None:
    dataset, _ = _source(WHOLE + "interval: day(day)\nbatch: 7\n")
    assert (dataset.materialization, str(dataset.interval)) == (Materialization.INCREMENTAL, "day(day)")
    dataset, source = _source(WHOLE + "cursor: at\noverlap: 1h\nkey: [id]\nrefresh: hour\ntimeout: 5m\n")
    assert (dataset.materialization, dataset.key) == (Materialization.MERGE, ("id",))
    assert source.cursor == Cursor(column="at", overlap=timedelta(hours=1))
    assert (source.refresh, dataset.timeout) == (Refresh.HOUR, timedelta(minutes=5))
    _, source = _source(WHOLE + "cursor: id\noverlap: 1000\nkey: [id]\n")
    assert source.cursor == Cursor(column="id", overlap=1000)


FOLLOWED = WHOLE + "read: changes\nkey: [id]\n"


def test_changes_are_merged_by_key_and_another_reload_is_another_version() -> None:
    dataset, source = _source(FOLLOWED)
    assert (dataset.materialization, dataset.key, dataset.interval) == (Materialization.MERGE, ("id",), None)
    assert (source.changes, source.reload, source.cursor) == (Changes(), None, None)
    _, other = _source(FOLLOWED + "publication: Ours\nslot: shop\nreload: 2\nrefresh: hour\n")
    assert other.changes == Changes(publication="Ours", slot="shop")
    assert (other.reload, other.refresh) == (2, Refresh.HOUR)
    _, plain = _source(WHOLE)
    versions = [plain, source, replace(source, reload=1), replace(source, changes=Changes(publication="Ours"))]
    assert len({json.dumps(one.parts) for one in versions}) == 4
    assert replace(source, changes=Changes(slot="shop")).parts == source.parts


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (("read: changes", "read: all"), ["document.choice", "source.mode"]),
        (("key: [id]\n", ""), ["source.mode"]),
        (("key: [id]", "key: [nr]"), ["source.bad_key"]),
        (("engine: postgres", "engine: sqlite"), ["source.changes_engine"]),
        (("engine: postgres", "engine: mysql"), ["source.changes_engine"]),
        (("table: public.orders", "query: SELECT id, day, at, price FROM orders"), ["source.mode"]),
        (("key: [id]", "key: [id]\ncursor: at"), ["source.mode"]),
        (("key: [id]", "key: [id]\ninterval: day(day)"), ["source.mode"]),
        (("key: [id]", "key: [id]\noverlap: 1h"), ["source.overlap"]),
        (("key: [id]", "key: [id]\nslot: Shop-1"), ["source.bad_slot"]),
        (("key: [id]", "key: [id]\npublication: " + "p" * 64), ["source.bad_publication"]),
        (("key: [id]", "key: [id]\nreload: 0"), ["document.range"]),
        (("read: changes\nkey: [id]", "slot: shop"), ["source.mode"]),
        (("read: changes\nkey: [id]", "publication: shop\nreload: 1"), ["source.mode", "source.mode"]),
    ],
)
def test_what_does_not_go_with_changes_is_found(change: tuple[str, str], codes: list[str]) -> None:
    dataset, findings = _read(FOLLOWED.replace(*change))
    assert dataset is None
    assert [finding.code for finding in findings] == codes, findings
    assert all(finding.expected for finding in findings)


def test_a_query_is_known_by_what_it_means() -> None:
    query = WHOLE.replace("table: public.orders", "query: {}")
    _, one = _source(query.format("SELECT id, day, at, price FROM orders WHERE state <> 'x'"))
    _, same = _source(query.format("select id,day, at,price from orders /* all */ where state <> 'x' -- but x"))
    _, other = _source(query.format("SELECT id, day, at, price FROM orders WHERE state <> 'y'"))
    assert one.parts == same.parts
    assert one.parts != other.parts


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("engine: postgres", "engine: oracle"), "document.choice", 2),
        (("engine: postgres\n", ""), "document.missing_key", None),
        (("connection: SHOP_DATABASE\n", ""), "source.connection", None),
        (("table: public.orders", "table: public.orders\nconnection_file: a"), "source.connection", None),
        (("table: public.orders\n", ""), "source.table_or_query", None),
        (("table: public.orders", "table: a..b"), "source.bad_table", 4),
        (("table: public.orders", 'table: a"b'), "source.bad_table", 4),
        (("table: public.orders", "query: DELETE FROM orders"), "source.not_a_select", 4),
        (("table: public.orders", "query: SELECT 1; SELECT 2"), "source.not_a_select", 4),
        (("table: public.orders", "query: SELECT FROM WHERE"), "source.query_syntax", 4),
        (("table: public.orders", "query: SELECT * INTO x FROM orders"), "source.query_changes", 4),
        (("table: public.orders", "query: SELECT pg_read_file('x')"), "source.query_reaches", 4),
        (("table: public.orders", "query: SELECT nextval('x')"), "source.query_reaches", 4),
        (("id: BIGINT", "id: HUGEINT"), "source.bad_type", 6),
        (("id: BIGINT", "id: INTERVAL"), "source.bad_type", 6),
        (("id: BIGINT", "id: word"), "source.bad_type", 6),
        (("id: BIGINT", "id: STRUCT(a INT)"), "source.bad_type", 6),
        (("id: BIGINT", "id: BLOB[]"), "source.bad_type", 6),
        (("id: BIGINT", "id: BIGINT\n  ID: BIGINT"), "project.repeated_column", 5),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ninterval: day(id)\n"), "source.bad_interval", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ninterval: hour(day)\n"), "source.bad_interval", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ninterval: day(day)\nrefresh: day\n"), "project.refresh", 11),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ncursor: at\n"), "source.mode", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\nkey: [id]\n"), "source.mode", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ncursor: price\nkey: [id]\n"), "source.bad_cursor", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\ncursor: at\nkey: [nr]\n"), "source.bad_key", 11),
        (
            ("price: numeric(12,2)\n", "price: numeric(12,2)\ncursor: at\nkey: [id]\noverlap: 5\n"),
            "project.bad_duration",
            12,
        ),
        (
            ("price: numeric(12,2)\n", "price: numeric(12,2)\ncursor: id\nkey: [id]\noverlap: 1h\n"),
            "source.overlap",
            12,
        ),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\noverlap: 1h\n"), "source.overlap", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\nrefresh: week\n"), "document.choice", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\nmaterialize: table\n"), "source.mode", 10),
        (("price: numeric(12,2)\n", "price: numeric(12,2)\npath: x.csv\n"), "document.unknown_key", 10),
    ],
)
def test_every_wrong_key_is_found_with_its_line(change: tuple[str, str], code: str, line: int | None) -> None:
    dataset, findings = _read(WHOLE.replace(*change))
    assert dataset is None
    assert [finding.code for finding in findings] == [code], findings
    assert findings[0].expected
    assert findings[0].remedy
    assert line is None or findings[0].place.line == line


@pytest.mark.parametrize(
    "line",
    [
        "connection: postgresql://u:canary-4711@host/db",
        "connection_file: postgresql://u:canary-4711@host/db",
        "connection: 'host=db password=canary-4711'",
    ],
)
def test_an_address_in_the_file_is_refused_without_repeating_it(line: str) -> None:
    _, findings = _read(WHOLE.replace("connection: SHOP_DATABASE", line))
    assert [finding.code for finding in findings] == ["source.address_in_project"]
    assert findings[0].place.line == 3
    assert "canary" not in repr(findings)


def test_lists_are_postgres_own() -> None:
    text = WHOLE.replace("id: BIGINT", "id: BIGINT\n  words: TEXT[]")
    assert _source(text)[1].types["words"] == "VARCHAR[]"
    _, findings = _read(text.replace("engine: postgres", "engine: sqlite"))
    assert [finding.code for finding in findings] == ["source.bad_type"]
