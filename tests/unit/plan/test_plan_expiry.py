"""A contract's retention becomes a horizon; promises that cannot be kept, or that readers break, are warned of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from penstock.model.findings import Severity
from penstock.plan.expiry import behind, retention_findings, row_retentions, upstream
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from penstock.model.pipelines import Project

NOW = datetime(2024, 5, 31, 15, 30, tzinfo=UTC)
EMAIL = "{name: email, physicalType: VARCHAR, customProperties: [{property: personalData, value: email}]}"
DAY = "{name: day, physicalType: TIMESTAMP}"
WHOLE = "/* penstock\nmaterialize: table\n*/\n"
SLICED = "/* penstock\nmaterialize: incremental\ninterval: day(day)\n*/\n"
BETWEEN = "WHERE day >= $interval_start AND day < $interval_end"
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/raw.source.yaml": (
        "format: csv\npath: d/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [Day, Email]\n"
    ),
    "pipelines/s/stg.sql": f"{SLICED}SELECT CAST(_interval_start AS TIMESTAMP) AS day, Email AS email FROM s.raw\n"
    "WHERE _interval_start >= $interval_start AND _interval_start < $interval_end\n",
}


def contract(name: str, *columns: str, kept: str = "value: 90, unit: d") -> dict[str, str]:
    """The contract of a dataset of `s`, by its path."""
    listed = "".join(f"      - {column}\n" for column in columns)
    promise = f"slaProperties:\n  - {{property: retention, {kept}}}\n" if kept else ""
    text = (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: s.{name}\nversion: 1.0.0\nschema:\n  - name: {name}\n"
        f"    physicalName: s.{name}\n    properties:\n{listed}{promise}"
    )
    return {f"contracts/s.{name}.odcs.yaml": text}


STAGED = contract("stg", DAY, EMAIL)


def said(*more: dict[str, str]) -> list[tuple[str, str]]:
    """Codes and datasets of what is found with these files too."""
    files = dict(FILES)
    for each in (STAGED, *more):
        files |= each
    findings = retention_findings(read_project({name: text.encode() for name, text in files.items()}))
    assert {finding.severity for finding in findings} <= {Severity.WARNING}
    assert all(finding.place.file and finding.remedy and finding.expected for finding in findings)
    return [(finding.code, str(finding.place.dataset)) for finding in findings]


def horizon(kept: str) -> str:
    """Before which moment rows of the staged dataset go."""
    files = {**FILES, **contract("stg", DAY, EMAIL, kept=kept)}
    project = read_project({name: text.encode() for name, text in files.items()})
    return row_retentions(project)["s.stg"].horizon(NOW).isoformat()


@pytest.mark.parametrize(
    ("kept", "before"),
    [
        ("value: 90, unit: d", "2024-03-02"), ("value: 3, unit: months", "2024-02-29"), ("value: P1Y", "2023-05-31"),
        ("value: 12, unit: h", "2024-05-31"), ("value: 16, unit: h", "2024-05-30"),
    ],
)  # fmt: skip
def test_an_interval_goes_when_all_of_it_is_older_than_the_period(kept: str, before: str) -> None:
    assert horizon(kept) == f"{before}T00:00:00+00:00"


def test_nothing_is_said_of_promises_that_can_be_kept() -> None:
    assert said() == []


def test_a_promise_that_is_no_period_or_counts_from_nothing_is_warned_of() -> None:
    mart = {"pipelines/s/mart.sql": "/* penstock\nmaterialize: merge\nkey: [n]\n*/\nSELECT count(*) AS n FROM s.stg\n"}
    counted = "{name: n, physicalType: BIGINT}"
    assert said(mart, contract("mart", counted)) == [("retention.no_basis", "s.mart")]
    made_anew = {"pipelines/s/mart.sql": f"{WHOLE}SELECT count(*) AS n FROM s.stg\n"}
    assert said(made_anew, contract("mart", counted)) == []
    assert said(mart, contract("mart", counted, kept="value: forever")) == [("retention.unreadable", "s.mart")]
    seen = "{name: seen_at, physicalType: TIMESTAMP}"
    other = contract("stg", DAY, EMAIL, seen, kept="value: 90, unit: d, element: stg.seen_at")
    assert said(other) == [("retention.other_column", "s.stg")]


@pytest.mark.parametrize(
    ("kept", "findings"),
    [
        ("", [("retention.kept_longer", "s.mails")]),
        ("value: 1, unit: year", [("retention.kept_longer", "s.mails")]),
        ("value: 90, unit: d", []),
        ("value: 1, unit: week", []),
    ],
)
def test_personal_data_may_not_be_kept_longer_downstream(kept: str, findings: list[tuple[str, str]]) -> None:
    mails = {"pipelines/s/mails.sql": f"{SLICED}SELECT day, lower(email) AS email FROM s.stg\n{BETWEEN}\n"}
    assert said(mails, contract("mails", DAY, EMAIL, kept=kept)) == findings


def test_what_no_contract_calls_personal_may_be_kept() -> None:
    mails = {"pipelines/s/mails.sql": f"{WHOLE}SELECT day, count(email) AS email FROM s.stg GROUP BY day\n"}
    plain = "{name: email, physicalType: BIGINT}"
    assert said(mails, contract("mails", DAY, plain, kept="")) == []


def test_personal_data_is_followed_through_views_and_by_name_through_code() -> None:
    seen = {"pipelines/s/seen.sql": "/* penstock\nmaterialize: view\n*/\nSELECT email FROM s.stg\n"}
    mails = {"pipelines/s/mails.sql": f"{WHOLE}SELECT email AS address FROM s.seen\n"}
    address = EMAIL.replace("name: email", "name: address")
    assert said(seen, mails, contract("mails", address, kept="")) == [("retention.kept_longer", "s.mails")]
    code = {
        "pipelines/s/coded.py": "import pyarrow as pa\nfrom penstock.tasks import task\n\n\n"
        "@task(reads={'stg': 's.stg'})\ndef coded(stg: pa.Table) -> pa.Table:\n    return stg\n"
    }
    assert said(code, contract("coded", EMAIL, kept="")) == [("retention.kept_longer", "s.coded")]


def test_the_shortest_retention_above_counts() -> None:
    mails = {"pipelines/s/mails.sql": f"{SLICED}SELECT day, email FROM s.stg\n{BETWEEN}\n"}
    again = {"pipelines/s/again.sql": f"{SLICED}SELECT day, email FROM s.mails\n{BETWEEN}\n"}
    week = contract("mails", DAY, EMAIL, kept="value: 1, unit: week")
    found = said(mails, week, again, contract("again", DAY, EMAIL, kept="value: 30, unit: d"))
    assert found == [("retention.kept_longer", "s.again")]


def _project(*more: dict[str, str]) -> Project:
    files = dict(FILES)
    for each in (STAGED, *more):
        files |= each
    return read_project({name: text.encode() for name, text in files.items()})


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ("", "no retention"),
        ("value: 30, unit: d", "30 days that is not enforced: without intervals, and with no element"),
        ("value: forever", "no period (forever)"),
    ],
)
def test_a_warning_of_what_is_kept_longer_names_the_cause(kept: str, found: str) -> None:
    mails = {"pipelines/s/mails.sql": f"{WHOLE}SELECT lower(email) AS email FROM s.stg\n"}
    findings = retention_findings(_project(mails, contract("mails", EMAIL, kept=kept)))
    (warning,) = [finding for finding in findings if finding.code == "retention.kept_longer"]
    assert found in (warning.found or "")


def test_what_rows_were_made_of_and_keeps_them_longer_is_named() -> None:
    mails = {"pipelines/s/mails.sql": f"{SLICED}SELECT day, lower(email) AS email FROM s.stg\n{BETWEEN}\n"}
    project = _project(mails, contract("mails", DAY, EMAIL, kept="value: 7, unit: d"))
    assert upstream(project, ["s.mails"]) == ("s.raw", "s.stg", "s.mails")
    told = {each.dataset: (each.why, each.readers) for each in behind(project, ["s.mails", "s.stg"])}
    assert told == {
        "s.raw": ("no retention", ("s.mails", "s.stg")),
        "s.stg": ("keeps rows for 90 days", ("s.mails",)),
    }


def test_what_keeps_rows_no_longer_than_they_are_kept_below_is_not_named() -> None:
    mails = {"pipelines/s/mails.sql": f"{SLICED}SELECT day, lower(email) AS email FROM s.stg\n{BETWEEN}\n"}
    project = _project(mails, contract("mails", DAY, EMAIL, kept="value: 1, unit: year"))
    assert [each.dataset for each in behind(project, ["s.mails"])] == ["s.raw"]
