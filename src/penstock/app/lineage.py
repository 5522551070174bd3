"""`lineage`: where a dataset or a column comes from and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.lineage import ProjectLineage
from penstock.plan.openlineage import job_events
from penstock.plan.order import topological

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


def openlineage(place: Workplace, name: str) -> list[dict[str, Any]]:
    """The OpenLineage events of a dataset, with everything above it, or of all that there are for no name.

    Raises:
        InputError: there is no such dataset.
    """
    project = place.project
    if name and name not in project.datasets:
        raise InputError(_unknown(name, tuple(project.datasets)))
    wanted = {name, *project.upstream(name)} if name else set(project.datasets)
    names = [each for each in topological(project) if each in wanted]
    return job_events(project, ProjectLineage(project), names, place.clock.now().isoformat())


def _unknown(name: str, known: tuple[str, ...]) -> Finding:
    return Finding(
        code="lineage.unknown",
        message=f"there is no dataset or column {name}",
        found=name,
        expected=", ".join(known) or "a dataset of this project",
        remedy="write pipeline.dataset or pipeline.dataset.column",
    )
