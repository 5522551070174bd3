"""Files that hold entries which the journal no longer does: one JSON line for each, compressed, written once.

Invariants: a file has its final name only when it is whole and on the disk; its name holds its first and last number
and the beginning of its digest; the digest in full stands in the journal.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from penstock.ledger.journal import Entry, LedgerDamagedError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_UNFINISHED = ".new"
_FIELDS = ("seq", "at", "kind", "body", "previous", "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A file of entries: its name, its digest, and the last entry in it."""

    name: str
    sha256: str
    last: Entry


def write_archive(folder: Path, entries: Iterable[Entry]) -> Archived:
    """Write entries, of which there is at least one, to a file that is on the disk when this returns.

    Raises:
        LedgerDamagedError: the file cannot be written.
    """
    fresh = folder / f".journal-{os.getpid()}{_UNFINISHED}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
        for leftover in folder.glob(f".journal-*{_UNFINISHED}"):  # of a process that was killed
            leftover.unlink()
        with fresh.open("wb") as file:
            first, last = _write(file, entries)
            file.flush()
            os.fsync(file.fileno())
        sha256 = _digest(fresh)
        path = folder / f"journal-{first.seq:012}-{last.seq:012}-{sha256[:16]}.ndjson.gz"
        fresh.chmod(0o444)
        fresh.rename(path)
        _sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise LedgerDamagedError(_not_written(folder, error)) from error
    return Archived(name=path.name, sha256=sha256, last=last)


def read_archive(path: Path, sha256: str) -> Iterator[Entry]:
    """The entries of a file that has this digest.

    Raises:
        LedgerDamagedError: it is not there, has another digest, or holds something else.
    """
    try:
        if _digest(path) != sha256:
            raise LedgerDamagedError(_altered(path))
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield Entry(**dict(zip(_FIELDS, json.loads(line), strict=True)))
    except FileNotFoundError as error:
        raise LedgerDamagedError(_missing(path)) from error
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise LedgerDamagedError(_altered(path)) from error


def _write(file: IO[bytes], entries: Iterable[Entry]) -> tuple[Entry, Entry]:
    first: Entry | None = None
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        for entry in entries:
            first, last = first or entry, entry
            line = json.dumps([getattr(entry, name) for name in _FIELDS], ensure_ascii=False, separators=(",", ":"))
            packed.write(f"{line}\n".encode())
    assert first is not None  # noqa: S101 - promised by the caller
    return first, last


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(folder: Path, error: OSError) -> Finding:
    return Finding(
        code="ledger.archive_not_written",
        message=f"the journal's archive cannot be written: {error}",
        place=Place(file=str(folder)),
        expected="room on the disk and a folder that can be written",
        remedy="free space or fix the disk, then run the same command again; the journal was not touched",
    )


def _missing(path: Path) -> Finding:
    return Finding(
        code="ledger.archive_missing",
        message=f"{path.name} is not there: entries that the journal moved to it cannot be verified",
        place=Place(file=str(path)),
        expected="every archive that the journal names",
        remedy="bring the file back from a backup, or name the folder it is in",
    )


def _altered(path: Path) -> Finding:
    return Finding(
        code="ledger.archive_altered",
        message=f"{path.name} is not as it was written",
        place=Place(file=str(path)),
        expected="the digest that the journal names",
        remedy="restore the file from a backup; the journal itself and its state are not affected",
    )
