"""Lands a source's objects as Parquet: fetched into the spool as they were listed, looked at and read there, and gone.

A copy lives until its rows are written; then only these are left, for as long as they are published.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.objects.fetching import fetch_all
from penstock.adapters.objects.listing import wanted_objects
from penstock.adapters.objects.opening import store_of
from penstock.adapters.sources.inspection import inspected
from penstock.adapters.sources.writing import Known, landed_files, write_rows
from penstock.engine.ports.arrivals import Landing
from penstock.model.errors import InputError, TaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.adapters.objects.store import Store, StoredObject
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource, LandedFile


class StoreObjects:
    """Objects of stores; copies and landed rows lie in the spool, which the warehouse may read."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    @contextmanager
    def land(
        self,
        source: FileSource,
        dataset: str,
        intervals: Sequence[Interval] | None,
        is_unwanted: Callable[[], bool],
    ) -> Iterator[Landing]:
        """Read the intervals' objects; see `Files.land`."""
        store = _opened(source, dataset)
        there, findings = wanted_objects(source, dataset, store, intervals)
        if findings:
            raise TaskError(findings)
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="land-") as folder:
            path = Path(folder) / "rows.parquet"
            with tempfile.TemporaryDirectory(dir=self._spool, prefix="fetch-") as copies:
                copied = fetch_all(store, [one for one, _ in there], Path(copies), is_unwanted)
                files = _read(source, dataset, there, copied, path, dated=intervals is not None)
            yield Landing(path=path, files=files, bytes=sum(file.size for file in files))


def _opened(source: FileSource, dataset: str) -> Store:
    assert source.storage is not None  # noqa: S101 - others are files
    try:
        return store_of(source.storage, dataset)
    except InputError as error:  # within an attempt it is the task that fails
        raise TaskError(error.findings) from None


def _read(
    source: FileSource,
    dataset: str,
    there: Sequence[tuple[StoredObject, Interval | None]],
    copied: Sequence[tuple[Path, str]],
    path: Path,
    *,
    dated: bool,
) -> tuple[LandedFile, ...]:
    """Write the rows of copies to `path`, or say everything that is wrong with them."""
    pairs = list(zip(there, copied, strict=True))
    found, findings = inspected(source, dataset, [(copy, one.name, at) for (one, at), (copy, _) in pairs])
    if findings:
        raise TaskError(findings)
    forms = write_rows(source, dataset, found, path, dated=dated, root=path.parent)
    known = [
        Known(size=one.size, modified=one.modified, digest=digest, version=one.version)
        for (one, _), (_, digest) in pairs
    ]
    return landed_files(found, known, forms)
