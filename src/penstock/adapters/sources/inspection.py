"""Looks at a source's files before anything is built from them: are they there, whole, and what was declared?

Every mistake of every file is reported at once; nothing is written.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.adapters.sources import dialects, documents, tables
from penstock.adapters.sources.opening import UNPACKABLE, opened
from penstock.adapters.sources.scanning import scan
from penstock.model.findings import Finding, Place
from penstock.model.sources import Drift, FileFormat
from penstock.quality.matching import match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.sources.scanning import Scan
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource

MOST_LISTED = 5
"""How many of several missing files are named, besides the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One file that is there. `sha256` is of its unpacked bytes; `lines` counts data lines."""

    path: Path
    name: str
    interval: Interval | None
    header: tuple[str, ...]
    lines: int
    sha256: str
    dialect: Mapping[str, str] = field(default_factory=dict)


def expected_files(
    source: FileSource, root: Path, intervals: Sequence[Interval] | None
) -> Iterator[tuple[Path, Interval | None]]:
    """The path of each file that there is to be; one with a `*`, of each that there is.

    A pattern that nothing matches is itself what is missing.
    """
    listed: dict[Path, list[str]] = {}
    for interval in intervals if intervals is not None else (None,):
        name = source.path_of(interval)
        matching = _matching(root, name, listed) if "*" in name else []
        for path in matching or [root / name]:
            yield path, interval


def _matching(root: Path, name: str, listed: dict[Path, list[str]]) -> list[Path]:
    """The paths that a pattern matches; a folder is listed once for all intervals."""
    folder, _, last = name.rpartition("/")
    if "*" in folder:
        return sorted(root.glob(name))
    parent = root / folder
    if parent not in listed:
        try:
            listed[parent] = sorted(each.name for each in parent.iterdir())
        except OSError:
            listed[parent] = []
    pattern = re.compile(fnmatch.translate(re.sub(r"([?\[])", r"[\1]", last)))
    return [parent / each for each in listed[parent] if pattern.match(each)]


def arrivals(
    source: FileSource, dataset: str, root: Path, intervals: Sequence[Interval] | None
) -> tuple[tuple[Arrival, ...], tuple[Finding, ...]]:
    """Every file that is there and what is wrong, file by file."""
    found: list[Arrival] = []
    findings: list[Finding] = []
    missing: list[tuple[str, Interval | None]] = []
    first_missing = 0
    for path, interval in expected_files(source, root, intervals):
        name = _relative(path, root)
        if not _beneath(path, root):
            findings.append(_outside(dataset, name))
        elif path.exists() and not path.is_file():
            findings.append(_broken(dataset, name, "is a folder or no plain file", "a plain file"))
        elif not path.is_file():
            if is_missed(source, interval):
                missing.append((name, interval))
                first_missing = first_missing if len(missing) > 1 else len(findings)
        else:
            _sort(_read(path, name, interval, source, dataset), found, findings)
    if missing:
        findings.insert(first_missing, missing_files(dataset, missing))
    findings.extend(_repeated(dataset, found))
    return tuple(found), tuple(findings)


def inspected(
    source: FileSource, dataset: str, there: Iterable[tuple[Path, str, Interval | None]]
) -> tuple[tuple[Arrival, ...], tuple[Finding, ...]]:
    """Files that are there, each with the name it goes by, and what is wrong with them."""
    found: list[Arrival] = []
    findings: list[Finding] = []
    for path, name, interval in there:
        _sort(_read(path, name, interval, source, dataset), found, findings)
    findings.extend(_repeated(dataset, found))
    return tuple(found), tuple(findings)


def is_missed(source: FileSource, interval: Interval | None) -> bool:
    """Whether it is a fault that there is no file for an interval, or no file at all."""
    if interval is None:
        return True
    return source.missing == "fail" and not source.closed.holds(interval.start)


def _sort(arrival: Arrival | Finding, found: list[Arrival], findings: list[Finding]) -> None:
    if isinstance(arrival, Finding):
        findings.append(arrival)
    else:
        found.append(arrival)


def read_header(path: Path, delimiter: str) -> tuple[str, ...] | None:
    """The columns that a CSV file's first line names, or None if the file cannot be read that far."""
    try:
        with opened(path) as stream:
            line = stream.readline(dialects.LONGEST_HEADER).decode("utf-8-sig")
    except (*UNPACKABLE, OSError, UnicodeDecodeError):
        return None
    return dialects.header_of(line.rstrip("\r\n"), delimiter) or None


def _read(path: Path, name: str, interval: Interval | None, source: FileSource, dataset: str) -> Arrival | Finding:
    try:
        found = _scan(path, source)
    except UNPACKABLE as error:
        return _broken(dataset, name, f"cannot be unpacked: {error}", "a whole file")
    except OSError as error:
        return _broken(dataset, name, f"cannot be read: {error.strerror or error}", "a readable file")
    return _fault_of(found, source, dataset, name) or Arrival(
        path=path,
        name=name,
        interval=interval,
        header=found.header,
        lines=found.rows,
        sha256=found.sha256,
        dialect=found.dialect,
    )


def _scan(path: Path, source: FileSource) -> Scan:
    """Read a file in its format."""
    if source.format is FileFormat.NDJSON:
        return documents.scan_lines(path)
    if source.format is FileFormat.JSON:
        return documents.scan_document(path, source.records)
    if source.format is FileFormat.PARQUET:
        return tables.scan_parquet(path)
    if source.format is FileFormat.EXCEL:
        return tables.scan_excel(path, source.sheet)
    encoding, delimiter = dialects.dialect_of(path, source)
    found = scan(path, delimiter, encoding)
    is_no_text = found.fault is not None and found.fault.expected == "UTF-8"
    if is_no_text and source.drift is Drift.EVOLVE and encoding == "utf-8":
        other = scan(path, delimiter, dialects.FALLBACK)
        return other if other.fault is None else found
    return found


def _fault_of(found: Scan, source: FileSource, dataset: str, name: str) -> Finding | None:
    """What is wrong with a file that could be read; another header is said before rows that do not fit it."""
    if found.header and (fault := _header_fault(found.header, source, dataset, name)):
        return fault
    if found.fault:
        broken = _broken(dataset, name, found.fault.what, found.fault.expected, line=found.fault.line)
        return (
            replace(broken, remedy=f"{found.fault.remedy}; nothing of it was read in") if found.fault.remedy else broken
        )
    if source.format in {FileFormat.JSON, FileFormat.NDJSON, FileFormat.PARQUET}:  # there, no record is no fault
        return None
    if not found.header:
        return _broken(dataset, name, "is empty", "a header line and at least one line of data")
    if found.rows < 1:
        return _broken(dataset, name, "has a header and no line of data", "at least one line of data")
    return None


def _header_fault(header: tuple[str, ...], source: FileSource, dataset: str, name: str) -> Finding | None:
    """What is wrong with a file's columns: a frozen source's are as declared, of another's at least one is known."""
    matched = match(source, header)
    frozen = source.drift is Drift.FREEZE
    if frozen and source.format in {FileFormat.CSV, FileFormat.EXCEL}:
        declared = {place: column for column, place in matched.found.items()}
        named = tuple(declared.get(place, column) for place, column in enumerate(header))
        return None if named == source.columns else _other_header(dataset, name, header, source)
    if frozen and (matched.missing or matched.extra):
        return _other_header(dataset, name, header, source)
    if not matched.found:
        return _other_header(dataset, name, header, source)
    repeated = next((column for column in header if header.count(column) > 1), None)
    if repeated is not None:
        return _broken(dataset, name, f"has two columns {repeated!r}", "each column once", line=1)
    return None


def _repeated(dataset: str, found: Iterable[Arrival]) -> Iterator[Finding]:
    """Two intervals with the same bytes: one file was delivered twice under two names."""
    seen: dict[str, Arrival] = {}
    for arrival in found:
        if not arrival.lines:
            continue
        earlier = seen.setdefault(arrival.sha256, arrival)
        if earlier is not arrival:
            yield Finding(
                code="source.repeated_file",
                message=f"{arrival.name} holds exactly the bytes of {earlier.name}",
                place=Place(file=arrival.name, dataset=dataset),
                found=f"{arrival.lines} line(s), SHA-256 {arrival.sha256[:12]} twice",
                expected="each interval's own rows",
                remedy="ask for the right file of that interval, or remove the copy",
            )


def _beneath(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _outside(dataset: str, name: str) -> Finding:
    return Finding(
        code="source.outside_project",
        message=f"{name} lies outside the project",
        place=Place(file=name, dataset=dataset),
        expected="a path beneath the project's folder",
        remedy="move the data into the project, or correct `path`",
    )


def missing_files(dataset: str, missing: Sequence[tuple[str, Interval | None]]) -> Finding:
    """One finding for all files that are not there: a late sender is one mistake, not one for each day."""
    name, interval = missing[0]
    day = f" for {interval}" if interval else ""
    others = [other for other, _ in missing[1:]]
    listed = "\n".join(others[:MOST_LISTED]) + (
        f"\nand {len(others) - MOST_LISTED:,} more" if len(others) > MOST_LISTED else ""
    )
    return Finding(
        code="source.missing_file",
        message=f"{len(missing):,} files are not there, the first{day}: {name}"
        if others
        else f"the file{day} is not there: {name}",
        place=Place(file=name, dataset=dataset),
        found=f"missing as well:\n{listed}" if others else None,
        expected="one file for every interval that is not closed",
        remedy="deliver what is missing; or list the day under `closed`, or set `missing: empty`, in the source",
    )


def _broken(dataset: str, name: str, what: str, expected: str, *, line: int | None = None) -> Finding:
    return Finding(
        code="source.broken_file",
        message=f"{name} {what}",
        place=Place(file=name, line=line, dataset=dataset),
        expected=expected,
        remedy="ask the sender for the file again; nothing of it was read in",
    )


def _other_header(dataset: str, name: str, header: tuple[str, ...], source: FileSource) -> Finding:
    matched, expected = match(source, header), source.columns
    missing, extra = matched.missing, [header[place] for place in matched.extra]
    parts = [f"missing {', '.join(missing)}" if missing else "", f"unexpected {', '.join(extra)}" if extra else ""]
    what = "; ".join(part for part in parts if part) or "the same columns in another order"
    return Finding(
        code="source.other_header",
        message=f"{name} has another header than declared: {what}",
        place=Place(file=name, line=1, excerpt=",".join(header)[:160], dataset=dataset),
        found=", ".join(header)[:300],
        expected=", ".join(expected),
        remedy="if the sender changed the format, change the source and what reads it, or set `drift: evolve` there; "
        "else ask for the file again",
    )
