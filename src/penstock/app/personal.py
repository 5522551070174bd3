"""`personal`: which columns of a project hold personal data, which datasets it reaches, and what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.folder import MAX_FILE_BYTES, ProjectFolder, beneath
from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import Source
from penstock.model.sources import LANDED
from penstock.plan.exposure import exposure_findings
from penstock.plan.lineage import ProjectLineage
from penstock.plan.personal import Standing, personal_data
from penstock.plan.samples import FOLDERS, is_example_file, lines_of, sample_findings
from penstock.quality.personal.names import kind_of_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Project
    from penstock.plan.lineage import Node
    from penstock.plan.personal import PersonalColumn, PersonalData


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A column in which personal data begins, and the columns that it reaches."""

    column: PersonalColumn
    reaches: tuple[PersonalColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalReport:
    """What the files of a project say about personal data in it.

    `unfollowed` maps datasets whose task cannot be followed to the personal columns of what they read.
    """

    project: str
    origins: tuple[Origin, ...]
    unfollowed: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]
    open: int

    @property
    def ok(self) -> bool:
        """Whether every column that shows personal data says so, and no example shows any."""
        return self.open == 0


def report(place: Workplace) -> PersonalReport:
    """Read the project, follow what is tagged, and look into the examples beside it.

    Raises:
        InputError: the project cannot be read.
    """
    project = place.project
    lineage = ProjectLineage(project)
    data = personal_data(project, lineage)
    samples = sample_findings(project, data, lines_of(_examples(place)), project.tests)
    exposed = exposure_findings(data)
    return PersonalReport(
        project=project.settings.name,
        origins=tuple(_origins(data)),
        unfollowed=data.unfollowed,
        findings=(*exposed, *samples, *_looking(project, lineage, data)),
        open=len(exposed) + len(samples),
    )


def _origins(data: PersonalData) -> Iterator[Origin]:
    reached: dict[Node, list[PersonalColumn]] = {}
    for column in data.columns:
        for origin in dict.fromkeys(flow.origin for flow in column.flows):
            reached.setdefault(origin, []).append(column)
    for column in data.columns:
        if column.standing is Standing.ORIGIN:
            yield Origin(column=column, reaches=tuple(reached.get(column.node, ())))


def _examples(place: Workplace) -> dict[str, bytes]:
    """The files that show examples; what is larger than a project file may be is data."""
    folder = ProjectFolder()
    paths = [path for under in FOLDERS for path in folder.list(place.root, under) if is_example_file(path)]
    small = [path for path in paths if beneath(place.root, path).stat().st_size <= MAX_FILE_BYTES]
    return {path: folder.read(place.root, path) or b"" for path in small}


def _looking(project: Project, lineage: ProjectLineage, data: PersonalData) -> Iterator[Finding]:
    """Columns whose names speak of personal data and of which no contract says anything."""
    known = {column.node for column in data.columns}
    for name, dataset in sorted(project.datasets.items()):
        specs = {spec.name: spec for spec in dataset.contract.columns} if dataset.contract else {}
        names = specs if dataset.contract else lineage.columns.get(name, ())
        begins = isinstance(dataset.task, Source) or not dataset.reads or name in data.unfollowed
        for column in names if begins else ():
            kind = kind_of_name(column) if column not in LANDED else None
            if kind and (name, column) not in known and not (column in specs and specs[column].not_personal):
                yield _looks(name, column, kind, dataset.contract.file if dataset.contract else dataset.file)


def _looks(dataset: str, column: str, kind: str, file: str) -> Finding:
    return Finding(
        code="personal.looks_personal",
        message=f"{dataset}.{column} looks like personal data ({kind}) by its name, and no contract says so",
        severity=Severity.WARNING,
        place=Place(file=file, dataset=dataset, field=column),
        found=f"{column}, no tag",
        expected=f"personalData: {kind} in the contract of {dataset}, or personalData: none",
        remedy=f"look at its values (`penstock contract infer {dataset}` does) and say which it is",
    )
