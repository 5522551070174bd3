"""Lands files of the project's folder as Parquet: text as it stands, plus where each row came from."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.sources.forms import forms_of
from penstock.adapters.sources.inspection import arrivals
from penstock.adapters.sources.landing import landing_query, readable
from penstock.engine.ports import Landing
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.sources import LandedFile
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.adapters.sources.inspection import Arrival
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource


class LocalFiles:
    """A `Files` over a project's folder; landed files lie in the spool, which the warehouse may read."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._root, self._spool = root, spool

    @contextmanager
    def land(self, source: FileSource, dataset: str, intervals: Sequence[Interval] | None) -> Iterator[Landing]:
        """Read the intervals' files; see `Files.land`."""
        found, findings = arrivals(source, dataset, self._root, intervals)
        if findings:
            raise TaskError(findings)
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="land-") as folder:
            path = Path(folder) / "rows.parquet"
            before = [_identity(arrival.path) for arrival in found]
            connection = duckdb.connect(":memory:", config={"threads": 2})
            try:
                connection.execute("SET TimeZone = 'UTC'")
                sql = landing_query(source, readable(source, found, Path(folder)), dated=intervals is not None)
                connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")
                forms = forms_of(connection, source, path, {one.name: one.lines for one in found})
            except duckdb.Error as error:
                raise TaskError(unreadable_rows(dataset, error, self._root)) from error
            finally:
                connection.close()
            changed = [one for one, was in zip(found, before, strict=True) if _identity(one.path) != was]
            if changed:
                raise TaskError(_changed_meanwhile(dataset, changed[0].name))
            files = tuple(_landed(one, was, forms.get(one.name, {})) for one, was in zip(found, before, strict=True))
            yield Landing(path=path, files=files, bytes=sum(file.size for file in files))


def _identity(path: Path) -> tuple[int, int, str]:
    """Size, time of change, and digest of a file as it lies there."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    status = path.stat()
    return status.st_size, status.st_mtime_ns, digest


def _landed(arrival: Arrival, identity: tuple[int, int, str], forms: Mapping[str, str]) -> LandedFile:
    size, modified, digest = identity
    return LandedFile(
        name=arrival.name,
        start=stamp(arrival.interval.start) if arrival.interval else "",
        size=size,
        modified=modified,
        digest=digest,
        rows=arrival.lines,
        header=arrival.header,
        dialect=arrival.dialect,
        forms=forms,
    )


def _changed_meanwhile(dataset: str, name: str) -> Finding:
    return Finding(
        code="source.changed_meanwhile",
        message=f"{name} changed while it was read; nothing of it was taken",
        place=Place(file=name, dataset=dataset),
        expected="files that are whole when they get their name",
        remedy="let the sender write under another name and rename; then run again",
    )


def unreadable_rows(dataset: str, error: duckdb.Error, root: Path) -> Finding:
    """What DuckDB says of files it cannot read."""
    lines = [line.replace(f"{root}/", "") for line in str(error).splitlines() if line.strip()]
    return Finding(
        code="source.unreadable_rows",
        message=lines[0] if lines else "a file cannot be read",
        place=Place(dataset=dataset),
        found="\n".join(lines[1:8]) or None,
        expected="rows with as many values as the header has columns, and values of the types declared",
        remedy="ask the sender for the file again, or correct the line named",
    )
