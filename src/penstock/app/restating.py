"""Files that changed, came late or came again after their interval was built: found by looking.

Where a source takes corrections, what they make stale is recorded before a run; where it does not, people are told.
A file counts as what landed while its size and time of change are as they were, or else its bytes. One that is gone is
no change: what landed stays. Intervals of a ledger that knows no files of a version yet are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.adapters.sources.inspection import expected_files
from penstock.ledger.facts import FilesRestated
from penstock.model.intervals import Interval, merge, parse_moment, stamp
from penstock.model.sources import Corrections, FileSource
from penstock.plan.restating import readers_of, restated_marks
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.ledger.journal import Journal, Value
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Mark, VersionKey
    from penstock.plan.versions import Version


def marks(journal: Journal, root: Path, project: Project, until: datetime) -> tuple[Mark, ...]:
    """What files that are others than those that landed make stale now, in sources that take corrections."""
    found = changed(journal, root, project, Corrections.TAKE)
    if not found:
        return ()
    versions = versions_of(project)
    stale: dict[VersionKey, tuple[Interval, ...]] = {
        (name, versions[name].fingerprint): gaps for name, gaps in found.items()
    }
    return restated_marks(stale, readers_of(journal.rows("versions"), project, versions), until)


def changed(
    journal: Journal, root: Path, project: Project, corrections: Corrections
) -> dict[str, tuple[Interval, ...]]:
    """The intervals whose files are others than those that landed, of sources that deal so with corrections."""
    sources = [dataset for dataset in project.datasets.values() if _is_sliced(dataset, corrections)]
    known = {dataset.name: journal.rows("arrivals", dataset=dataset.name) for dataset in sources}
    if not any(known.values()):
        return {}
    versions = versions_of(project)
    found = {}
    for dataset in sources:
        version = versions[dataset.name]
        landed = [row for row in known[dataset.name] if row["version"] == version.fingerprint]
        if landed and (gaps := _changed(journal, root, dataset, version, landed)):
            found[dataset.name] = gaps
    return found


def record(journal: Journal, root: Path, project: Project, until: datetime, token: Callable[[], int]) -> bool:
    """Record what files restate, if anything, so that a run that dies midway leaves it known; whether there was any."""
    found = marks(journal, root, project, until)
    if not found:
        return False
    stale = json.dumps([list(mark) for mark in found])
    name = "f" + hashlib.sha256(f"{stale} {until.isoformat()}".encode()).hexdigest()[:15]
    journal.append(FilesRestated(restatement=name, stale=stale, files=len(found)), token=token())
    return True


def _is_sliced(dataset: Dataset, corrections: Corrections) -> bool:
    task = dataset.task
    return isinstance(task, FileSource) and dataset.interval is not None and task.corrections is corrections


def _changed(
    journal: Journal, root: Path, dataset: Dataset, version: Version, landed: Sequence[Mapping[str, Value]]
) -> tuple[Interval, ...]:
    """The intervals that were built of other files than those that are there now."""
    task, by = dataset.task, dataset.interval
    assert isinstance(task, FileSource)  # noqa: S101 - see `_is_sliced`
    assert by is not None  # noqa: S101
    by_start: dict[str, dict[str, Mapping[str, Value]]] = {}
    for row in landed:
        by_start.setdefault(str(row["start"]), {})[str(row["name"])] = row
    rows = journal.rows("coverage", dataset=dataset.name, version=version.fingerprint)
    spans = merge(Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"]))) for row in rows)
    pieces = [piece for span in spans for piece in span.split(by.grain)]
    found: list[Interval] = []
    for path, piece in expected_files(task, root, pieces):
        if piece is None or not path.is_file() or (found and found[-1] == piece):
            continue
        name = path.relative_to(root).as_posix()
        if not _is_the_same(path, by_start.get(stamp(piece.start), {}).get(name)):
            found.append(piece)
    return merge(found)


def _is_the_same(path: Path, row: Mapping[str, Value] | None) -> bool:
    if row is None:
        return False
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) == (row["size"], row["modified"]):
        return True
    if status.st_size != row["size"]:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == row["digest"]
