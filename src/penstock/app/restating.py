"""Files that changed, came late or came again after their interval was built: found by looking.

Where a source takes corrections, what they make stale is recorded before a run; where it does not, people are told.
A file counts as what landed while its size and time of change are as they were, or else its bytes; an object
while its store calls its state as it did. One that is gone is no change: what landed stays. Intervals of a ledger that
knows no files of a version yet are taken as they are. What is only told is left out where a store cannot be asked.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.adapters.sources.looking import standing
from penstock.ledger.facts import FilesRestated
from penstock.ledger.landed import read_landed
from penstock.model.errors import InputError
from penstock.model.intervals import Interval, merge, parse_moment, stamp
from penstock.model.sources import Corrections, FileSource
from penstock.plan.horizons import first_kept, horizons_of
from penstock.plan.restating import readers_of, restated_marks
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.adapters.sources.looking import Standing
    from penstock.ledger.journal import Journal, Value
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Mark, VersionKey
    from penstock.plan.versions import Version


def marks(journal: Journal, root: Path, project: Project, until: datetime) -> tuple[Mark, ...]:
    """What files that are others than those that landed make stale now, in sources that take corrections."""
    found = changed(journal, root, project, Corrections.TAKE, until)
    if not found:
        return ()
    versions = versions_of(project)
    stale: dict[VersionKey, tuple[Interval, ...]] = {
        (name, versions[name].fingerprint): gaps for name, gaps in found.items()
    }
    return restated_marks(stale, readers_of(journal.rows("versions"), project, versions), until)


def changed(
    journal: Journal, root: Path, project: Project, corrections: Corrections, until: datetime
) -> dict[str, tuple[Interval, ...]]:
    """The intervals whose files are others than those that landed, of sources that deal so with corrections.

    Raises:
        InputError: corrections are to be taken, and the store of objects cannot be asked.
    """
    sources = [dataset for dataset in project.datasets.values() if _is_sliced(dataset, corrections)]
    if not any(journal.rows("coverage", dataset=dataset.name, limit=1) for dataset in sources):
        return {}
    versions = versions_of(project)
    found = {}
    for dataset in sources:
        pieces = _known(journal, project, dataset, versions[dataset.name], until)
        try:
            gaps = _changed(journal, root, dataset, versions[dataset.name], pieces) if pieces else ()
        except InputError:
            if corrections is Corrections.TAKE:
                raise
            continue
        if gaps:
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


def _known(journal: Journal, project: Project, dataset: Dataset, version: Version, until: datetime) -> list[Interval]:
    """The intervals that are built and to be there, and of whose files the ledger knows, also that there were none.

    What is past its retention is not to be there, whatever its files say.
    """
    by, pipeline = dataset.interval, project.pipeline_of(dataset.name)
    assert by is not None  # noqa: S101 - see `_is_sliced`
    attempts = journal.rows("attempts", dataset=dataset.name, version=version.fingerprint, state="published")
    starts = {start for row in attempts for start in read_landed(str(row["files"] or ""))[0]}
    first, last = by.grain.floor(pipeline.start), min(until, pipeline.end) if pipeline.end else until
    kept = first_kept(dataset, horizons_of(journal.rows("horizons", dataset=dataset.name)))
    first = max(first, kept) if kept is not None else first
    rows = journal.rows("coverage", dataset=dataset.name, version=version.fingerprint)
    spans = merge(Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"]))) for row in rows)
    pieces = (piece for span in spans for piece in span.split(by.grain))
    return [piece for piece in pieces if first <= piece.start and piece.end <= last and stamp(piece.start) in starts]


def _changed(
    journal: Journal, root: Path, dataset: Dataset, version: Version, pieces: Sequence[Interval]
) -> tuple[Interval, ...]:
    """Those of some intervals that were built of other files than those that are there now."""
    task = dataset.task
    assert isinstance(task, FileSource)  # noqa: S101 - see `_is_sliced`
    by_start: dict[str, dict[str, Mapping[str, Value]]] = {}
    for row in journal.rows("arrivals", dataset=dataset.name, version=version.fingerprint):
        by_start.setdefault(str(row["start"]), {})[str(row["name"])] = row
    found: list[Interval] = []
    versions = _versions(journal, dataset, version) if task.storage else {}
    for one in standing(task, dataset.name, root, pieces):
        piece = one.interval
        if piece is None or (found and found[-1] == piece):
            continue
        landed = by_start.get(stamp(piece.start), {}).get(one.name)
        if landed is None or not _is_the_same(one, landed, versions):
            found.append(piece)
    return merge(found)


def _versions(journal: Journal, dataset: Dataset, version: Version) -> dict[tuple[Value, str], str]:
    """What its store called the state of each object that landed, by publish and name."""
    rows = journal.rows("attempts", dataset=dataset.name, version=version.fingerprint, state="published")
    return {
        (row["publish_id"], file.name): file.version for row in rows for file in read_landed(str(row["files"] or ""))[1]
    }


def _is_the_same(one: Standing, row: Mapping[str, Value], versions: Mapping[tuple[Value, str], str]) -> bool:
    """Whether a file is the one that landed. One that cannot be looked at is told of by the run that would read it."""
    if one.path is None:
        return versions.get((row["publish_id"], one.name)) == one.version
    if (one.size, one.modified) == (row["size"], row["modified"]):
        return True
    if one.size != row["size"]:
        return False
    try:
        with one.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == row["digest"]
    except OSError:
        return True
