"""`lineage`: where a dataset or a column comes from and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.lineage import ProjectLineage

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.plan.lineage import Edge


def lineage(place: Workplace, name: str, *, down: bool) -> tuple[Edge, ...]:
    """The edges above (or below) a dataset `pipeline.dataset` or a column `pipeline.dataset.column`.

    Raises:
        InputError: there is no such dataset or column.
    """
    project = place.project
    pipeline, _, rest = name.partition(".")
    short, _, column = rest.partition(".")
    dataset = f"{pipeline}.{short}"
    if dataset not in project.datasets:
        raise InputError(_unknown(name, tuple(project.datasets)))
    found = ProjectLineage(project)
    if not column:
        return tuple(found.datasets(dataset, down=down))
    columns = found.columns.get(dataset)
    if columns is not None:
        spelt = next((known for known in columns if known.lower() == column.lower()), None)
        if spelt is None:
            raise InputError(_unknown(name, tuple(f"{dataset}.{known}" for known in columns)))
        column = spelt
    return tuple(found.column(dataset, column, down=down))


def _unknown(name: str, known: tuple[str, ...]) -> Finding:
    return Finding(
        code="lineage.unknown",
        message=f"there is no dataset or column {name}",
        found=name,
        expected=", ".join(known) or "a dataset of this project",
        remedy="write pipeline.dataset or pipeline.dataset.column",
    )
