"""Reads a CSV file once, from end to end, before anything is built from it: header, rows, digest, faults.

Invariants: the whole file is unpacked, decoded and split into rows, so that a file cut short anywhere is found here and
not while a warehouse loads it; memory does not grow with the file; values are counted and never kept or repeated in a
message, since they may be personal.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing in a file that is not as CSV has it, and the line it stands on."""

    line: int
    what: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A file's header, how many rows follow it, the SHA-256 of its unpacked bytes, and its first fault, if any."""

    header: tuple[str, ...]
    rows: int
    sha256: str
    fault: Fault | None = None


def scan(path: Path, delimiter: str) -> Scan:
    """Read a CSV file (packed with gzip if its name ends in `.gz`) as UTF-8, every row as wide as the header.

    Raises:
        EOFError, gzip.BadGzipFile, zlib.error: it cannot be unpacked.
        OSError: it cannot be read.
    """
    with opened(path) as packed:
        stream = _Hashed(packed)
        text = io.TextIOWrapper(io.BufferedReader(stream, _BLOCK), encoding="utf-8-sig", newline="")
        # spaces before a quote are skipped, as DuckDB does
        rows = _Rows(csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True))
        try:
            fault = rows.read()
            while text.read(_BLOCK):  # the digest is of the whole file, also behind a fault
                pass
        except UnicodeDecodeError:
            fault = Fault(line=_line_that(path, _is_no_text), what="is not UTF-8 text", expected="UTF-8")
        if fault is None and stream.has_zero:
            line = _line_that(path, lambda line: b"\0" in line)
            fault = Fault(line=line, what="holds a zero byte", expected="text without control characters")
        return Scan(header=rows.header, rows=rows.count, sha256=stream.digest.hexdigest(), fault=fault)


def opened(path: Path) -> BinaryIO:
    """A file's unpacked bytes."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value] # GzipFile reads alike


class _Rows:
    """Counts rows up to the first fault."""

    def __init__(self, reader: Iterator[list[str]]) -> None:
        self._reader = reader
        self.header: tuple[str, ...] = ()
        self.count = 0

    def read(self) -> Fault | None:
        ended = 0
        try:
            self.header = tuple(cell.strip() for cell in next(self._reader, []))
            width, ended = len(self.header), self._line()
            for row in self._reader:
                if len(row) != width and row:
                    return Fault(
                        line=ended + 1,
                        what=f"has a row of {len(row)} value(s) under a header of {width}",
                        expected=f"{width} values in every row",
                    )
                self.count += 1 if row else 0
                ended = self._line()
        except csv.Error as error:
            what = f"has a row that does not end: {error}"
            return Fault(line=ended + 1, what=what, expected="quotes that are closed")
        return None

    def _line(self) -> int:
        line: int = self._reader.line_num  # type: ignore[attr-defined] # every csv reader has it
        return line


class _Hashed(io.RawIOBase):
    """A stream that remembers a digest of what was read from it, and whether a zero byte was there."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.has_zero = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        block = self._stream.read(len(buffer))
        self.digest.update(block)
        self.has_zero = self.has_zero or b"\0" in block
        buffer[: len(block)] = block
        return len(block)


def _line_that(path: Path, is_it: Callable[[bytes], bool]) -> int:
    """The number of the first line that is so."""
    with opened(path) as stream:
        return next((number for number, line in enumerate(stream, start=1) if is_it(line)), 1)


def _is_no_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False
