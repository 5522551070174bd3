"""What another tool observed is kept of columns that are known to be nobody's data, and of no other."""

from __future__ import annotations

import pytest

from penstock.plan.observed import kept_of
from penstock.project.reading import read_project
from penstock.quality.expectations.outcomes import read_suite_results

PEOPLE = "format: csv\npath: people.csv\ncolumns: [id, email]\n"
TABLE = "/* penstock\nmaterialize: table\n*/\n"
EMAIL = "physicalType: VARCHAR, customProperties: [{property: personalData, value: email}]"


def contract(name: str, *columns: str) -> str:
    head = f"apiVersion: v3.1.0\nkind: DataContract\nid: crm.{name}\nversion: 1.0.0\nschema:\n  - name: {name}\n"
    lines = "".join(f"      - {{name: {column}}}\n" for column in columns)
    return f"{head}    physicalName: crm.{name}\n    properties:\n{lines}"


def said(dataset: str, *columns: str) -> str:
    """What is kept of a value observed in these columns, or of the rows as a whole."""
    files = {
        "penstock.yaml": "name: crm\n",
        "pipelines/crm/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-03-01\n",
        "pipelines/crm/people.source.yaml": PEOPLE,
        "pipelines/crm/copies.sql": f"{TABLE}SELECT id, email AS Contact FROM crm.people\n",
        "pipelines/crm/bare.sql": f"{TABLE}SELECT id FROM crm.people\n",
        "pipelines/crm/counts.sql": f"{TABLE}SELECT count(*) AS N FROM crm.people\n",
        "contracts/crm.people.odcs.yaml": contract("people", "id, physicalType: VARCHAR", f"email, {EMAIL}"),
        "contracts/crm.copies.odcs.yaml": contract(
            "copies", "id, physicalType: VARCHAR", "contact, physicalType: VARCHAR"
        ),
        "contracts/crm.counts.odcs.yaml": contract("counts", "n, physicalType: BIGINT"),
    }
    kept = kept_of(read_project({name: text.encode() for name, text in files.items()}), dataset)
    row = {
        "success": False,
        "expectation_config": {"type": "expect_it", "kwargs": {"column_list": list(columns)}},
        "result": {"observed_value": "ann"},
    }
    (found,) = read_suite_results({"suite_name": "s", "results": [row]}, "r.json", kept)
    return found.results[0].found


@pytest.mark.parametrize(
    ("dataset", "columns"),
    [
        ("crm.people", ("EMAIL",)),  # a suite spells it as it likes
        ("crm.people", ("id", "Email")),
        ("crm.people", ("id", "e-mail")),  # the contract does not know it
        ("crm.people", ()),
        ("crm.copies", ("contact",)),  # personal by lineage alone
        ("crm.copies", ()),
        ("crm.bare", ("id",)),  # without a contract nobody knows
        ("crm.bare", ()),
    ],
)
def test_what_may_be_somebodys_is_not_kept(dataset: str, columns: tuple[str, ...]) -> None:
    assert said(dataset, *columns) == ""


@pytest.mark.parametrize(
    ("dataset", "columns"),
    [("crm.people", ("ID",)), ("crm.copies", ("id",)), ("crm.counts", ("n",)), ("crm.counts", ())],
)
def test_what_is_nobodys_is_kept(dataset: str, columns: tuple[str, ...]) -> None:
    assert said(dataset, *columns) == "observed ann"
