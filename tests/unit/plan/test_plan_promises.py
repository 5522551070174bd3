"""`check` warns of columns that a run would refuse, and of nothing in a project that is right."""

from __future__ import annotations

import pytest

from penstock.model.findings import Severity
from penstock.plan.promises import column_findings
from penstock.project.reading import read_project

CONTRACT = (
    "apiVersion: v3.1.0\nkind: DataContract\nid: s.stg\nname: s.stg\nversion: 1.0.0\nstatus: active\n"
    "schema:\n  - name: stg\n    physicalName: s.stg\n    logicalType: object\n    properties:\n"
    "      - {name: day, logicalType: date, physicalType: DATE}\n"
    "      - {name: amount, logicalType: integer, physicalType: INTEGER}\n"
)
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/raw.source.yaml": (
        "format: csv\npath: d/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [Day, Amount]\n"
    ),
    "pipelines/s/stg.sql": (
        "/* penstock\nmaterialize: merge\nkey: [day]\ninterval: day(day)\n*/\n"
        "SELECT CAST(day AS DATE) AS day, CAST(amount AS INTEGER) AS amount FROM s.raw\n"
        "WHERE _interval_start >= $interval_start AND _interval_start < $interval_end\n"
    ),
    "pipelines/s/mart.sql": "/* penstock\nmaterialize: table\n*/\nSELECT sum(amount) AS total FROM s.stg\n",
    "contracts/s.stg.odcs.yaml": CONTRACT,
}


def _said(path: str, old: str, new: str) -> list[tuple[str, str]]:
    """Codes and messages after a piece of a file is another."""
    assert old in FILES[path]
    files = {**FILES, path: FILES[path].replace(old, new)}
    findings = column_findings(read_project({name: text.encode() for name, text in files.items()}))
    assert {finding.severity for finding in findings} <= {Severity.WARNING}
    assert all(finding.place.file and finding.remedy for finding in findings)
    return [(finding.code, finding.message) for finding in findings]


def test_nothing_is_said_of_a_project_that_is_right() -> None:
    assert _said("penstock.yaml", "shop", "shop") == []


@pytest.mark.parametrize(
    ("path", "old", "new", "code", "words"),
    [
        ("pipelines/s/mart.sql", "sum(amount)", "sum(amout)", "sql.unknown_column", "amout"),
        ("pipelines/s/stg.sql", "CAST(amount", "CAST(amounts", "sql.unknown_column", "amounts"),
        ("pipelines/s/stg.sql", "key: [day]", "key: [nope]", "check.column_missing", "its key is nope"),
        ("pipelines/s/stg.sql", "day(day)", "day(moment)", "check.column_missing", "its interval is moment"),
        ("pipelines/s/stg.sql", " AS amount", " AS amount, 1 AS one", "check.column_extra", "one"),
        ("contracts/s.stg.odcs.yaml", "name: amount", "name: price", "check.column_missing", "names price"),
    ],
)
def test_a_column_that_a_run_would_refuse_is_warned_of(path: str, old: str, new: str, code: str, words: str) -> None:
    said = _said(path, old, new)
    assert any(found == code and words in message for found, message in said), said


# -- sources ----------------------------------------------------------------------------------------------------------

SOURCE_HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.raw
version: 1.0.0
schema:
  - name: raw
    physicalName: shop.raw
    properties:
"""


def of_source(source: str, *columns: str) -> list[tuple[str, str, str | None]]:
    promised = "".join(f"      - {{name: {name}, physicalType: {type_}}}\n" for name, type_ in map(str.split, columns))
    files = {
        "penstock.yaml": "name: shop\n",
        "pipelines/shop/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-03-01\n",
        "pipelines/shop/raw.source.yaml": source,
        "contracts/shop.raw.odcs.yaml": f"{SOURCE_HEAD}{promised}",
    }
    found = column_findings(read_project({name: text.encode() for name, text in files.items()}))
    return [(finding.code, str(finding.severity), finding.place.field) for finding in found]


TEXTS = "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [id, Amount]\n"
BOTH = ("_file VARCHAR", "_interval_start TIMESTAMP")


def test_a_source_whose_columns_are_those_of_its_contract_is_right_whatever_its_text_is_cast_to() -> None:
    assert of_source(TEXTS, "id BIGINT", "amount DOUBLE", *BOTH) == []


def test_a_column_that_a_source_lacks_or_has_beyond_its_contract_is_an_error() -> None:
    assert of_source(TEXTS, "id BIGINT", "price VARCHAR", *BOTH) == [
        ("check.column_missing", "error", "price"),
        ("check.column_extra", "error", "Amount"),
    ]
    assert of_source(TEXTS, "id BIGINT", "amount VARCHAR", "_file VARCHAR") == [
        ("check.column_extra", "error", "_interval_start")
    ]


def test_a_typed_column_of_a_source_has_the_type_that_its_contract_says() -> None:
    typed = "format: parquet\npath: data/all.parquet\ncolumns: [{name: id, type: BIGINT}, note]\n"
    assert of_source(typed, "id INTEGER", "note DATE", "_file VARCHAR") == [("check.column_type", "error", "id")]
    assert of_source(typed, "id BIGINT", "note DATE", "_file VARCHAR") == []


def test_a_connector_declares_its_columns_as_other_sources_do() -> None:
    given = "format: airbyte\ncommand: [connectors/shop]\nstream: orders\ncolumns: {id: BIGINT, tags: JSON}\n"
    assert of_source(given, "ID BIGINT", "tags JSON") == []
    assert of_source(given, "id VARCHAR", "price DOUBLE") == [
        ("check.column_type", "error", "id"),
        ("check.column_missing", "error", "price"),
        ("check.column_extra", "error", "tags"),
    ]
