"""Lands files of the project's folder as Parquet: text as it stands, plus where each row came from."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.sources.forms import forms_of
from penstock.adapters.sources.inspection import arrivals, expected_files
from penstock.adapters.sources.landing import landing_query, readable
from penstock.adapters.sources.opening import UNPACKABLE, exact_path
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
        known: dict[Path, tuple[int, int, str]] = {}
        for path, _ in expected_files(source, self._root, intervals):
            if path.is_file():
                known[path] = _identity(path)
        found, findings = arrivals(source, dataset, self._root, intervals)
        if findings:
            raise TaskError(findings)
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="land-") as folder:
            path = Path(folder) / "rows.parquet"
            before = [known.get(arrival.path) or _identity(arrival.path) for arrival in found]
            connection = duckdb.connect(":memory:", config={"threads": 2})
            try:
                connection.execute("SET TimeZone = 'UTC'")
                sql = landing_query(source, readable(source, found, Path(folder)), dated=intervals is not None)
                connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")
                landed = connection.execute(f"SELECT _file, count(*) FROM {_rows(path)} GROUP BY _file").fetchall()
                forms = forms_of(connection, source, path, {one.name: one.lines for one in found})
            except duckdb.Error as error:
                raise TaskError(unreadable_rows(dataset, error, self._root)) from error
            except (*UNPACKABLE, OSError, ValueError) as error:
                raise TaskError(_gone_meanwhile(dataset, error)) from error
            finally:
                connection.close()
            changed = [one for one, was in zip(found, before, strict=True) if _identity(one.path) != was]
            if changed:
                raise TaskError(_changed_meanwhile(dataset, changed[0].name))
            _refuse_other_counts(source, dataset, found, dict(landed))
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


def _rows(path: Path) -> str:
    return f"read_parquet({literal(exact_path(path))})"


def _refuse_other_counts(source: FileSource, dataset: str, found: Sequence[Arrival], landed: Mapping[str, int]) -> None:
    """Two readers looked at each file: where they do not see as many rows, neither is believed.

    Raises:
        TaskError: one finding for each such file.
    """
    at_least = 1 if source.no_records == "row" else 0
    wrong = [
        _other_count(dataset, arrival.name, arrival.lines, landed.get(arrival.name, 0))
        for arrival in found
        if landed.get(arrival.name, 0) != max(arrival.lines, at_least)
    ]
    if wrong:
        raise TaskError(tuple(wrong))


def _other_count(dataset: str, name: str, lines: int, landed: int) -> Finding:
    return Finding(
        code="source.other_count",
        message=f"{name} holds {lines:,} rows by one reading and {landed:,} by another; nothing of it was taken",
        place=Place(file=name, dataset=dataset),
        expected="rows that every reader tells apart alike",
        remedy="look for blank lines, line ends within a line, or signs that only some readers take for quotes",
    )


def _gone_meanwhile(dataset: str, error: Exception) -> Finding:
    return Finding(
        code="source.changed_meanwhile",
        message=f"a file could not be read a second time: {error}",
        place=Place(dataset=dataset),
        expected="files that stay while they are read",
        remedy="let the sender write under another name and rename; then run again",
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
