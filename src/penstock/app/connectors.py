"""`source` for connectors: what there is behind one that a file describes, and source files that read it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.connectors.looking import Resource, resources_of, sample_of
from penstock.adapters.folder import load_project
from penstock.adapters.processes.runner import TaskProcesses
from penstock.documents import Fields, read_yaml, to_yaml
from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.errors import InputError, TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Dataset, Materialization
from penstock.project.connector_file import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.wiring import Workplace

SAMPLE = 1000
"""Rows by which the types of what says nothing of them are told."""
_SAID = ("format", "function", "rest_api", "command", "config", "secrets")
_LOOK_AT_LOG = "look at what it printed: penstock logs "


def discover(place: Workplace, path: str) -> tuple[dict[str, Any], tuple[Resource, ...]]:
    """What a file says of a connector, and what that has.

    Raises:
        InputError: the file is none that describes a connector, or the connector cannot be run so.
    """
    said, dataset = _described(place, path)
    with _processes(place) as processes, _as_input():
        return said, resources_of(processes, dataset, SAMPLE)


def source_text(said: dict[str, Any], resource: Resource) -> str:
    """A source file that reads a resource whole, with a remark where it could be read from state to state."""
    connector = Connector(said["format"])
    which = {"stream": resource.name} if connector is Connector.AIRBYTE else {}
    which = {"resource": resource.name} if connector is Connector.DLT else which
    body = to_yaml(
        {
            "description": f"{resource.name} as {connector} brings it.",
            **said,
            **which,
            "columns": dict(resource.columns),
        }
    )
    if not resource.key:
        return body
    remark = "# all rows are read each time; these would read on from where the last read ended:"
    cursor = f"# cursor: {resource.cursor}\n" if resource.cursor else ""
    return f"{body}{remark}\n# materialize: merge\n# key: [{', '.join(resource.key)}]\n{cursor}"


@contextmanager
def sampled(place: Workplace, dataset: Dataset, rows: int) -> Iterator[Path]:
    """The first rows of a connector's source as a Parquet file, for the time of a block.

    Raises:
        InputError: the connector cannot be run so.
    """
    source = dataset.task
    assert isinstance(source, ConnectorSource)  # noqa: S101 - nothing else is sampled so
    plain = replace(dataset, task=replace(source, cursor=""), key=())
    with _processes(place) as processes, _as_input(), sample_of(processes, plain, rows) as path:
        yield path


def _described(place: Workplace, path: str) -> tuple[dict[str, Any], Dataset]:
    text = _text(place, path)
    fields = Fields(read_yaml(text, path))
    format_ = fields.choice("format", tuple(Connector), required=True)
    if format_ is None:
        raise InputError(tuple(fields.findings))
    files = {name: data.decode("utf-8", "replace") for name, data in load_project(place.root).items()}
    run = read_run(fields, Connector(format_), files, whole=False)
    if fields.findings:
        raise InputError(tuple(fields.findings))
    task = ConnectorSource(connector=Connector(format_), types={}, **{**run.parts(), "resource": ""})
    said = {name: fields.values[name] for name in _SAID if name in fields.values}
    return said, Dataset(name=Path(path).name, file=path, task=task, materialization=Materialization.TABLE)


def _text(place: Workplace, path: str) -> str:
    try:
        return (place.root / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            Finding(
                code="source.no_description",
                message=f"{path} cannot be read as text: {error}",
                place=Place(file=path),
                expected="a YAML file with `format: dlt`, `airbyte` or `python` and what is run",
                remedy="correct --file",
            )
        ) from error


@contextmanager
def _processes(place: Workplace) -> Iterator[TaskProcesses]:
    """Processes apart from the executor's, whose spool whoever executes meanwhile may empty."""
    samples = place.state / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=samples) as folder,
        TaskProcesses(place.root, Path(folder) / "spool", Path(folder) / "logs") as processes,
    ):
        yield processes


@contextmanager
def _as_input() -> Iterator[None]:
    """Nobody asked for a run: what goes wrong is the description's fault, and no log stays to be looked at."""
    try:
        yield
    except (TaskError, TransientError) as error:
        found = tuple(
            replace(finding, remedy="correct its file") if (finding.remedy or "").startswith(_LOOK_AT_LOG) else finding
            for finding in error.findings
        )
        raise InputError(found) from None
