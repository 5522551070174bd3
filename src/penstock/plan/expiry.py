"""Which rows a contract's retention lets expire: for how long they are kept, counted from what, and where that fails.

The retention of rows; `plan/retention.py` is about versions. With intervals, a row is as old as its interval, and goes
when all of that is past; without, it is as old as the column says that the contract names, and goes by the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.intervals import Grain
from penstock.model.periods import Period, parse_period
from penstock.model.pipelines import Materialization
from penstock.plan.horizons import counted_from
from penstock.plan.lineage import WHOLE, Bond, ProjectLineage
from penstock.plan.order import topological

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from penstock.model.contracts import ColumnSpec
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.lineage import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRetention:
    """For how long a dataset's rows are kept. `column` tells how old one is, `grain` by which lengths they go."""

    dataset: str
    file: str
    period: Period
    column: str
    grain: Grain

    def horizon(self, now: datetime) -> datetime:
        """The moment before which no row is to be kept: all that ended by then is older than the period."""
        return self.grain.floor(self.period.before(now))

    @property
    def promise(self) -> str:
        """What asks for it, for the ledger."""
        return f"{self.file}: rows are kept for {self.period}, by {self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The shortest retention among the personal columns that a column's values come from."""

    period: Period
    origin: Node


def row_retentions(project: Project) -> dict[str, RowRetention]:
    """The retention of each dataset that has one which can be enforced. A view keeps no rows."""
    return {name: kept for name, dataset in project.datasets.items() if (kept := _retention(dataset)) is not None}


def retention_findings(project: Project) -> tuple[Finding, ...]:
    """Promises of retention that cannot be enforced, and datasets that keep personal data of others for longer."""
    found = [finding for dataset in project.datasets.values() for finding in _unenforceable(dataset)]
    return (*found, *kept_longer(project))


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A dataset that rows under a retention are made of, and that keeps its own for longer: `why` says how long."""

    dataset: str
    why: str
    readers: tuple[str, ...]


def upstream(project: Project, names: Iterable[str]) -> tuple[str, ...]:
    """These datasets and all that they are made of, what is read before what reads it."""
    found, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [read for read in project.datasets[name].reads if read in project.datasets]
    return tuple(name for name in topological(project) if name in found)


def behind(project: Project, names: Iterable[str]) -> tuple[Behind, ...]:
    """What these datasets are made of and may hold the same rows for longer. Views hold none."""
    kept, wanted = row_retentions(project), set(names)
    above = {name: set(upstream(project, [name])) - {name} for name in wanted}
    found = []
    for name in upstream(project, wanted):
        own = kept.get(name)
        readers = [each for each in wanted if name in above[each] and _outlasts(own, kept.get(each))]
        if readers and project.datasets[name].materialization is not Materialization.VIEW:
            why = f"keeps rows for {own.period}" if own else _why_not(project.datasets[name])
            found.append(Behind(dataset=name, why=why, readers=tuple(sorted(readers))))
    return tuple(found)


def _outlasts(own: RowRetention | None, other: RowRetention | None) -> bool:
    return other is not None and (own is None or own.period.hours > other.period.hours)


def kept_longer(project: Project) -> tuple[Finding, ...]:
    """Datasets with personal columns whose values come from a personal column that must be gone earlier.

    Where lineage does not say which column a value comes from (Python, commands), one of the same name counts.
    """
    kept = row_retentions(project)
    if not any(spec.personal for name in kept for spec in _columns(project.datasets[name])):
        return ()
    lineage = ProjectLineage(project)
    limits: dict[Node, Limit] = {}
    findings: list[Finding] = []
    for name in topological(project):
        dataset = project.datasets[name]
        personal = {spec.name.casefold() for spec in _columns(dataset) if spec.personal}
        told: dict[str, Limit] = {}
        for node, limit in _inherited(lineage, name, limits):
            limits[node] = limit
            own = kept.get(name)
            is_longer = own is None or own.period.hours > limit.period.hours
            if is_longer and node[1].casefold() in personal and dataset.materialization is not Materialization.VIEW:
                told.setdefault(limit.origin[0], limit)
        findings += [_kept_longer(dataset, kept.get(name), limit) for limit in told.values()]
        for column in lineage.columns.get(name, ()) if name in kept else ():
            node = (name, column)
            if column.casefold() in personal and (
                node not in limits or kept[name].period.hours < limits[node].period.hours
            ):
                limits[node] = Limit(period=kept[name].period, origin=node)
    return tuple(findings)


def _columns(dataset: Dataset) -> tuple[ColumnSpec, ...]:
    return dataset.contract.columns if dataset.contract else ()


def _retention(dataset: Dataset) -> RowRetention | None:
    contract = dataset.contract
    if contract is None or contract.retention is None or dataset.materialization is Materialization.VIEW:
        return None
    period, column = parse_period(contract.retention), counted_from(dataset)
    if period is None or column is None or _counts_otherwise(dataset):
        return None
    grain = dataset.interval.grain if dataset.interval else Grain.DAY
    return RowRetention(dataset=dataset.name, file=contract.file, period=period, column=column, grain=grain)


def _counts_otherwise(dataset: Dataset) -> bool:
    """Whether the contract counts from another column than the one by which the dataset's rows go."""
    named = dataset.contract.retention_column if dataset.contract else None
    column = counted_from(dataset)
    return named is not None and column is not None and named.casefold() != column.casefold()


def _inherited(lineage: ProjectLineage, name: str, limits: Mapping[Node, Limit]) -> Iterator[tuple[Node, Limit]]:
    """The columns of a dataset that hold values of personal columns, each with the shortest retention of those."""
    for node, edges in lineage.into(name).items():
        if node[1] == WHOLE:
            continue
        found = [
            limits[edge.source]
            for edge in edges
            if edge.source in limits and (edge.bond is Bond.VALUE or edge.source[1].casefold() == node[1].casefold())
        ]
        if found:
            yield node, min(found, key=lambda limit: limit.period.hours)


def _is_made_anew(dataset: Dataset) -> bool:
    """Whether it holds what it reads holds: its rows go once those that they are made of do."""
    return dataset.materialization is Materialization.TABLE and bool(dataset.reads)


def _unenforceable(dataset: Dataset) -> Iterator[Finding]:
    contract = dataset.contract
    if contract is None or contract.retention is None or dataset.materialization is Materialization.VIEW:
        return
    if parse_period(contract.retention) is None:
        yield _finding(
            dataset,
            "retention.unreadable",
            f"{dataset.name}: {contract.retention!r} is no period, so no row ever expires",
            found=contract.retention,
            expected="a number and a unit, such as 90 days, 6 months or 7 years",
        )
    elif counted_from(dataset) is None and not _is_made_anew(dataset):
        yield _finding(
            dataset,
            "retention.no_basis",
            f"{dataset.name}: nothing says how old a row is, so none ever expires",
            found=f"{contract.retention}, of a dataset without intervals",
            expected="an element that names a column of time, such as element: orders.ordered_at",
        )
    elif _counts_otherwise(dataset):
        yield _finding(
            dataset,
            "retention.other_column",
            f"{dataset.name} goes by intervals of {counted_from(dataset)}, and its retention by another column",
            found=contract.retention_column or "",
            expected=f"element: {dataset.name.partition('.')[2]}.{counted_from(dataset)}, or none",
        )


def _finding(dataset: Dataset, code: str, message: str, *, found: str, expected: str) -> Finding:
    return Finding(
        code=code,
        message=message,
        severity=Severity.WARNING,
        place=Place(file=dataset.contract.file if dataset.contract else dataset.file, dataset=dataset.name),
        found=found,
        expected=expected,
        remedy="correct `retention` among the contract's slaProperties",
    )


def _kept_longer(dataset: Dataset, own: RowRetention | None, limit: Limit) -> Finding:
    origin = ".".join(limit.origin)
    return _finding(
        dataset,
        "retention.kept_longer",
        f"{dataset.name} keeps personal data of {limit.origin[0]} for longer than that may",
        found=f"kept for {own.period}" if own else _why_not(dataset),
        expected=f"at most {limit.period}, as {origin} says",
    )


def _why_not(dataset: Dataset) -> str:
    """Why no retention of a dataset is enforced."""
    contract = dataset.contract
    if contract is None or contract.retention is None:
        return "no retention"
    period = parse_period(contract.retention)
    if period is None:
        return f"a retention that is no period ({contract.retention}) and is not enforced"
    if counted_from(dataset) is None:
        why = "without intervals, and with no element that names a column of time, nothing says how old a row is"
    else:
        why = f"it counts from {contract.retention_column}, and rows go by {counted_from(dataset)}"
    return f"a retention of {period} that is not enforced: {why}"
