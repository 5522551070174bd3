"""Reads a CSV file once, from end to end, before anything is built from it: header, rows, digest, faults.

Invariants: the whole file is unpacked, decoded and split into rows, so that a file cut short anywhere is found here and
not while a warehouse loads it; memory does not grow with the file; values are counted and never kept or repeated in a
message, since they may be personal.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from penstock.adapters.sources.opening import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing in a file that is not as CSV has it, and the line it stands on.

    `remedy` is what helps beside asking for the file again, if anything does.
    """

    line: int
    what: str
    expected: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A file's header, how many rows follow it, the SHA-256 of its unpacked bytes, and its first fault, if any.

    `dialect` is how it is written, as far as its format leaves that open.
    """

    header: tuple[str, ...]
    rows: int
    sha256: str
    fault: Fault | None = None
    dialect: Mapping[str, str] = field(default_factory=dict)


def scan(path: Path, delimiter: str, encoding: str = "utf-8") -> Scan:
    """Read a CSV file (unpacked if its name ends in `.gz` or `.zst`), every row as wide as the header.

    Raises:
        UNPACKABLE: it cannot be unpacked.
        OSError: it cannot be read.
    """
    with opened(path) as packed:
        stream = _Hashed(packed)
        text = io.TextIOWrapper(io.BufferedReader(stream, _BLOCK), encoding=_python_name(encoding), newline="")
        # spaces before a quote are skipped, as DuckDB does
        rows = _Rows(csv.reader(text, delimiter=delimiter, strict=True, skipinitialspace=True))
        try:
            fault = rows.read()
            while text.read(_BLOCK):  # the digest is of the whole file, also behind a fault
                pass
        except UnicodeDecodeError:
            line = _line_that(path, lambda line: _is_no_text(line, encoding))
            fault = Fault(line=line, what=f"is not {encoding.upper()} text", expected=encoding.upper())
        if fault is None and stream.has_zero and encoding != "utf-16":
            line = _line_that(path, lambda line: b"\0" in line)
            fault = Fault(line=line, what="holds a zero byte", expected="text without control characters")
        if fault is None and stream.may_mix_ends:
            fault = _mixed_ends(path, delimiter, encoding)
        dialect = {"delimiter": delimiter, "encoding": encoding, **stream.marks()}
        return Scan(header=rows.header, rows=rows.count, sha256=stream.digest.hexdigest(), fault=fault, dialect=dialect)


def _python_name(encoding: str) -> str:
    """The codec that leaves out a byte order mark."""
    return "utf-8-sig" if encoding == "utf-8" else encoding


_ENDS = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


def _mixed_ends(path: Path, delimiter: str, encoding: str) -> Fault | None:
    """The first line that ends a row otherwise than the header ends; within quotes any end is a value's own."""
    last = ""

    def lines(text: io.TextIOWrapper) -> Iterator[str]:
        nonlocal last
        for line in text:
            last = line[-2:] if line.endswith("\r\n") else line[-1:]
            yield line

    with opened(path) as packed:
        text = io.TextIOWrapper(packed, encoding=_python_name(encoding), newline="")
        reader = csv.reader(lines(text), delimiter=delimiter, strict=True, skipinitialspace=True)
        first = ""
        for _ in reader:
            first = first or last
            if last != first and last in _ENDS:
                what = f"ends line {reader.line_num} with {_ENDS[last]} and the lines before with {_ENDS[first]}"
                return Fault(
                    line=reader.line_num,
                    what=what,
                    expected="one kind of line end in the whole file",
                    remedy=f"write the file with {_ENDS[first]} alone, or ask the sender for it again",
                )
    return None


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
                self.count += 1 if row or width == 1 else 0  # a blank line is the one value that is not there
                ended = self._line()
        except csv.Error as error:
            what = f"has a row that does not end: {error}"
            return Fault(line=ended + 1, what=what, expected="quotes that are closed")
        return None

    def _line(self) -> int:
        line: int = self._reader.line_num  # type: ignore[attr-defined] # every csv reader has it
        return line


class _Hashed(io.RawIOBase):
    """A stream that remembers a digest of what was read from it, how it began, its line ends, and any zero byte."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = b""
        self.digest = hashlib.sha256()
        self.has_zero = False
        self._feeds = self._returns = self._pairs = 0
        self._ends_in_return = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        block = self._stream.read(len(buffer))
        self._start = self._start or block
        self.digest.update(block)
        self.has_zero = self.has_zero or b"\0" in block
        self._count_ends(block)
        buffer[: len(block)] = block
        return len(block)

    def _count_ends(self, block: bytes) -> None:
        plain = block.replace(b"\0", b"") if self.has_zero else block
        self._feeds += plain.count(b"\n")
        if b"\r" in plain or self._ends_in_return:
            self._returns += plain.count(b"\r")
            self._pairs += plain.count(b"\r\n") + (self._ends_in_return and plain.startswith(b"\n"))
        self._ends_in_return = plain.endswith(b"\r") if plain else self._ends_in_return

    @property
    def may_mix_ends(self) -> bool:
        """Whether what was read holds more than one kind of line end, be it within quotes."""
        return (self._feeds > self._pairs) + (self._returns > self._pairs) + (self._pairs > 0) > 1

    def marks(self) -> dict[str, str]:
        """Its byte order mark and its line ends, as its first bytes show them."""
        marked = self._start.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        line = self._start.replace(b"\0", b"").partition(b"\n")
        ends = "CRLF" if line[1] and line[0].endswith(b"\r") else "LF"
        return {"mark": "byte order mark" if marked else "none", "lines": ends}


def _line_that(path: Path, is_it: Callable[[bytes], bool]) -> int:
    """The number of the first line that is so."""
    with opened(path) as stream:
        return next((number for number, line in enumerate(stream, start=1) if is_it(line)), 1)


def _is_no_text(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return True
    return False
