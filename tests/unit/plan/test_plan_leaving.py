"""Which columns of a dataset hold personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.plan.leaving import personal_columns
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from penstock.model.pipelines import Project


def _contract(name: str, columns: str) -> str:
    short = name.partition(".")[2]
    return (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: {name}\nname: {name}\nversion: 1.0.0\nstatus: active\n"
        f"schema:\n  - name: {short}\n    physicalName: {name}\n    logicalType: object\n    properties:\n{columns}"
    )


def _column(name: str, kind: str = "") -> str:
    tag = f", customProperties: [{{property: personalData, value: {kind}}}]" if kind else ""
    return f"      - {{name: {name}, logicalType: string, physicalType: VARCHAR{tag}}}\n"


def _query(sql: str) -> str:
    return f"/* penstock\nmaterialize: table\n*/\n{sql}\n"


def _project(**changed: str) -> Project:
    files = {
        "penstock.yaml": "name: p\n",
        "pipelines/s/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-03-01\n",
        "pipelines/s/raw.source.yaml": "format: csv\npath: data/x.csv\ncolumns: [id, email, town]\n",
        "contracts/s.raw.odcs.yaml": _contract("s.raw", _column("id") + _column("email", "email") + _column("town")),
        "pipelines/s/middle.sql": _query("SELECT id, lower(email) AS mail, town FROM s.raw"),
        "pipelines/s/top.sql": _query("SELECT mail || '!' AS shout, town, count(*) AS n FROM s.middle GROUP BY ALL"),
        "pipelines/s/counted.sql": _query("SELECT count(*) AS n FROM s.middle WHERE mail IS NOT NULL"),
        "pipelines/s/made.py": (
            'from penstock import task\n\n\n@task(reads={"raw": "s.raw"}, materialize="table")\n'
            'def made(raw):\n    """It."""\n    return raw\n'
        ),
        **{path.replace("__", "/"): text for path, text in changed.items()},
    }
    return read_project({path: text.encode() for path, text in files.items()})


def _kinds(project: Project, name: str) -> dict[str, str]:
    return {column: found.told for column, found in personal_columns(project, name).items()}


def test_what_a_contract_tags_is_personal_and_no_other_column() -> None:
    assert _kinds(_project(), "s.raw") == {"email": "email"}


def test_without_a_contract_values_are_followed_up_through_queries() -> None:
    project = _project()
    assert _kinds(project, "s.middle") == {"mail": "email, from s.raw.email"}
    assert _kinds(project, "s.top") == {"shout": "email, from s.raw.email"}


def test_a_condition_carries_no_values_on() -> None:
    assert _kinds(_project(), "s.counted") == {}


def test_what_python_makes_counts_by_the_names_of_what_it_reads() -> None:
    assert _kinds(_project(), "s.made") == {"email": "email, from s.raw.email"}


def test_a_contract_that_forgets_the_tag_does_not_hide_it() -> None:
    project = _project(**{"contracts__s.middle.odcs.yaml": _contract("s.middle", _column("id") + _column("mail"))})
    assert _kinds(project, "s.middle") == {"mail": "email, from s.raw.email"}
