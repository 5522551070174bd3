"""Writes the rows of files that were looked at as Parquet: text as it stands, plus where each row came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.sources.forms import forms_of
from penstock.adapters.sources.landing import landing_query, readable
from penstock.adapters.sources.opening import UNPACKABLE, exact_path
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.sources import LandedFile
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.sources.inspection import Arrival
    from penstock.model.sources import FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a file was as it was read: its size, time of change (nanoseconds) and digest, and its store's own word."""

    size: int
    modified: int
    digest: str
    version: str = ""


def write_rows(
    source: FileSource, dataset: str, found: Sequence[Arrival], path: Path, *, dated: bool, root: Path
) -> dict[str, dict[str, str]]:
    """Write the files' rows to `path`; by file, the form of each column whose values all look alike.

    What has to be read in another shape lies beside `path` for that time.

    Raises:
        TaskError: DuckDB cannot read them, or sees other rows than were counted.
    """
    connection = duckdb.connect(":memory:", config={"threads": 2})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        sql = landing_query(source, readable(source, found, path.parent), dated=dated)
        connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")
        landed = connection.execute(f"SELECT _file, count(*) FROM {_rows(path)} GROUP BY _file").fetchall()
        forms = forms_of(connection, source, path, {one.name: one.lines for one in found})
    except duckdb.Error as error:
        raise TaskError(unreadable_rows(dataset, error, root, found)) from error
    except (*UNPACKABLE, OSError, ValueError) as error:
        raise TaskError(_gone_meanwhile(dataset, error)) from error
    finally:
        connection.close()
    _refuse_other_counts(source, dataset, found, dict(landed))
    return forms


def landed_files(
    found: Sequence[Arrival], known: Sequence[Known], forms: Mapping[str, Mapping[str, str]]
) -> tuple[LandedFile, ...]:
    """The files as the ledger holds them."""
    return tuple(_landed(one, was, forms.get(one.name, {})) for one, was in zip(found, known, strict=True))


def _landed(arrival: Arrival, known: Known, forms: Mapping[str, str]) -> LandedFile:
    return LandedFile(
        name=arrival.name,
        start=stamp(arrival.interval.start) if arrival.interval else "",
        size=known.size,
        modified=known.modified,
        digest=known.digest,
        rows=arrival.lines,
        header=arrival.header,
        dialect=arrival.dialect,
        forms=forms,
        version=known.version,
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


def unreadable_rows(dataset: str, error: duckdb.Error, root: Path, found: Sequence[Arrival] = ()) -> Finding:
    """What DuckDB says of files it cannot read, which go by the names they were found under."""
    said = str(error)
    for arrival in found:
        said = said.replace(str(arrival.path), arrival.name)
    lines = [line.replace(f"{root}/", "") for line in said.splitlines() if line.strip()]
    return Finding(
        code="source.unreadable_rows",
        message=lines[0] if lines else "a file cannot be read",
        place=Place(dataset=dataset),
        found="\n".join(lines[1:8]) or None,
        expected="rows with as many values as the header has columns, and values of the types declared",
        remedy="ask the sender for the file again, or correct the line named",
    )
