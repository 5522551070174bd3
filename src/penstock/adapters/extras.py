"""Which extras a project needs that are not installed here: what its runs would find out one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.databases import DatabaseEngine, DatabaseSource
from penstock.model.exports import ExportFormat
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import PythonTask
from penstock.model.sources import FileFormat, FileSource
from penstock.model.storage import Scheme, scheme_of
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.model.pipelines import Project, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An extra by its name, one module that it brings, and what else is to be installed with it."""

    name: str
    module: str
    packages: tuple[str, ...] = ()


_POSTGRES = Extra(name="postgres", module="psycopg")
_EXPECTATIONS = Extra(name="great-expectations", module="great_expectations")
_EXCEL = Extra(name="files", module="python_calamine")
_ZSTANDARD = Extra(name="files", module="zstandard")
_DLT = Extra(name="dlt", module="dlt")
_STORES: Mapping[str, Extra] = {
    Scheme.S3: Extra(name="s3", module="s3fs"),
    Scheme.GCS: Extra(name="objects", module="gcsfs", packages=("gcsfs",)),
    Scheme.AZURE: Extra(name="objects", module="adlfs", packages=("adlfs",)),
}
_DATABASES: Mapping[DatabaseEngine, Extra] = {
    DatabaseEngine.POSTGRES: Extra(name="databases", module="adbc_driver_postgresql"),
    DatabaseEngine.SQLITE: Extra(name="databases", module="adbc_driver_sqlite"),
    DatabaseEngine.MYSQL: Extra(name="mysql", module="pymysql"),
}
_FRAMES: Mapping[str, Extra] = {
    written: Extra(name="frames", module=module)
    for module, names in {"polars": ("polars", "pl"), "pyarrow": ("pyarrow", "pa"), "pandas": ("pandas", "pd")}.items()
    for written in names
}
"""The libraries of frames by what annotations call them."""


def is_installed(module: str) -> bool:
    """Whether a module could be imported here; it is not."""
    return find_spec(module) is not None


def extra_findings(project: Project, installed: Callable[[str], bool] = is_installed) -> tuple[Finding, ...]:
    """A warning for each extra that is missing, at the first file that needs it, with how to install it."""
    missing: dict[Extra, list[Place]] = {}
    for extra, place in _needed(project):
        if not installed(extra.module):
            missing.setdefault(extra, []).append(place)
    return tuple(_finding(extra, places) for extra, places in missing.items())


def _needed(project: Project) -> Iterator[tuple[Extra, Place]]:
    if project.settings.warehouse == "postgres":
        yield _POSTGRES, Place(file=SETTINGS_FILE, field="warehouse")
    if project.settings.great_expectations:
        yield _EXPECTATIONS, Place(file=SETTINGS_FILE, field="great_expectations")
    for name, dataset in project.datasets.items():
        for extra in _of_task(dataset.task):
            yield extra, Place(file=dataset.file, dataset=name)
    for export in project.exports.values():
        if export.format is ExportFormat.POSTGRES:
            yield _POSTGRES, Place(file=export.file, dataset=export.dataset)


def _of_task(task: Task) -> Iterator[Extra]:
    if isinstance(task, FileSource):
        store = _STORES.get(scheme_of(task.path) or "")
        kinds = ((store, True), (_EXCEL, task.format is FileFormat.EXCEL), (_ZSTANDARD, task.path.endswith(".zst")))
        yield from (extra for extra, needs in kinds if extra is not None and needs)
    elif isinstance(task, DatabaseSource):
        yield _DATABASES[task.engine]
    elif isinstance(task, ConnectorSource) and task.connector is Connector.DLT:
        yield _DLT
    elif isinstance(task, PythonTask):
        modules = {form.partition(".")[0] for form in task.forms.values()}
        yield from (_FRAMES[module] for module in sorted(modules & _FRAMES.keys()))


def _finding(extra: Extra, places: list[Place]) -> Finding:
    files = sorted({place.file for place in places if place.file})
    others = f" and {len(files) - 1} more file(s) need it" if len(files) > 1 else " needs it"
    return Finding(
        code="project.missing_extra",
        message=f"{extra.module} is not installed here: {places[0].file}{others}",
        severity=Severity.WARNING,
        place=places[0],
        found=f"no module {extra.module}",
        expected=f"the extra {', and '.join((extra.name, *extra.packages))}",
        remedy=f"{how_to_install(extra.name, *extra.packages)}; where runs are made, not where they are only checked",
    )
