"""The file beside exported files that says what they hold: dataset, version, publishes, columns, rows, digests."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from penstock.adapters.exports.records import read_stamp, stamp_text

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.plan.exporting import Piece, Stamp

EDITION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exported file. `modified` (nanoseconds) and `size` (bytes) spare reading a file that was not touched."""

    name: str
    piece: str
    publishes: tuple[str, ...]
    rows: int
    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, name: str, piece: Piece, rows: int) -> Entry:
        """The entry of a file that was just written in a folder."""
        status = (folder / name).stat()
        return cls(
            name=name,
            piece=piece.key,
            publishes=piece.publishes,
            rows=rows,
            size=status.st_size,
            modified=status.st_mtime_ns,
            sha256=_digest(folder / name),
        )

    def is_at(self, folder: Path) -> bool:
        """Whether the file is there, and holds what was written."""
        path = folder / self.name
        if not path.is_file() or path.is_symlink():
            return False
        status = path.stat()
        if status.st_size != self.size:
            return False
        return status.st_mtime_ns == self.modified or _digest(path) == self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What files hold. While they get their names, `before` are those that were there until then; else it is empty."""

    stamp: Stamp
    pattern: str
    files: tuple[Entry, ...]
    before: tuple[Entry, ...] = ()

    @property
    def ours(self) -> tuple[Entry, ...]:
        """Every file that may be there because this export wrote it."""
        return (*self.files, *(entry for entry in self.before if entry not in self.files))


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at a path; None if there is none.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(str(error)) from error
    try:
        found: dict[str, Any] = json.loads(text)
        if found["edition"] != EDITION:
            raise ValueError(f"edition {found['edition']}")
        return Manifest(
            stamp=read_stamp(json.dumps(found["of"])),
            pattern=str(found["pattern"]),
            files=tuple(_entry(each) for each in found["files"]),
            before=tuple(_entry(each) for each in found["before"]),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest so that a crash leaves the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    found = {
        "edition": EDITION,
        "of": json.loads(stamp_text(manifest.stamp)),
        "pattern": manifest.pattern,
        "files": [_plain(entry) for entry in manifest.files],
        "before": [_plain(entry) for entry in manifest.before],
    }
    with fresh.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "file": entry.name,
        "interval": entry.piece,
        "publishes": list(entry.publishes),
        "rows": entry.rows,
        "bytes": entry.size,
        "modified": entry.modified,
        "sha256": entry.sha256,
    }


def _entry(found: dict[str, Any]) -> Entry:
    name = str(found["file"])
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(f"{name} lies elsewhere")  # what is named here may be removed
    return Entry(
        name=name,
        piece=str(found["interval"]),
        publishes=tuple(str(one) for one in found["publishes"]),
        rows=int(found["rows"]),
        size=int(found["bytes"]),
        modified=int(found["modified"]),
        sha256=str(found["sha256"]),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
