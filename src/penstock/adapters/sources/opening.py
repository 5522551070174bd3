"""A file's unpacked bytes, whatever it is packed with."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from pathlib import Path


class PackingError(Exception):
    """A file cannot be unpacked."""


def opened(path: Path) -> BinaryIO:
    """A file's bytes, unpacked if its name ends in `.gz` or `.zst`.

    Raises:
        InputError: it is packed with Zstandard, and what unpacks that is not installed.
        OSError: it cannot be opened.
    """
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path))
    if path.suffix == ".zst":
        return _zstandard(path)
    return path.open("rb")


def _zstandard(path: Path) -> BinaryIO:
    try:
        import zstandard  # noqa: PLC0415 - only such files need it
    except ImportError as error:
        finding = Finding(
            code="source.extra",
            message=f"{path.name} is packed with Zstandard, and zstandard is not installed",
            place=Place(file=path.name),
            expected="the extra files",
            remedy=how_to_install("files"),
        )
        raise InputError(finding) from error
    stream = path.open("rb")
    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True, closefd=True)
    return cast("BinaryIO", io.BufferedReader(_Checked(reader, zstandard.ZstdError)))


class _Reader(Protocol):
    """What unpacks a stream."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class _Checked(io.RawIOBase):
    """A reader whose own errors come out as `PackingError`."""

    def __init__(self, reader: _Reader, error: type[Exception]) -> None:
        self._reader, self._error = reader, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        try:
            block = self._reader.read(len(buffer))
        except self._error as error:
            raise PackingError(str(error)) from error
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._reader.close()
        super().close()


def exact_path(path: Path) -> str:
    """A path as DuckDB takes it for that file alone: its own signs for several files are taken as they stand."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


UNPACKABLE = (EOFError, gzip.BadGzipFile, zlib.error, PackingError)
"""What reading a file raises whose packing is damaged."""
