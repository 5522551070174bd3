"""Looks at a source's files before anything is built of them: those of a project are read, objects are only listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.sources.inspection import arrivals, expected_files
from penstock.model.errors import InputError, TaskError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.objects.store import StoredObject
    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A file or an object that there is, unread: `path` where it is a file, `version` what its store calls its state.

    `size` is in bytes, `modified` in nanoseconds.
    """

    name: str
    interval: Interval | None
    size: int
    modified: int
    path: Path | None = None
    version: str = ""


def look(
    source: FileSource, dataset: str, root: Path, intervals: Sequence[Interval] | None
) -> tuple[tuple[tuple[str, str], ...], tuple[Finding, ...]]:
    """Each file that is there, with what tells its contents from others (its digest; of objects what the store calls
    their state), and everything that is wrong, as far as it shows now.

    Raises:
        InputError: the store of objects cannot be asked, or does not answer.
    """
    if source.storage is None:
        found, findings = arrivals(source, dataset, root, intervals)
        return tuple((arrival.name, arrival.sha256) for arrival in found), findings
    there, findings = _objects(source, dataset, intervals)
    return tuple((one.name, f"{one.version} {one.size}") for one, _ in there), findings


def standing(source: FileSource, dataset: str, root: Path, intervals: Sequence[Interval] | None) -> Iterator[Standing]:
    """The files that there are for some intervals; raises as `look`. One that cannot be looked at is left out."""
    if source.storage is not None:
        for one, interval in _objects(source, dataset, intervals)[0]:
            yield Standing(name=one.name, interval=interval, size=one.size, modified=one.modified, version=one.version)
        return
    for path, interval in expected_files(source, root, intervals):
        try:
            if path.is_file():
                status, name = path.stat(), path.relative_to(root).as_posix()
                size, modified = status.st_size, status.st_mtime_ns
                yield Standing(name=name, interval=interval, size=size, modified=modified, path=path)
        except OSError:
            continue


def _objects(
    source: FileSource, dataset: str, intervals: Sequence[Interval] | None
) -> tuple[list[tuple[StoredObject, Interval | None]], tuple[Finding, ...]]:
    """The objects of a store; before a run there is no attempt that could be made again."""
    from penstock.adapters.objects.listing import wanted_objects  # noqa: PLC0415 - only such sources need it
    from penstock.adapters.objects.opening import store_of  # noqa: PLC0415 - as above

    assert source.storage is not None  # noqa: S101 - others are files
    try:
        return wanted_objects(source, dataset, store_of(source.storage, dataset), intervals)
    except (TaskError, TransientError) as error:
        raise InputError(error.findings) from error
