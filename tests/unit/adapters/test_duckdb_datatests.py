"""Unit tests on data: each case has its rows and no others, whatever became of the case before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.adapters.duckdb.scratch import run_datatests
from penstock.adapters.processes.runner import TaskProcesses
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.adapters.duckdb.scratch import TestOutcome

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.{0}
version: 1.0.0
schema:
  - name: {0}
    physicalName: shop.{0}
    properties: [{{name: id, physicalType: VARCHAR}}, {{name: quantity, physicalType: {1}}}]
"""
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/shop/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-01-01\n",
    "pipelines/shop/orders.source.yaml": "format: csv\npath: data/orders.csv\ncolumns: [id, quantity]\n",
    "pipelines/shop/sold.sql": (
        "/* penstock\nmaterialize: table\n*/\nSELECT id, CAST(quantity AS INTEGER) AS quantity FROM shop.orders\n"
    ),
    "contracts/shop.orders.odcs.yaml": CONTRACT.format("orders", "VARCHAR"),
    "contracts/shop.sold.odcs.yaml": CONTRACT.format("sold", "INTEGER"),
}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[TaskProcesses]:
    with TaskProcesses(tmp_path, tmp_path / "spool", tmp_path / "logs", confined=True) as running:
        yield running


def outcomes(processes: TaskProcesses, cases: str) -> tuple[TestOutcome, ...]:
    files = {**FILES, "tests/shop.sold.test.yaml": f"dataset: shop.sold\ncases:\n{cases}"}
    project = read_project({name: text.encode() for name, text in files.items()})
    return run_datatests(project.tests, project, processes)


PASSING = "  - {name: NAME, given: {shop.orders: [{id: a, quantity: 2}]}, expect: [{id: a, quantity: 2}]}\n"
FAILING = "  - {name: no number, given: {shop.orders: [{id: b, quantity: many}]}, expect: [{id: b, quantity: 1}]}\n"


def test_the_rows_of_one_case_are_not_there_in_the_next(processes: TaskProcesses) -> None:
    found = outcomes(processes, PASSING.replace("NAME", "one") + PASSING.replace("NAME", "two"))
    assert [(one.name, one.passed) for one in found] == [("one", True), ("two", True)]


def test_a_case_whose_query_breaks_off_leaves_nothing_to_the_next(processes: TaskProcesses) -> None:
    found = outcomes(processes, FAILING + PASSING.replace("NAME", "after it"))
    assert [(one.name, one.passed) for one in found] == [("no number", False), ("after it", True)]
    assert "many" in found[0].findings[0].message
