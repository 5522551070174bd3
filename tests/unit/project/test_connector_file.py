"""`format: dlt`, `airbyte` and `python`: what a source file may say, and what is found wrong, with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.pipelines import Dataset, Materialization
from penstock.model.sources import Drift
from penstock.plan.versions import own_digest
from penstock.project.source_file import read_source

if TYPE_CHECKING:
    from penstock.model.findings import Finding

FILE = "pipelines/shop/orders.source.yaml"
TEXTS = {"pipelines/shop/api.py": "def orders():\n    yield {}\n"}
COLUMNS = "columns:\n  id: BIGINT\n  at: timestamptz\n  price: numeric(12,2)\n  day: DATE\n"
PYTHON = f"format: python\nfunction: pipelines/shop/api.py:orders\n{COLUMNS}"
DLT = (
    "format: dlt\nresource: orders\nrest_api:\n  client: {base_url: 'https://shop.example'}\n  resources: [orders]\n"
    f"{COLUMNS}"
)
AIRBYTE = f"format: airbyte\ncommand: [source-shop]\nstream: orders\n{COLUMNS}"
CANARY = "canary-4711"


def _read(text: str) -> tuple[Dataset | None, list[Finding]]:
    findings: list[Finding] = []
    return read_source("shop.orders", text, FILE, findings, TEXTS), findings


def _source(text: str) -> tuple[Dataset, ConnectorSource]:
    dataset, findings = _read(text)
    assert findings == []
    assert dataset is not None
    assert isinstance(dataset.task, ConnectorSource)
    return dataset, dataset.task


@pytest.mark.parametrize(
    ("text", "connector"), [(PYTHON, Connector.PYTHON), (DLT, Connector.DLT), (AIRBYTE, Connector.AIRBYTE)]
)
def test_rows_are_read_whole_unless_the_file_says_otherwise(text: str, connector: Connector) -> None:
    dataset, source = _source(text)
    assert (dataset.materialization, source.keeps_state) == (Materialization.TABLE, False)
    assert (source.connector, source.drift) == (connector, Drift.FREEZE)
    assert source.row_types == {
        "id": "BIGINT",
        "at": "TIMESTAMP WITH TIME ZONE",
        "price": "DECIMAL(12,2)",
        "day": "DATE",
    }


def test_append_and_merge_keep_a_state_and_an_interval_keeps_none() -> None:
    assert _source(f"{PYTHON}materialize: append\n")[1].keeps_state
    dataset, source = _source(f"{AIRBYTE}materialize: merge\nkey: [id]\ncursor: at\n")
    assert (dataset.key, source.keeps_state, source.cursor) == (("id",), True, "at")
    dataset, source = _source(f"{PYTHON}interval: day(day)\nconfig: {{since: '{{interval_start}}'}}\n")
    assert (dataset.materialization, source.keeps_state) == (Materialization.INCREMENTAL, False)


def test_an_evolving_source_has_a_column_for_what_nobody_declared() -> None:
    assert _source(f"{PYTHON}drift: evolve\n")[1].row[-1] == "_extra"


def test_secrets_are_named_by_where_they_belong() -> None:
    _, source = _source(f"{DLT}secrets: {{client.auth.token: SHOP_KEY, client.auth.pin: {{file: .penstock/pin}}}}\n")
    assert (source.secrets, source.secret_files) == (
        {"client.auth.token": "SHOP_KEY"},
        {"client.auth.pin": ".penstock/pin"},
    )


@pytest.mark.parametrize(
    ("base", "old", "new", "code"),
    [
        (PYTHON, "function: pipelines/shop/api.py:orders\n", "", "source.what_is_run"),
        (DLT, "resource: orders\n", "resource: orders\nfunction: pipelines/shop/api.py:orders\n", "source.what_is_run"),
        (PYTHON, "api.py:orders", "other.py:orders", "source.unknown_function"),
        (PYTHON, "api.py:orders", "api.py", "source.unknown_function"),
        (DLT, "resource: orders\n", "", "document.missing_key"),
        (DLT, COLUMNS, f"{COLUMNS}config: {{a: 1}}\n", "source.what_is_run"),
        (AIRBYTE, "stream: orders\n", "", "document.missing_key"),
        (AIRBYTE, "[source-shop]", "[]", "project.bad_command"),
        (AIRBYTE, "[source-shop]", "[/bin/source-shop]", "project.outside"),
        (AIRBYTE, "[source-shop]", "[../source-shop]", "project.outside"),
        (PYTHON, "id: BIGINT", "id: BLOB", "source.bad_type"),
        (PYTHON, "id: BIGINT", "id: BIGINT[]", "source.bad_type"),
        (PYTHON, "id: BIGINT", "id: NUMBER", "source.bad_type"),
        (PYTHON, "id: BIGINT", "_extra: JSON", "project.bad_column"),
        (PYTHON, "id: BIGINT", "DAY: DATE", "project.repeated_column"),
        (PYTHON, COLUMNS, "columns: {}\n", "project.no_columns"),
        (PYTHON, COLUMNS, f"{COLUMNS}materialize: merge\n", "source.mode"),
        (PYTHON, COLUMNS, f"{COLUMNS}key: [id]\n", "source.mode"),
        (PYTHON, COLUMNS, f"{COLUMNS}offset: id\n", "source.mode"),
        (PYTHON, COLUMNS, f"{COLUMNS}materialize: merge\nkey: [nothing]\n", "source.bad_key"),
        (PYTHON, COLUMNS, f"{COLUMNS}materialize: append\ncursor: at\n", "source.bad_cursor"),
        (AIRBYTE, COLUMNS, f"{COLUMNS}cursor: at\n", "source.bad_cursor"),
        (PYTHON, COLUMNS, f"{COLUMNS}interval: day(id)\n", "source.bad_interval"),
        (PYTHON, COLUMNS, f"{COLUMNS}interval: hour(day)\n", "source.bad_interval"),
        (PYTHON, COLUMNS, f"{COLUMNS}interval: day(day)\nrefresh: day\n", "project.refresh"),
        (PYTHON, COLUMNS, f"{COLUMNS}config: {{since: '{{interval_end:%Y}}'}}\n", "project.unknown_placeholder"),
        (PYTHON, COLUMNS, f"{COLUMNS}secrets: {{'a..b': SHOP_KEY}}\n", "project.bad_secret"),
        (PYTHON, COLUMNS, f"{COLUMNS}whatever: 1\n", "document.unknown_key"),
    ],
)
def test_each_mistake_is_found(base: str, old: str, new: str, code: str) -> None:
    assert old in base
    dataset, findings = _read(base.replace(old, new))
    assert dataset is None
    assert [finding.code for finding in findings] == [code]


@pytest.mark.parametrize(
    "lines",
    [
        f"config: {{api_key: {CANARY}}}\n",
        f"config: {{shop: {{access-token: {CANARY}}}}}\n",
        f"config: {{hosts: ['postgresql://reader:{CANARY}@db/shop']}}\n",
        f"secrets: {{api_key: '{CANARY}!'}}\n",
        f"secrets: {{api_key: {{file: '../{CANARY}'}}}}\n",
    ],
)
def test_the_value_of_a_secret_is_refused_and_not_repeated(lines: str) -> None:
    _, findings = _read(PYTHON + lines)
    assert [finding.code for finding in findings] == ["source.secret_in_project"]
    assert CANARY not in str(findings)


def test_what_decides_rows_makes_a_version_and_what_does_not_makes_none() -> None:
    def version(text: str) -> str:
        return own_digest(_source(text)[0])

    plain = version(DLT)
    for line in (
        "refresh: day\n",
        "timeout: 5m\n",
        "secrets: {client.auth.token: KEY}\n",
        "ignore: [a]\n",
        "pool: p\n",
    ):
        assert version(DLT + line) == plain, line
    others = {
        version(DLT.replace("shop.example", "other.example")),
        version(DLT.replace("resource: orders", "resource: lines")),
        version(f"{DLT}materialize: append\n"),
        version(f"{DLT}drift: evolve\n"),
        version(f"{DLT}reload: 1\n"),
        version(f"{DLT}reload: 2\n"),
        version(DLT.replace("  day: DATE\n", "")),
        plain,
    }
    assert len(others) == 8


def test_the_code_that_a_function_reaches_makes_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = own_digest(_source(PYTHON)[0])
    monkeypatch.setitem(TEXTS, "pipelines/shop/api.py", "# a remark\n" + TEXTS["pipelines/shop/api.py"])
    assert own_digest(_source(PYTHON)[0]) == before
    monkeypatch.setitem(TEXTS, "pipelines/shop/api.py", "def orders():\n    yield {'id': 1}\n")
    assert own_digest(_source(PYTHON)[0]) != before
