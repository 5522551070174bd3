"""Which columns of a dataset hold personal data: tagged in its contract, or made of such that are, however far up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.plan.exposure import exposed_columns
from penstock.plan.lineage import Bond, ProjectLineage, written

if TYPE_CHECKING:
    from penstock.model.pipelines import Project
    from penstock.plan.lineage import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """The kind of data that a column holds, and the tagged column that it comes from, if it is not tagged itself."""

    kind: str
    comes_from: str = ""

    @property
    def told(self) -> str:
        """In words."""
        return f"{self.kind}, from {self.comes_from}" if self.comes_from else self.kind


def personal_columns(project: Project, dataset: str) -> dict[str, Personal]:
    """The personal columns of a dataset, by name in lower case.

    A contract's tags hold for its own columns, and a column that it describes without one is judged as the gate
    `exposed_personal_data` judges it. Without a contract every column counts whose values come from a tagged one; what
    Python or a program makes, whose columns nobody knows one by one, counts by the names of what it reads.
    """
    contract = project.datasets[dataset].contract
    if contract is not None:
        own = {spec.name.lower(): Personal(kind=spec.personal) for spec in contract.columns if spec.personal}
        for exposed in exposed_columns(project, (dataset,)):
            own[exposed.column.lower()] = Personal(kind=exposed.kind, comes_from=exposed.comes_from)
        return own
    lineage = ProjectLineage(project)
    found = {
        column.lower(): Personal(kind=kind, comes_from=written(source))
        for column in lineage.columns.get(dataset, ())
        for source in _sources(lineage, (dataset, column))
        if (kind := _tag(project, source))
    }
    if dataset in lineage.columns:
        return found
    for name in project.upstream(dataset):
        upstream = project.datasets[name].contract
        for spec in upstream.columns if upstream is not None else ():
            if spec.personal:
                found.setdefault(spec.name.lower(), Personal(kind=spec.personal, comes_from=f"{name}.{spec.name}"))
    return found


def _sources(lineage: ProjectLineage, start: Node) -> set[Node]:
    """The columns whose values are in those of one, however far up."""
    seen: set[Node] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        near = {edge.source for edge in lineage.into(here[0]).get(here, ()) if edge.bond is Bond.VALUE} - seen
        seen |= near
        todo += near
    return seen


def _tag(project: Project, node: Node) -> str | None:
    """The kind of personal data that a column's contract says it holds."""
    known = project.datasets.get(node[0])
    spec = known.contract.column(node[1]) if known is not None and known.contract is not None else None
    return spec.personal if spec is not None else None
