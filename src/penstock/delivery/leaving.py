"""Which personal columns begin to leave the project by a change of its exports or of what they hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.masking import GENERALISED, PSEUDONYM
from penstock.plan.leaving import personal_columns
from penstock.plan.lineage import ProjectLineage
from penstock.policy.facts import LeavingColumn

if TYPE_CHECKING:
    from penstock.model.exports import Export
    from penstock.model.pipelines import Project


def leaving_columns(base: Project, project: Project) -> tuple[LeavingColumn, ...]:
    """The unmasked personal columns of every export that did not leave for the same place before."""
    if not project.exports:
        return ()
    before = {(one.export, one.target, one.dataset, one.column) for one in _leaving(base)}
    return tuple(one for one in _leaving(project) if (one.export, one.target, one.dataset, one.column) not in before)


def _leaving(project: Project) -> tuple[LeavingColumn, ...]:
    if not project.exports:
        return ()
    lineage = ProjectLineage(project)
    return tuple(one for _, export in sorted(project.exports.items()) for one in _of_export(export, project, lineage))


def _of_export(export: Export, project: Project, lineage: ProjectLineage) -> list[LeavingColumn]:
    personal = personal_columns(project, export.dataset)
    contract = project.datasets[export.dataset].contract
    written = [spec.name for spec in contract.columns] if contract else []
    columns = export.columns or tuple(dict.fromkeys((*written, *lineage.columns.get(export.dataset, ()))))
    return [
        LeavingColumn(
            export=export.name,
            file=export.file,
            dataset=export.dataset,
            column=column,
            told=found.told,
            target=export.target,
        )
        for column in columns
        if (found := personal.get(column.lower())) is not None and found.kind not in {PSEUDONYM, GENERALISED}
    ]
