"""Lands a project's own source files as Parquet: what was looked at is what lands, or nothing of it does."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.sources.inspection import arrivals, expected_files
from penstock.adapters.sources.writing import Known, landed_files, write_rows
from penstock.engine.ports.arrivals import Landing
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource


class LocalFiles:
    """Files beneath a project's folder; landed rows lie in the spool, which the warehouse may read."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._root, self._spool = root, spool

    @contextmanager
    def land(self, source: FileSource, dataset: str, intervals: Sequence[Interval] | None) -> Iterator[Landing]:
        """Read the intervals' files; see `Files.land`."""
        seen: dict[Path, Known] = {}
        for path, _ in expected_files(source, self._root, intervals):
            if path.is_file():
                seen[path] = _known(path)
        found, findings = arrivals(source, dataset, self._root, intervals)
        if findings:
            raise TaskError(findings)
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="land-") as folder:
            path = Path(folder) / "rows.parquet"
            before = [seen.get(arrival.path) or _known(arrival.path) for arrival in found]
            forms = write_rows(source, dataset, found, path, dated=intervals is not None, root=self._root)
            changed = [one for one, was in zip(found, before, strict=True) if _known(one.path) != was]
            if changed:
                raise TaskError(_changed_meanwhile(dataset, changed[0].name))
            files = landed_files(found, before, forms)
            yield Landing(path=path, files=files, bytes=sum(file.size for file in files))


def _known(path: Path) -> Known:
    """A file as it lies there."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    status = path.stat()
    return Known(size=status.st_size, modified=status.st_mtime_ns, digest=digest)


def _changed_meanwhile(dataset: str, name: str) -> Finding:
    return Finding(
        code="source.changed_meanwhile",
        message=f"{name} changed while it was read; nothing of it was taken",
        place=Place(file=name, dataset=dataset),
        expected="files that are whole when they get their name",
        remedy="let the sender write under another name and rename; then run again",
    )
