"""`NAME.export.yaml`: what it comes to, and everything that is wrong with it at once."""

from __future__ import annotations

import pytest
from reading_cases import project, project_files

from penstock.model.exports import Export, ExportFormat, ExportMode
from penstock.model.findings import Finding, blocking
from penstock.project.export_file import read_export
from penstock.project.reading import examine

FILE = "pipelines/shop/daily.export.yaml"


def _read(text: str) -> tuple[Export | None, list[str]]:
    findings: list[Finding] = []
    made = read_export("shop.daily", text, FILE, findings)
    return made, [finding.code for finding in findings]


def _codes(text: str, name: str = FILE) -> list[str]:
    return [finding.code for finding in blocking(examine(project_files({name: text}))[1])]


def test_a_path_tells_format_and_mode() -> None:
    made, wrong = _read("path: out/{interval_start:%Y-%m-%d}.parquet\n")
    assert wrong == []
    assert made == Export(
        name="shop.daily",
        file=FILE,
        dataset="shop.daily",
        format=ExportFormat.PARQUET,
        mode=ExportMode.INTERVAL,
        path="out/{interval_start:%Y-%m-%d}.parquet",
    )
    whole, _ = _read("path: out/x.csv\nenvironment: dev\ncolumns: [day]\n")
    assert whole is not None
    assert (whole.mode, whole.environment, whole.columns) == (ExportMode.WHOLE, "dev", ("day",))


@pytest.mark.parametrize("path", ["./out/x.csv", "out//x.csv", "out/./x.csv"])
def test_a_target_is_the_same_however_its_path_is_spelt(path: str) -> None:
    made, wrong = _read(f"path: {path}\n")
    assert wrong == []
    assert made is not None
    assert made.target == "out/x.csv"


def test_what_the_ledger_calls_a_target_holds_no_address() -> None:
    made, wrong = _read("format: postgres\nconnection: REPORTS\ntable: shared.daily\nkey: [day]\n")
    assert wrong == []
    assert made is not None
    assert made.target == "$REPORTS shared.daily"


def test_a_project_has_its_exports_by_name() -> None:
    read = project({FILE: "path: out/x.csv\n", "pipelines/shop/more.export.yaml": "dataset: shop.best\npath: y.csv\n"})
    assert {name: export.dataset for name, export in read.exports.items()} == {
        "shop.daily": "shop.daily",
        "shop.more": "shop.best",
    }
    assert set(read.datasets) == set(project().datasets)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["export.format", "document.missing_key"]),
        ("path: x.txt\n", ["export.format"]),
        ("path: ../x.csv\n", ["export.path"]),
        ("path: /x.csv\n", ["export.path"]),
        ("path: .penstock/x.csv\n", ["export.path"]),
        ("path: x-{now}.csv\n", ["export.path"]),
        ("path: x.csv\nmode: interval\n", ["export.mode"]),
        ("path: x-{interval_start:%Y}.csv\nmode: whole\n", ["export.mode"]),
        ("path: x-{interval_start:%Y}.duckdb\ntable: main.x\n", ["export.path"]),
        ("path: x.duckdb\n", ["document.missing_key"]),
        ("path: x.duckdb\ntable: x\n", ["export.table"]),
        ("path: x.duckdb\ntable: _penstock.exports\n", ["export.table"]),
        ("path: x.csv\ntable: main.x\n", ["export.where"]),
        ("path: x.csv\nkey: [day]\n", ["export.key"]),
        ("path: x.csv\nconnection: SHOP\n", ["export.where"]),
        ("format: postgres\nconnection: SHOP\ntable: s.x\npath: x.csv\n", ["export.where"]),
        ("format: postgres\nconnection: postgres://a:b@c/d\ntable: s.x\n", ["source.address_in_project"]),
        ("format: postgres\ntable: s.x\n", ["source.connection"]),
        ("path: x.csv\ncolumns: [a]\npersonal: [b]\n", ["export.columns"]),
        ("path: x.csv\ncolumns: [a, A]\n", ["export.columns"]),
        ("path: x.csv\nenvironment: Prod!\n", ["project.bad_name"]),
        ("path: x.csv\nto: y\n", ["document.unknown_key"]),
    ],
)
def test_what_is_wrong_is_told(text: str, codes: list[str]) -> None:
    made, wrong = _read(text)
    assert made is None or not wrong
    assert wrong == codes


def test_an_address_in_the_file_is_not_repeated() -> None:
    findings: list[Finding] = []
    read_export("a.b", "format: postgres\nconnection: postgres://me:secret@host/db\ntable: s.x\n", FILE, findings)
    assert findings
    assert "secret" not in str(findings)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dataset: shop.nothing\npath: x.csv\n", "project.unknown_dataset"),
        ("dataset: shop.best\npath: 'x-{interval_start:%d}.csv'\n", "export.no_interval"),
        ("path: x.duckdb\ntable: main.x\nmode: interval\ncolumns: [total]\n", "export.no_interval"),
    ],
)
def test_what_shows_only_across_files_is_told(text: str, code: str) -> None:
    assert _codes(text) == [code]


def test_two_exports_of_one_target_are_told() -> None:
    files = project_files({FILE: "path: x.csv\n", "pipelines/shop/b.export.yaml": "dataset: shop.best\npath: x.csv\n"})
    assert [finding.code for finding in blocking(examine(files)[1])] == ["export.same_target"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("path: out/x.csv\n", "path: ./out//x.csv\n"),
        ("path: x.duckdb\ntable: main.best\n", "path: ./x.duckdb\ntable: Main.Best\n"),
    ],
)
def test_a_target_that_is_written_in_another_way_is_the_same(one: str, other: str) -> None:
    files = project_files({FILE: one, "pipelines/shop/b.export.yaml": f"dataset: shop.best\n{other}"})
    assert [finding.code for finding in blocking(examine(files)[1])] == ["export.same_target"]


def test_an_export_of_a_file_that_cannot_be_read_is_not_told_of_twice() -> None:
    files = project_files({"pipelines/shop/daily.sql": "SELECT (", FILE: "path: x.csv\n"})
    assert "project.unknown_dataset" not in [finding.code for finding in blocking(examine(files)[1])]
