"""Whether datasets have the columns that are promised and asked of them, as far as that shows without running anything.

Of queries every finding is a warning: what one makes is told by reading it, and the database has the last word. A
source declares its columns, and no attempt at one gets past a contract that names others: those are errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import SqlTask
from penstock.model.sources import FileSource
from penstock.plan.lineage import ProjectLineage
from penstock.quality.columns import compare_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.pipelines import Dataset, Project

UNKNOWN = "sql.unknown_column"


def column_findings(project: Project, lineage: ProjectLineage | None = None) -> tuple[Finding, ...]:
    """Columns that nothing read has, and those that a contract, a key or an interval needs and no query makes."""
    found = lineage or ProjectLineage(project)
    findings: list[Finding] = []
    for name, dataset in project.datasets.items():
        refused = [finding for finding in found.refused.get(name, ()) if finding.code == UNKNOWN]
        findings += [
            replace(each, severity=Severity.WARNING, place=replace(each.place, file=dataset.file, dataset=name))
            for each in refused
        ]
        if isinstance(dataset.task, FileSource | DatabaseSource | ConnectorSource):
            findings += _declared(dataset, dataset.task)
        if isinstance(dataset.task, SqlTask) and name in found.columns and name not in found.refused:
            findings += _against(dataset, {column.lower() for column in found.columns[name]})
    return tuple(findings)


def _declared(dataset: Dataset, source: FileSource | DatabaseSource | ConnectorSource) -> Iterator[Finding]:
    """A source's columns beside its contract's. Text of files is cast to whatever type the contract gives it."""
    if dataset.contract is None:
        return
    types = source.row_types
    if isinstance(source, FileSource):
        promised = {column.name.casefold(): column.type for column in dataset.contract.columns}
        types |= {name: promised.get(name.casefold(), types[name]) for name in source.texts}
    remedy = f"correct `columns` of {dataset.file}, or the contract: every attempt is refused until they agree"
    for finding in compare_columns(dataset.contract, tuple(types.items())):
        kind = finding.code.rpartition("_")[2]
        yield replace(finding, code=f"check.column_{kind}", remedy=remedy)


def _against(dataset: Dataset, made: set[str]) -> Iterator[Finding]:
    needed = {"key": dataset.key, "offset": (dataset.offset,) if dataset.offset else ()}
    needed["interval"] = (dataset.interval.column,) if dataset.interval else ()
    for field, columns in needed.items():
        for column in columns:
            if column.lower() not in made:
                yield _missing(dataset, dataset.file, f"its {field} is {column}", column, made)
    if dataset.contract is None:
        return
    promised = {column.name.lower(): column.name for column in dataset.contract.columns}
    for column in promised.keys() - made:
        yield _missing(dataset, dataset.contract.file, f"its contract names {promised[column]}", column, made)
    for column in sorted(made - promised.keys()):
        yield Finding(
            code="check.column_extra",
            message=f"{dataset.name} makes a column {column} that its contract does not name",
            severity=Severity.WARNING,
            place=Place(file=dataset.contract.file, dataset=dataset.name),
            found=column,
            expected=", ".join(promised.values()),
            remedy="add it to the contract, with its meaning, or take it out of the query",
        )


def _missing(dataset: Dataset, file: str, why: str, column: str, made: set[str]) -> Finding:
    return Finding(
        code="check.column_missing",
        message=f"{dataset.name} makes no column {column}, and {why}",
        severity=Severity.WARNING,
        place=Place(file=file, dataset=dataset.name),
        found=", ".join(sorted(made)),
        expected=column,
        remedy="correct the name, or let the query make it",
    )
