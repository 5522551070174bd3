"""How a CSV file is written, told from the file itself: its encoding and its delimiter."""

from __future__ import annotations

import codecs
import csv
from typing import TYPE_CHECKING

from penstock.adapters.sources.opening import opened
from penstock.model.sources import Drift, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from penstock.model.sources import FileSource

DELIMITERS = (",", ";", "\t", "|")
FALLBACK = "cp1252"
"""What text that is not UTF-8 is taken for."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
LONGEST_HEADER = 1 << 20


def dialect_of(path: Path, source: FileSource) -> tuple[str, str]:
    """The encoding and the delimiter to read a file with: those declared, unless files may drift and this one did.

    Whether all of it is text in that encoding only reading it shows.
    """
    with opened(path) as stream:
        start = stream.read(LONGEST_HEADER)
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    encoding = marked or source.encoding
    if source.drift is Drift.FREEZE:
        return source.encoding, source.delimiter
    if marked is None and encoding == "utf-8" and not _is_utf8(start):
        encoding = FALLBACK
    line = first_line(start, encoding)
    return encoding, _delimiter(line, source)


def first_line(start: bytes, encoding: str) -> str:
    """The first line of a file's first bytes."""
    text = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)("replace").decode(start)
    return text.splitlines()[0] if text else ""


def header_of(line: str, delimiter: str) -> tuple[str, ...]:
    """The names that a header line holds."""
    try:
        return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return ()


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(line: str, source: FileSource) -> str:
    """The declared one, unless another one finds more of the declared columns in the header."""
    known = {plain(name) for column in source.columns for name in (column, *source.also.get(column, ()))}

    def met(delimiter: str) -> int:
        return len(known & _plain(header_of(line, delimiter)))

    return max((source.delimiter, *DELIMITERS), key=met)  # of equals the first, so the declared one


def _plain(names: Iterable[str]) -> set[str]:
    return {plain(name) for name in names}
