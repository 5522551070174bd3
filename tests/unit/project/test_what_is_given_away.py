"""What a project's files may not reach for: the masking key, what lies outside a dataset, in checks as in queries."""

from __future__ import annotations

import pytest

from penstock.model.errors import InputError
from penstock.model.findings import blocking
from penstock.project.reading import read_project

FILES = {
    "penstock.yaml": "name: p\nmasking: {key: PEOPLE_KEY}\n",
    "pipelines/s/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/order.sql": "/* penstock\nmaterialize: table\n*/\nSELECT 1 AS id\n",
}
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: s.order
version: 1.0.0
status: active
schema:
  - name: order
    physicalName: s.order
    properties:
      - {name: id, physicalType: INTEGER}
    quality:
      - {type: sql, query: "QUERY", mustBe: 0}
"""


def _codes(**files: str) -> list[str]:
    texts = {**FILES, **{path.replace("__", "/").replace("_dot_", "."): text for path, text in files.items()}}
    try:
        read_project({path: text.encode() for path, text in texts.items()})
    except InputError as error:
        return [finding.code for finding in blocking(error.findings)]
    return []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (
            "SELECT CAST(hex(CAST(getvariable('penstock_mask_inner') AS BLOB)) AS INTEGER) FROM {object}",
            "environment_read",
        ),
        ("SELECT count(*) FROM {object} WHERE current_setting('x') = 'y'", "environment_read"),
        ("SELECT count(*) FROM {object}, read_csv('a.csv')", "file_read"),
        ("SELECT count(*) FROM {object} JOIN _penstock.ledger ON true", "not_a_dataset"),
        ("SELECT count(*) FROM {object} JOIN s.other ON true", "unknown_dataset"),
    ],
)
def test_a_check_of_a_contract_may_reach_for_no_more_than_a_query(query: str, code: str) -> None:
    assert _codes(**{"contracts__s.order.odcs_dot_yaml": CONTRACT.replace("QUERY", query)}) == [f"sql.{code}"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object} WHERE id < 0",
        "SELECT count(*) FROM {object} AS a JOIN {object} AS b ON a.id > b.id",
        "WITH x AS (SELECT * FROM {object}) SELECT count(*) FROM x WHERE {object}.id IS NULL",
    ],
)
def test_a_check_reads_its_own_rows_whatever_its_dataset_is_called(query: str) -> None:
    assert _codes(**{"contracts__s.order.odcs_dot_yaml": CONTRACT.replace("QUERY", query)}) == []


BUCKET = "path: s3://bucket/x.csv\nformat: csv\ncolumns: [a]\nstorage: {credentials: {key: PEOPLE_KEY, secret: B}}"
TABLE = "format: database\nengine: postgres\nconnection: PEOPLE_KEY\ntable: t\ncolumns: {a: BIGINT}"
CODE = "from penstock import task\n\n\n@task(reads={}, secrets=['PEOPLE_KEY'])\ndef code():\n    return None"


@pytest.mark.parametrize(
    ("file", "text"), [("bucket.source.yaml", BUCKET), ("table.source.yaml", TABLE), ("code.py", CODE)]
)
def test_nothing_is_given_the_masking_key(file: str, text: str) -> None:
    assert _codes(**{f"pipelines__s__{file}": text + "\n"}) == ["project.masking_key_handed_on"]
    assert _codes(**{f"pipelines__s__{file}": text.replace("PEOPLE_KEY", "OTHER_KEY") + "\n"}) == []
