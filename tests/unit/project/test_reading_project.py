from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_cases import (
    CONTRACT,
    FILES,
    PIPELINE,
    PYTHON,
    SLO,
    SOURCE,
    SQL,
    TESTS,
    edited,
    error,
    errors,
    project,
    project_files,
)

from penstock.model.findings import Severity
from penstock.project import reading
from penstock.project.layout import is_project_file
from penstock.project.reading import examine
from penstock.project.sql_file import read_sql

if TYPE_CHECKING:
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset

QUERY = "/* penstock\nmaterialize: table\n*/\nSELECT day FROM "


def test_a_whole_project_is_read_into_its_model() -> None:
    read = project()
    assert read.settings.name == "shop"
    assert list(read.pipelines) == ["shop"]
    assert list(read.datasets) == ["shop.best", "shop.daily", "shop.orders"]
    assert read.datasets["shop.daily"].reads == ("shop.orders",)
    assert read.datasets["shop.daily"].contract is not None
    assert [case.name for case in read.tests] == ["one order"]
    assert [slo.dataset for slo in read.slos] == ["shop.daily"]
    assert set(read.files) == set(FILES)


def test_the_order_of_the_files_does_not_matter() -> None:
    whole = {path: text.encode() for path, text in FILES.items()}
    assert examine(dict(reversed(whole.items()))) == examine(whole)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("penstock.yaml", True),
        (SQL, True),
        (PYTHON, True),
        (SOURCE, True),
        (CONTRACT, True),
        (TESTS, True),
        (SLO, True),
        ("pipelines/shop/rates.command.yaml", True),
        ("commands/rates", True),
        ("commands/deep/er.sh", True),
        ("scripts/rates.sh", False),
        ("sub/penstock.yaml", False),
        ("pipelines/shop/README.md", False),
        ("contracts/notes.yaml", False),
        ("changes/SHOP-1/plan.json", False),
        ("stories/SHOP-1.md", False),
    ],
)
def test_only_some_files_make_up_the_model(path: str, is_one: bool) -> None:
    assert is_project_file(path) is is_one


def test_a_project_without_settings_is_none() -> None:
    assert error("penstock.yaml", None) == ("project.no_settings", "penstock.yaml", None)


def test_a_dataset_that_no_file_makes_is_named_where_it_is_read() -> None:
    assert error("pipelines/shop/x.sql", f"{QUERY}\n  shop.dayly") == (
        "project.unknown_dataset",
        "pipelines/shop/x.sql",
        5,
    )
    (finding,) = errors({"pipelines/shop/x.sql": f"{QUERY}shop.dayly"})
    assert finding.expected == "perhaps shop.daily"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_told_in_reading_order(length: int) -> None:
    names = [f"d{number}" for number in range(length)]
    ring = {
        f"pipelines/shop/{name}.sql": f"{QUERY}shop.{after}"
        for name, after in zip(names, [*names[1:], names[0]], strict=True)
    }
    (finding,) = errors(dict(ring))
    assert finding.code == "project.cycle"
    told = finding.message.partition(": ")[2].split(" reads ")
    assert told[0] == told[-1]
    assert sorted(told[:-1]) == [f"shop.{name}" for name in names]
    for reader, read in pairwise(told):
        assert f"FROM {read}" in ring[f"pipelines/shop/{reader.removeprefix('shop.')}.sql"]


def test_a_dataset_is_made_by_one_file() -> None:
    assert error("pipelines/shop/daily.py", FILES[PYTHON].replace("shop.daily", "shop.orders"))[0] == (
        "project.duplicate_dataset"
    )


@pytest.mark.parametrize(
    "path",
    ["pipelines/shop/Daily.sql", "pipelines/shop/1st.sql", "pipelines/shop/a-b.sql", "pipelines/shop/a.b.sql"],
)
def test_a_name_that_cannot_name_a_dataset_is_refused(path: str) -> None:
    assert error(path, f"{QUERY}shop.daily")[:2] == ("project.bad_name", path)


@pytest.mark.parametrize("path", ["pipelines/x.sql", "pipelines/shop/deep/x.sql", "pipelines/shop/notes.yaml"])
def test_a_file_that_would_be_overlooked_is_named(path: str) -> None:
    assert error(path, f"{QUERY}shop.daily")[:2] == ("project.stray_file", path)


def test_a_pipeline_without_settings_is_one_mistake_however_many_datasets_it_has() -> None:
    assert error(PIPELINE, None) == ("project.no_pipeline", PIPELINE, None)


@pytest.mark.parametrize("path", [PIPELINE, SOURCE, SQL, CONTRACT, TESTS, SLO, "penstock.yaml"])
@pytest.mark.parametrize("text", [b"a: [", b"a: \xff", b"a: 1\na: 2\n"])
def test_a_file_that_cannot_be_read_brings_no_second_mistake(path: str, text: bytes) -> None:
    data = b"/* penstock\n" + text + b"\n*/\nSELECT 1 AS a" if path == SQL else text
    _, findings = examine({**{name: other.encode() for name, other in FILES.items()}, path: data})
    about = [finding for finding in findings if finding.code != "project.no_contract"]
    assert [finding.place.file for finding in about] == [path]
    uncontracted = {finding.place.dataset for finding in findings if finding.code == "project.no_contract"}
    assert "shop.daily" not in uncontracted


def test_a_test_of_an_unknown_dataset_is_one_mistake_however_many_cases_it_has() -> None:
    case = "  - {name: a, interval: 2024-03-01/2024-03-02, given: {shop.orders: []}, expect: []}\n"
    assert error(TESTS, f"dataset: shop.dayly\ncases:\n{case}{case}") == ("project.test_without_dataset", TESTS, 1)


@pytest.mark.parametrize(
    ("path", "old", "new", "code", "line"),
    [
        (TESTS, "shop.orders: [", "shop.oders: [", "project.test_given", 3),
        (TESTS, "    interval: 2024-03-01/2024-03-02\n", "", "project.test_interval", 3),
        (TESTS, "2024-03-01/2024-03-02", "yesterday", "project.bad_interval", 4),
        (TESTS, "name: one order", "title: one order", "document.missing_key", 3),
        (SLO, "shop.daily:", "shop.dayly:", "project.slo_without_dataset", 1),
        (SLO, "10m", "ten minutes", "project.bad_duration", 2),
        (SLO, "tolerance: 0.5", "tolerance: -1", "document.range", 2),
        (CONTRACT, "physicalName: shop.daily", "physicalName: shop.orders", "contract.file_name", 9),
    ],
)
def test_what_disagrees_with_the_rest_is_named_with_its_line(
    path: str, old: str, new: str, code: str, line: int
) -> None:
    found = [(finding.code, finding.place.line) for finding in errors({path: edited(path, old, new)})]
    assert (code, line) in found


def test_a_contract_for_nothing_is_a_mistake() -> None:
    other = FILES[CONTRACT].replace("shop.daily", "shop.nothing")
    assert error("contracts/shop.nothing.odcs.yaml", other)[0] == "project.contract_without_dataset"


def test_a_dataset_without_contract_is_a_warning() -> None:
    _, findings = examine({path: text.encode() for path, text in FILES.items()})
    assert {(finding.code, finding.severity) for finding in findings} == {("project.no_contract", Severity.WARNING)}
    assert {finding.place.dataset for finding in findings} == {"shop.best", "shop.orders"}


def test_findings_stand_in_the_order_of_files_and_lines() -> None:
    found = errors({SOURCE: "x: 1\n", PIPELINE: "y: 1\n", SQL: "SELECT 1", "penstock.yaml": "name: shop\nz: 1\n"})
    places = [(finding.place.file or "", finding.place.line or 0) for finding in found]
    assert places == sorted(places)
    assert {file for file, _ in places} == {SOURCE, PIPELINE, SQL, "penstock.yaml"}


@given(
    st.sampled_from(sorted(FILES)),
    st.integers(0, 400),
    st.integers(0, 40),
    st.binary(max_size=30) | st.text("abc:-[]{}()&*!|>'\"#%@~?,.$/ \n\t01", max_size=30).map(str.encode),
)
def test_a_project_damaged_anywhere_is_read_or_refused(path: str, at: int, length: int, put: bytes) -> None:
    whole = {name: text.encode() for name, text in FILES.items()}
    whole[path] = whole[path][:at] + put + whole[path][at + length :]
    _, findings = examine(whole)
    assert all(finding.place.file for finding in findings)


OTHER = "pipelines/shop/other.sql"
OVER = "pipelines/shop/over.sql"
WIDE: dict[str, str | bytes | None] = {
    OTHER: "/* penstock\nmaterialize: table\n*/\nSELECT * FROM shop.daily\n",
    OVER: "/* penstock\nmaterialize: table\n*/\nSELECT total FROM shop.other\n",
}


@pytest.mark.parametrize(
    ("edit", "read_again"),
    [
        pytest.param({}, set(), id="nothing"),
        pytest.param({OVER: "/* penstock\nmaterialize: table\n*/\nSELECT day FROM shop.other\n"}, {OVER}, id="a query"),
        pytest.param({SQL: edited(SQL, "AS total", "AS sum")}, {SQL}, id="the columns that a star stands for"),
        pytest.param({SOURCE: edited(SOURCE, "amount]", "amount, more]")}, set(), id="a source"),
        pytest.param({CONTRACT: None}, set(), id="a contract"),
        pytest.param({OTHER: None, OVER: None}, set(), id="files go"),
        pytest.param({"pipelines/shop/new.sql": WIDE[OVER]}, {"pipelines/shop/new.sql"}, id="a file comes"),
        pytest.param({OVER: None, "pipelines/shop/moved.sql": WIDE[OVER]}, {"pipelines/shop/moved.sql"}, id="renamed"),
    ],
)
def test_what_is_known_of_files_that_did_not_change_is_what_reading_them_gives(
    edit: dict[str, str | bytes | None], read_again: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = project(WIDE)
    files = project_files({**WIDE, **edit})
    anew, _ = examine(files)
    seen: set[str] = set()

    def noted(name: str, text: str, file: str, findings: list[Finding]) -> Dataset | None:
        seen.add(file)
        return read_sql(name, text, file, findings)

    with monkeypatch.context() as patched:
        patched.setattr(reading, "read_sql", noted)
        again, _ = examine(files, known)
    assert again == anew
    assert seen == read_again
