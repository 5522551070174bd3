"""Holds staged rows against the suites of another tool that a dataset names, beside its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.engine.attempt import Tools, Watch
    from penstock.engine.ports.publishing import Staged
    from penstock.engine.ports.warehouse import Session
    from penstock.model.pipelines import Dataset
    from penstock.quality.check_values import CheckResult


def judge(session: Session, staged: Staged, dataset: Dataset, tools: Tools, watch: Watch) -> tuple[CheckResult, ...]:
    """What the suites found in the staged rows; nothing where none is named.

    Raises:
        TaskError: there are more rows than may be handed over, or the suites cannot be run.
    """
    if not dataset.suites:
        return ()
    most = min(one.most_rows for one in dataset.suites)
    if staged.rows > most:
        raise TaskError(_too_many(dataset, staged.rows, most))
    if tools.auditor is None:
        raise TaskError(_nobody(dataset))
    with tools.processes.scratch() as folder:
        rows = folder / "_staged.parquet"
        session.export(f"SELECT * FROM {staged.relation}", {}, rows)
        return tools.auditor.audit(dataset, rows, watch.is_stopped)


def _too_many(dataset: Dataset, rows: int, most: int) -> Finding:
    return Finding(
        code="expectations.too_many_rows",
        message=f"{dataset.name}: {rows:,} staged rows are more than Great Expectations is handed",
        place=_place(dataset),
        found=f"{rows:,} rows",
        expected=f"at most {most:,} rows in one attempt",
        remedy="raise `rows` of the entry in penstock.yaml (all of them are held in memory), build fewer intervals in "
        "one task (`batch`), or say the rules in the contract, whose checks have no such bound",
    )


def _nobody(dataset: Dataset) -> Finding:
    return Finding(
        code="expectations.nobody",
        message=f"{dataset.name} is held to suites of Great Expectations, and nothing here runs them",
        place=_place(dataset),
        expected="an executor that can run suites",
    )


def _place(dataset: Dataset) -> Place:
    return Place(file=dataset.file, dataset=dataset.name)
