"""Personal values are followed from tagged columns to the end, whatever is in between; what says nothing is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.model.findings import Severity
from penstock.model.masking import Degree
from penstock.plan.exposure import exposed_columns, exposure_findings
from penstock.plan.personal import Standing, personal_data
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Project
    from penstock.plan.personal import PersonalColumn

SOURCE = "format: csv\npath: d/people.csv\ncolumns: [id, email, pay]\n"
FILES: Mapping[str, str] = {
    "penstock.yaml": "name: people\nmasking:\n  key: PEOPLE_KEY\n",
    "pipelines/c/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/c/raw.source.yaml": SOURCE,
}


def _contract(name: str, **columns: str) -> str:
    lines = [
        "apiVersion: v3.1.0", "kind: DataContract", f"id: c.{name}", "version: 1.0.0", "status: active",
        "schema:", f"  - name: {name}", f"    physicalName: c.{name}", "    properties:",
    ]  # fmt: skip
    for column, said in columns.items():
        type_, _, kind = said.partition(" ")
        lines += [f"      - name: {column}", f"        physicalType: {type_}"]
        if kind:
            lines += [f"        customProperties: [{{property: personalData, value: {kind}}}]"]
    return "\n".join(lines) + "\n"


RAW = _contract("raw", id="VARCHAR", email="VARCHAR email", pay="VARCHAR personal", _file="VARCHAR")


def _project(queries: Mapping[str, str], contracts: Mapping[str, str], **others: str) -> Project:
    files = {**FILES, "contracts/c.raw.odcs.yaml": RAW, **others}
    files |= {
        f"pipelines/c/{name}.sql": f"/* penstock\nmaterialize: table\n*/\n{sql}\n" for name, sql in queries.items()
    }
    files |= {f"contracts/c.{name}.odcs.yaml": text for name, text in contracts.items()}
    return read_project({path: text.encode() for path, text in files.items()})


def _columns(project: Project) -> dict[str, PersonalColumn]:
    found = {f"{one.dataset.removeprefix('c.')}.{one.column}": one for one in personal_data(project).columns}
    return {name: one for name, one in found.items() if not name.startswith("raw.")}


def _one(sql: str, **columns: str) -> PersonalColumn:
    """What stands of the column x of a dataset that reads the source."""
    return _columns(_project({"a": sql}, {"a": _contract("a", **columns)}))["a.x"]


def test_a_contract_that_says_none_against_lineage_is_told_what_it_says() -> None:
    project = _project({"a": "SELECT lower(email) AS x FROM c.raw"}, {"a": _contract("a", x="VARCHAR none")})
    (finding,) = exposure_findings(personal_data(project))
    assert (
        finding.message == "c.a.x carries email from c.raw.email and is tagged as `personalData: none`, which it is not"
    )
    assert finding.found == "email by lineage, clear, tagged `personalData: none`"
    (exposed,) = exposed_columns(project, ["c.a"])
    assert exposed.tag == "`personalData: none`"


def test_a_copy_without_a_tag_is_open_and_says_where_it_comes_from() -> None:
    column = _one("SELECT lower(email) AS x FROM c.raw", x="VARCHAR")
    assert (column.standing, column.degree, column.tag) == (Standing.UNTAGGED, Degree.CLEAR, None)
    (flow,) = column.flows
    assert (flow.kind, flow.origin, flow.last) == ("email", ("c.raw", "email"), ("c.raw", "email"))
    assert (column.place.file, column.place.line) == ("pipelines/c/a.sql", 4)


@pytest.mark.parametrize(
    ("value", "tag", "standing"),
    [
        ("email", "email", Standing.TAGGED),
        ("email", "other_kind", Standing.TAGGED),
        ("email", "pseudonym", Standing.MISTAGGED),
        ("email", "generalised", Standing.MISTAGGED),
        ("mask_hash(email)", "", Standing.UNTAGGED),
        ("mask_hash(email)", "pseudonym", Standing.TAGGED),
        ("mask_hash(email)", "email", Standing.TAGGED),
        ("mask_hash(email)", "generalised", Standing.MISTAGGED),
        ("mask_domain(email)", "", Standing.UNTAGGED),
        ("mask_domain(email)", "generalised", Standing.TAGGED),
        ("mask_domain(email)", "pseudonym", Standing.TAGGED),
        ("substr(email, 1, 2)", "generalised", Standing.MISTAGGED),
        ("coalesce(mask_hash(email), pay)", "pseudonym", Standing.MISTAGGED),
    ],
)
def test_a_tag_must_say_what_the_values_are(value: str, tag: str, standing: Standing) -> None:
    assert _one(f"SELECT {value} AS x FROM c.raw", x=f"VARCHAR {tag}".strip()).standing is standing


@pytest.mark.parametrize("value", ["count(email)", "mask_null(email)", "max(id)", "max(email) IS NULL"])
def test_what_shows_nobody_is_not_spoken_of(value: str) -> None:
    project = _project({"a": f"SELECT {value} AS x FROM c.raw"}, {"a": _contract("a", x="VARCHAR")})
    assert _columns(project) == {}


def test_values_are_followed_through_what_has_no_contract_and_no_tag() -> None:
    queries = {
        "a": "SELECT id, email AS e FROM c.raw",
        "b": "SELECT id, e || '' AS f FROM c.a",
        "d": "SELECT mask_hash(f) AS x FROM c.b",
    }
    found = _columns(
        _project(queries, {"b": _contract("b", id="VARCHAR", f="VARCHAR"), "d": _contract("d", x="VARCHAR")})
    )
    standings = {name: (column.standing, column.degree) for name, column in found.items()}
    assert standings == {
        "a.e": (Standing.NO_CONTRACT, Degree.CLEAR),
        "b.f": (Standing.UNTAGGED, Degree.CLEAR),
        "d.x": (Standing.UNTAGGED, Degree.PSEUDONYM),
    }
    assert {flow.origin for column in found.values() for flow in column.flows} == {("c.raw", "email")}


def test_a_tagged_column_answers_for_what_it_holds() -> None:
    queries = {"a": "SELECT mask_hash(email) AS p FROM c.raw", "b": "SELECT max(p) AS x FROM c.a"}
    found = _columns(_project(queries, {"a": _contract("a", p="VARCHAR pseudonym"), "b": _contract("b", x="VARCHAR")}))
    (flow,) = found["b.x"].flows
    assert (flow.degree, flow.last, flow.origin) == (Degree.PSEUDONYM, ("c.a", "p"), ("c.raw", "email"))


def test_a_wrong_tag_masks_nothing_further_down() -> None:
    queries = {"a": "SELECT email AS p FROM c.raw", "b": "SELECT p AS x FROM c.a"}
    contracts = {"a": _contract("a", p="VARCHAR pseudonym"), "b": _contract("b", x="VARCHAR pseudonym")}
    assert {column.standing for column in _columns(_project(queries, contracts)).values()} == {Standing.MISTAGGED}


def test_a_number_is_a_copy_if_it_was_only_cast_and_none_if_it_was_made() -> None:
    queries = {
        "a": "SELECT CAST(pay AS INTEGER) AS x, strpos(email, '@') AS y, sum(CAST(pay AS INTEGER)) AS z"
        " FROM c.raw GROUP BY ALL"
    }
    contract = _contract("a", x="INTEGER", y="BIGINT", z="HUGEINT")
    assert set(_columns(_project(queries, {"a": contract}))) == {"a.x"}


@pytest.mark.parametrize("kind", ["phone", "national_id", "payment_card", "bank_account", "customer_id", "other"])
def test_a_number_made_of_digits_is_the_value(kind: str) -> None:
    raw = _contract("raw", id=f"VARCHAR {kind}", email="VARCHAR", pay="VARCHAR", _file="VARCHAR")
    queries = {"a": "SELECT CAST(replace(id, '+', '') AS BIGINT) AS x FROM c.raw"}
    contracts = {"raw": raw, "a": _contract("a", x="BIGINT")}
    assert set(_columns(_project(queries, contracts))) == {"a.x"}


@pytest.mark.parametrize("said", ["VARCHAR birth_date", "DATE personal"])
def test_an_age_is_not_a_date_of_birth(said: str) -> None:
    raw = _contract("raw", id=said, email="VARCHAR", pay="VARCHAR", _file="VARCHAR")
    queries = {"a": "SELECT date_diff('year', CAST(id AS DATE), DATE '2024-01-01') AS x FROM c.raw"}
    assert not _columns(_project(queries, {"raw": raw, "a": _contract("a", x="BIGINT")}))


def test_code_is_followed_by_what_it_declares_and_named_where_it_declares_nothing() -> None:
    code = (
        "from penstock.tasks import task\nimport pyarrow as pa\n\n\n"
        "@task(reads={'rows': 'c.raw'}DECLARED)\ndef CALLED(rows: pa.Table) -> pa.Table:\n    return rows\n"
    )
    declared = ", columns={'x': ['rows.email']}"
    project = _project(
        {},
        {"a": _contract("a", x="VARCHAR"), "b": _contract("b", x="VARCHAR")},
        **{
            "pipelines/c/a.py": code.replace("DECLARED", declared).replace("CALLED", "a"),
            "pipelines/c/b.py": code.replace("DECLARED", "").replace("CALLED", "b"),
        },
    )
    data = personal_data(project)
    assert [column.node for column in data.open] == [("c.a", "x")]
    assert data.unfollowed == {"c.b": ("c.raw.email", "c.raw.pay")}


def test_check_warns_and_the_gate_is_told_of_what_the_change_touches() -> None:
    queries = {"a": "SELECT email AS x FROM c.raw", "b": "SELECT mask_hash(email) AS x FROM c.raw"}
    project = _project(queries, {name: _contract(name, x="VARCHAR") for name in queries})
    findings = exposure_findings(personal_data(project))
    assert [(one.code, one.severity) for one in findings] == [("personal.untagged", Severity.WARNING)] * 2
    assert findings[0].message == "c.a.x carries email from c.raw.email and is not tagged as personal"
    assert "pseudonyms of email" in findings[1].message
    assert [one.dataset for one in exposed_columns(project, ["c.b"])] == ["c.b"]
