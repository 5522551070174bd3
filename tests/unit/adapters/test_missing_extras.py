"""`check` names each extra that a project's sources, tasks and exports will need and that is not installed."""

from __future__ import annotations

import pytest

from penstock.adapters.extras import extra_findings, is_installed
from penstock.model.findings import Severity
from penstock.project.reading import read_project

FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/one.sql": "/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n",
}
PYTHON = (
    "import polars as pl\nfrom penstock import task\n\n\n@task(reads={'rows': 's.one'}, materialize='table')\n"
    "def two(rows: pl.LazyFrame):\n    return rows\n"
)
POSTGRES = "connection: SHOP\ntable: public.t\n"
NEEDS = [
    ({"penstock.yaml": "name: shop\nwarehouse: postgres\n"}, "psycopg", "[postgres]"),
    ({"pipelines/s/a.source.yaml": "format: excel\npath: d/a.xlsx\ncolumns: [a]\n"}, "python_calamine", "[files]"),
    ({"pipelines/s/a.source.yaml": "format: csv\npath: d/a.csv.zst\ncolumns: [a]\n"}, "zstandard", "[files]"),
    ({"pipelines/s/a.source.yaml": "format: csv\npath: s3://shop/a.csv\ncolumns: [a]\n"}, "s3fs", "[s3]"),
    ({"pipelines/s/a.source.yaml": "format: csv\npath: gs://shop/a.csv\ncolumns: [a]\n"}, "gcsfs", "[objects]' gcsfs"),
    ({"pipelines/s/two.py": PYTHON}, "polars", "[frames]"),
    ({"pipelines/s/x.export.yaml": f"dataset: s.one\nformat: postgres\n{POSTGRES}"}, "psycopg", "[postgres]"),
]


def _missing(changed: dict[str, str], *modules: str) -> list[tuple[str | None, str | None]]:
    """The file and the remedy of each finding where these modules are not installed."""
    project = read_project({path: text.encode() for path, text in {**FILES, **changed}.items()})
    findings = extra_findings(project, lambda module: module not in modules)
    assert {(one.code, one.severity) for one in findings} <= {("project.missing_extra", Severity.WARNING)}
    return [(finding.place.file, finding.remedy) for finding in findings]


@pytest.mark.parametrize(("changed", "module", "install"), NEEDS)
def test_a_missing_extra_is_named_at_the_file_that_needs_it(changed: dict[str, str], module: str, install: str) -> None:
    ((file, remedy),) = _missing(changed, module)
    assert file == next(iter(changed))
    assert f".{install}" in (remedy or "")
    assert _missing(changed) == []


def test_each_extra_is_told_of_once_however_many_files_need_it() -> None:
    source = "format: excel\npath: d/a.xlsx\ncolumns: [a]\n"
    changed = {f"pipelines/s/{name}.source.yaml": source for name in "abc"}
    assert len(_missing(changed, "python_calamine")) == 1


def test_what_nothing_needs_is_not_asked_for() -> None:
    assert _missing({}, "psycopg", "polars", "s3fs", "dlt") == []


def test_a_module_is_looked_for_and_not_imported() -> None:
    assert (is_installed("penstock"), is_installed("penstock_that_nobody_made")) == (True, False)
