"""`check`, `test`, `docs`: what can be said of a project's files without building anything."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.extras import extra_findings
from penstock.adapters.folder import ProjectFolder, load_project
from penstock.app.warehouses import foreign_findings
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Severity, blocking
from penstock.plan.expiry import retention_findings
from penstock.plan.exposure import exposure_findings
from penstock.plan.lineage import ProjectLineage
from penstock.plan.personal import personal_data
from penstock.plan.promises import UNKNOWN, column_findings
from penstock.plan.samples import lines_of, sample_findings
from penstock.project.reading import examine

if TYPE_CHECKING:
    from penstock.adapters.duckdb.scratch import TestOutcome
    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What `check` found. Counts are of what could be read."""

    pipelines: int
    datasets: int
    contracts: int
    tests: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing blocks."""
        return not blocking(self.findings)


def check(place: Workplace) -> Checked:
    """Read the whole project and say everything that is wrong with it."""
    files = load_project(place.root)
    project, findings = examine(files)
    if project is not None and not blocking(findings):
        lineage = ProjectLineage(project)
        data = personal_data(project, lineage)
        personal = (*exposure_findings(data), *sample_findings(project, data, lines_of(files), project.tests))
        findings = (*findings, *_query_findings(project, lineage), *personal, *retention_findings(project))
        findings = (*findings, *foreign_findings(project), *_suite_findings(place, project), *extra_findings(project))
    datasets = project.datasets if project else {}
    return Checked(
        pipelines=len(project.pipelines) if project else 0,
        datasets=len(datasets),
        contracts=sum(1 for dataset in datasets.values() if dataset.contract),
        tests=len(project.tests) if project else 0,
        findings=findings,
    )


def _query_findings(project: Project, lineage: ProjectLineage) -> tuple[Finding, ...]:
    """What columns are missing, and what DuckDB refuses. What both say is said once, in our words, and blocks."""
    from penstock.adapters.duckdb.binding import refused_queries  # noqa: PLC0415 - starts DuckDB

    refused = {finding.place.dataset: finding for finding in refused_queries(project)}
    told: list[Finding] = []
    for finding in column_findings(project, lineage):
        both = finding.code == UNKNOWN and finding.place.dataset in refused
        told.append(replace(finding, severity=Severity.ERROR) if both else finding)
    known = {finding.place.dataset for finding in told if finding.code == UNKNOWN}
    return (*told, *(finding for name, finding in refused.items() if name not in known))


def _suite_findings(place: Workplace, project: Project) -> tuple[Finding, ...]:
    """The suites of another tool that cannot be read."""
    if not project.settings.great_expectations:
        return ()
    from penstock.adapters.great_expectations.suites import load_suites  # noqa: PLC0415 - few projects have any

    try:
        load_suites(place.root, project.settings.great_expectations)
    except InputError as error:
        return error.findings
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """How the unit tests came out, which datasets have none, and queries that the database cannot parse."""

    outcomes: tuple[TestOutcome, ...]
    untested: tuple[str, ...]
    unparsable: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What went wrong."""
        failed = tuple(finding for outcome in self.outcomes for finding in outcome.findings)
        return (*self.unparsable, *failed)

    @property
    def ok(self) -> bool:
        """Whether every case passed."""
        return not self.unparsable and all(outcome.passed for outcome in self.outcomes)


def run_tests(place: Workplace, *select: str) -> Tested:
    """Run the project's unit tests on data, all or those of some datasets.

    Raises:
        InputError: the project cannot be read, or has no dataset of a name.
    """
    from penstock.adapters.duckdb.parsing import unparsable  # noqa: PLC0415 - starts DuckDB
    from penstock.adapters.duckdb.scratch import run_datatests  # noqa: PLC0415 - as above
    from penstock.adapters.processes.runner import TaskProcesses  # noqa: PLC0415 - as above

    project = place.project
    unknown = next((name for name in select if name not in project.datasets), None)
    if unknown is not None:
        raise InputError(_unknown(unknown, project))
    chosen = [case for case in project.tests if not select or case.dataset in select]
    with (
        tempfile.TemporaryDirectory(prefix="penstock-test-") as folder,
        TaskProcesses(place.root, Path(folder) / "spool", Path(folder) / "logs", confined=True) as processes,
    ):
        outcomes = run_datatests(chosen, project, processes)
    tested = {case.dataset for case in project.tests}
    untested = tuple(
        name for name, dataset in project.datasets.items() if dataset.task.kind != "source" and name not in tested
    )
    wanted = [dataset for name, dataset in project.datasets.items() if not select or name in select]
    return Tested(outcomes=outcomes, untested=untested, unparsable=tuple(unparsable(wanted)))


def _unknown(dataset: str, project: Project) -> Finding:
    return Finding(
        code="project.unknown_dataset",
        message=f"there is no dataset {dataset}",
        found=dataset,
        expected=", ".join(project.datasets) or "a dataset of this project",
        remedy="correct the name",
    )


def write_docs(place: Workplace) -> tuple[str, ...]:
    """Bring `architecture.md` and each pipeline's page up to date; returns the files that changed."""
    from penstock.author.documentation import pages_of  # noqa: PLC0415 - only `docs` needs the author

    folder = ProjectFolder()
    changed = []
    for path, text in sorted(pages_of(place.project).items()):
        if folder.read(place.root, path) != text.encode():
            folder.write(place.root, path, text.encode())
            changed.append(path)
    return tuple(changed)


def count(findings: tuple[Finding, ...], severity: Severity) -> int:
    """How many findings weigh that much."""
    return sum(1 for finding in findings if finding.severity is severity)
