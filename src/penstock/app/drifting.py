"""`drift`: on which day the files of a source became others, as the ledger knows the files that landed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.app.planning import chosen
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.model.sources import FileSource, LandedFile
from penstock.plan.versions import versions_of
from penstock.quality.file_drift import drifts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value
    from penstock.quality.file_drift import Drifted


def drift(place: Workplace, names: Sequence[str], run: str | None = None) -> dict[str, tuple[Drifted, ...]]:
    """What drifted between the landed files of each source of files, of all or of those named; none is there too.

    With a `run`, only what came with the files that it landed.

    Raises:
        InputError: a name is unknown, or is no source of files.
    """
    project = place.project
    wanted = chosen(project, names)
    sources = {name for name, dataset in project.datasets.items() if isinstance(dataset.task, FileSource)}
    if names and not sources & set(wanted):
        raise InputError(_no_source(wanted[0], sorted(sources)))
    versions = versions_of(project) if sources else {}
    found = {}
    for name in sorted(sources & set(wanted) if names else sources):
        task = project.datasets[name].task
        assert isinstance(task, FileSource)  # noqa: S101 - chosen above
        rows = place.ledger.rows("arrivals", dataset=name, version=versions[name].fingerprint)
        new = {str(row["name"]) for row in rows if str(row["publish_id"]).startswith(f"{run}/")}
        told = drifts(task, [_landed(row) for row in rows])
        found[name] = tuple(one for one in told if run is None or one.file in new)
    return found


def _landed(row: Mapping[str, Value]) -> LandedFile:
    parts = {name: json.loads(str(row[name])) for name in ("header", "dialect", "forms")}
    return LandedFile(
        name=str(row["name"]),
        start=str(row["start"]),
        size=int(row["size"] or 0),
        modified=int(row["modified"] or 0),
        digest=str(row["digest"]),
        rows=int(row["rows"] or 0),
        header=tuple(parts["header"]),
        dialect=parts["dialect"],
        forms=parts["forms"],
    )


def _no_source(name: str, sources: Sequence[str]) -> Finding:
    return Finding(
        code="drift.no_source",
        message=f"{name} is no source of files",
        found=name,
        expected=", ".join(sources) or "a source (there is none)",
        remedy="name a source, or none for all of them",
    )
