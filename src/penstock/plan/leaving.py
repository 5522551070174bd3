"""Which columns of a dataset hold personal data, for whoever is about to hand its rows to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.plan.lineage import ProjectLineage, written
from penstock.plan.personal import personal_data
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.model.pipelines import Project
    from penstock.plan.personal import PersonalColumn


UNJUDGED = "unjudged"
"""In place of a kind: the files do not know the column."""


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
    """The personal columns of a dataset, by name in lower case: tagged, or made of such that are, however far up.

    What a program or a query that cannot be followed makes counts by the names of the personal columns that it reads.
    """
    data = personal_data(project)
    found = {one.column.lower(): _personal(one) for one in data.columns if one.dataset == dataset}
    for source in data.unfollowed.get(dataset, ()):
        name, _, column = source.rpartition(".")
        upstream = next(one for one in data.columns if (one.dataset, one.column) == (name, column))
        found.setdefault(column.lower(), Personal(kind=_personal(upstream).kind, comes_from=source))
    return found


def unjudged_columns(project: Project, dataset: str, version: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of a version's columns of which the project's files say nothing, because they make another version.

    None where the version is that of the files. Without the masking key it may be, and is taken for another.
    """
    try:
        if versions_of(project)[dataset].fingerprint == version:
            return ()
    except InputError:
        pass
    contract = project.datasets[dataset].contract
    written_down = [spec.name for spec in contract.columns] if contract else []
    known = {name.lower() for name in (*ProjectLineage(project).columns.get(dataset, ()), *written_down)}
    return tuple(name for name in names if name.lower() not in known)


def _personal(column: PersonalColumn) -> Personal:
    if column.tag:
        return Personal(kind=column.tag)
    flow = column.flows[0]
    return Personal(kind=flow.kind, comes_from=written(flow.last))
