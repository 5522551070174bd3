"""A small project that nothing is wrong with, as files, and what the reader says when some of them are others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Severity
from penstock.project.reading import examine, read_project

if TYPE_CHECKING:
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset, Project

PIPELINE = "pipelines/shop/pipeline.yaml"
SOURCE = "pipelines/shop/orders.source.yaml"
SQL = "pipelines/shop/daily.sql"
PYTHON = "pipelines/shop/best.py"
TESTS = "tests/shop.daily.test.yaml"
SLO = "monitoring/shop.slo.yaml"
CONTRACT = "contracts/shop.daily.odcs.yaml"

FILES = {
    "penstock.yaml": "name: shop\n",
    PIPELINE: 'owner: shop-team\nschedule: "0 6 * * *"\ntimezone: Europe/London\nstart: 2024-03-01\n',
    SOURCE: "format: csv\npath: data/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [id, at, amount]\n",
    SQL: (
        "/* penstock\nmaterialize: incremental\ninterval: day(day)\n*/\n"
        "SELECT CAST(at AS DATE) AS day, sum(CAST(amount AS INTEGER)) AS total\nFROM shop.orders\n"
        "WHERE _interval_start >= $interval_start AND _interval_start < $interval_end\nGROUP BY day\n"
    ),
    PYTHON: (
        'from penstock import task\n\n\n@task(reads={"daily": "shop.daily"}, materialize="table")\n'
        'def best(daily):\n    """The best day."""\n    return daily.order("total DESC").limit(1)\n'
    ),
    TESTS: (
        "dataset: shop.daily\ncases:\n  - name: one order\n    interval: 2024-03-01/2024-03-02\n    given:\n"
        "      shop.orders: [{id: '1', at: '2024-03-01', amount: '2'}]\n    expect: [{day: 2024-03-01, total: 2}]\n"
    ),
    SLO: "datasets:\n  shop.daily: {max_runtime: 10m, volume: {tolerance: 0.5}}\n",
    CONTRACT: (
        "apiVersion: v3.1.0\nkind: DataContract\nid: shop.daily\nname: shop.daily\nversion: 1.0.0\nstatus: active\n"
        "schema:\n  - name: daily\n    physicalName: shop.daily\n    logicalType: object\n    properties:\n"
        "      - {name: day, logicalType: date, physicalType: DATE}\n"
        "      - {name: total, logicalType: integer, physicalType: HUGEINT}\n"
    ),
}


def project_files(changed: dict[str, str | bytes | None] | None = None) -> dict[str, bytes]:
    """The project's files with some of them written anew, added, or (None) taken away."""
    merged: dict[str, str | bytes | None] = {**FILES, **(changed or {})}
    return {path: text.encode() if isinstance(text, str) else text for path, text in merged.items() if text is not None}


def project(changed: dict[str, str | bytes | None] | None = None) -> Project:
    return read_project(project_files(changed))


def dataset(path: str, text: str) -> Dataset:
    """The dataset of one file beside the others."""
    return next(each for each in project({path: text}).datasets.values() if each.file == path)


def errors(changed: dict[str, str | bytes | None]) -> list[Finding]:
    """Everything that blocks, once some files are others."""
    _, findings = examine(project_files(changed))
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def error(path: str, text: str | bytes | None) -> tuple[str, str | None, int | None]:
    """The code and place of the one mistake that a file brings."""
    (finding,) = errors({path: text})
    assert finding.remedy, finding
    assert finding.expected or finding.found, finding
    return finding.code, finding.place.file, finding.place.line


def edited(path: str, old: str, new: str) -> str:
    """A file's text with one piece of it replaced."""
    assert FILES[path].count(old) == 1, old
    return FILES[path].replace(old, new)
