"""A dataset version is named by its fingerprint: everything that decides its rows, and nothing that does not.

The fingerprint covers the digest of the canonical query (or code, or source description), how the rows are kept, and
the fingerprints of the datasets read. Descriptions, owners, schedules, checks, retries, secrets and limits leave it
alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.pipelines import CommandTask, FileSource, PythonTask
from penstock.plan.order import topological
from penstock.sql import identifiers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Dataset, Project

VERSIONS_SCHEMA = "_versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One dataset version. `relation` is the quoted physical name of its rows."""

    dataset: str
    fingerprint: str
    relation: str


def versions_of(project: Project) -> Mapping[str, Version]:
    """The version of every dataset of a project, in dependency order."""
    versions: dict[str, Version] = {}
    for name in topological(project):
        versions[name] = version_of(project.datasets[name], versions)
    return versions


def version_of(dataset: Dataset, upstream: Mapping[str, Version]) -> Version:
    """The version of one dataset, given those of the datasets it reads."""
    reads = {name: upstream[name].fingerprint for name in sorted(set(dataset.reads))}
    parts = {**own_definition(dataset), "reads": reads}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return Version(dataset=dataset.name, fingerprint=digest, relation=relation_of(dataset.name, digest))


def own_definition(dataset: Dataset) -> dict[str, object]:
    """What decides a dataset's rows, apart from the versions it reads, as plain values."""
    return {
        "task": _task_parts(dataset),
        "materialization": str(dataset.materialization),
        "interval": str(dataset.interval) if dataset.interval else "",
        **({"key": sorted(dataset.key)} if dataset.key else {}),
        **({"offset": dataset.offset} if dataset.offset else {}),
    }


def relation_of(dataset: str, version: str) -> str:
    """The quoted physical name of a dataset version."""
    return identifiers.table(VERSIONS_SCHEMA, f"{dataset.replace('.', '__')}__{version}")


def _task_parts(dataset: Dataset) -> dict[str, object]:
    task = dataset.task
    if isinstance(task, FileSource):
        return {"path": task.path, "columns": list(task.columns), "delimiter": task.delimiter}
    if isinstance(task, PythonTask):
        return {"code": task.code_digest, "function": task.function, "reads": dict(task.reads_by_parameter)}
    if isinstance(task, CommandTask):
        parts = {"argv": list(task.argv), "code": task.code_digest, "format": task.format}
        return {**parts, "reads": dict(task.reads_by_parameter)}
    return {"query": task.query_digest}
