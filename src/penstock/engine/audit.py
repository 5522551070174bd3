"""Judges staged rows against the dataset's contract before anyone can see them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import Materialization
from penstock.quality import checks as quality
from penstock.quality.columns import compare_columns
from penstock.quality.setting import PLAIN
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.engine.ports.publishing import Staged
    from penstock.engine.ports.warehouse import Session
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.quality.setting import Setting

EXAMPLES = 3


def judge(session: Session, staged: Staged, dataset: Dataset, setting: Setting = PLAIN) -> quality.Judged:
    """What every check of the dataset's contract found in the staged rows; nothing without a contract.

    Raises:
        TaskError: the staged columns are not those of the contract.
    """
    contract = dataset.contract
    if contract is None:
        return quality.Judged()
    refuse_other_columns(session, staged, dataset)
    setting = _with_itself(replace(setting, rows=staged.rows, zone_maps=session.zone_maps), dataset, staged)
    return quality.run_checks(quality.compile_checks(contract, staged.relation, setting), session.fetch)


def _with_itself(setting: Setting, dataset: Dataset, staged: Staged) -> Setting:
    """A relation of a dataset to itself is looked for among the rows that are to be published."""
    return replace(setting, relations={**setting.relations, dataset.name: staged.relation})


def refuse_other_columns(session: Session, staged: Staged, dataset: Dataset) -> None:
    """Stop an attempt whose columns are not those of its contract.

    Raises:
        TaskError: one finding for each that is missing, extra or of another type.
    """
    if dataset.contract is None:
        return
    differing = compare_columns(dataset.contract, staged.columns or session.columns(staged.relation))
    if differing:
        raise TaskError(differing)


def refuse_if_failed(
    session: Session,
    staged: Staged,
    dataset: Dataset,
    results: Sequence[quality.CheckResult],
    setting: Setting = PLAIN,
) -> None:
    """Stop an attempt whose rows offend a check that blocks, with a few of those rows; of a suite's, with its counts.

    Raises:
        TaskError: one finding for each failed check of severity error.
    """
    failed = [result for result in results if not result.passed and result.severity is Severity.ERROR]
    if not failed:
        return
    setting = _with_itself(setting, dataset, staged)
    checks = quality.compile_checks(dataset.contract, staged.relation, setting).checks if dataset.contract else ()
    by_id = {check.id: check for check in checks}
    findings = []
    for result in failed:
        check = by_id.get(result.id)
        query = quality.examples_query(check, staged.relation, EXAMPLES, setting) if check else ""
        rows = session.fetch(query) if query else []
        findings.append(
            Finding(
                code="check.failed",
                message=f"{dataset.name}: {result.message}",
                place=Place(
                    file=dataset.contract.file if check and dataset.contract else ", ".join(_files(dataset)),
                    dataset=dataset.name,
                    field=result.column,
                ),
                found="; ".join(str(tuple(str(value) for value in row)) for row in rows)[:500] or result.found or None,
                expected=f"no offending row ({result.name})" if check and not check.rule.threshold else result.name,
                remedy="correct the data or the query; if the rule is wrong, change "
                + ("the contract by its own change" if check else "the suite"),
            )
        )
    raise TaskError(tuple(findings))


def _files(dataset: Dataset) -> tuple[str, ...]:
    """The files of a dataset's suites of another tool."""
    return tuple(dict.fromkeys(one.file for one in dataset.suites))


def within_interval(session: Session, staged: Staged, dataset: Dataset, interval: Interval | None) -> None:
    """Refuse rows outside the interval being built: replacing by interval would double them later.

    A merge replaces by key, so its interval bounds what it reads and not what it makes.

    Raises:
        TaskError: some staged rows lie outside, or have no time at all.
    """
    by = dataset.interval
    if by is None or interval is None or dataset.materialization is Materialization.MERGE:
        return
    if by.column not in {name for name, _ in staged.columns}:
        raise TaskError(
            Finding(
                code="engine.no_interval_column",
                message=f"{dataset.name} has no column {by.column!r}, by which it is cut into intervals",
                place=Place(file=dataset.file, dataset=dataset.name, field=by.column),
                found=", ".join(name for name, _ in staged.columns),
                expected=f"a column named {by.column}",
                remedy="correct `interval` in the header, or select that column",
            )
        )
    column = quote(by.column)
    start, end = (literal(moment.replace(tzinfo=None)) for moment in (interval.start, interval.end))
    sql = f"SELECT count(*) FROM {staged.relation} WHERE ({column} >= {start} AND {column} < {end}) IS NOT TRUE"
    outside = int(session.fetch(sql)[0][0])
    if outside:
        raise TaskError(
            Finding(
                code="engine.rows_outside_interval",
                message=f"{dataset.name}: {outside} of {staged.rows} rows lie outside {interval}",
                place=Place(file=dataset.file, dataset=dataset.name, field=by.column),
                expected=f"every {by.column} within the interval",
                remedy="filter by $interval_start and $interval_end on the column that the header names",
            )
        )
