"""A warehouse whose write-ahead log is torn: DuckDB refuses to open it, and says at which byte the log breaks.

Invariants: what is tried is tried on a copy of the log beside a link to the file, opened for reading alone; the file
itself is never written; the damaged pair is kept beside it before the shorter log takes the place of the torn one, in
one rename.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.model.errors import RunError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_BROKEN_AT = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TornLog:
    """The log of a file, `size` bytes long, which can be replayed up to the byte `at`."""

    path: Path
    at: int
    size: int


class Answering(Protocol):
    """An open warehouse of any kind."""

    def query(self, sql: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows of one query."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a warehouse says it has done: rows by publish id, and promotions."""

    published: Mapping[str, int]
    swapped: frozenset[str]


def log_of(path: Path) -> Path:
    """The write-ahead log of a DuckDB file."""
    return path.with_name(f"{path.name}.wal")


def find_torn_log(error: RunError) -> TornLog | None:
    """How the log is torn, if that is why opening a warehouse raised this error."""
    found, file = _BROKEN_AT.search(str(error.__cause__)), error.findings[0].place.file
    if found is None or file is None:
        return None
    return TornLog(path=Path(file), at=int(found[1]), size=log_of(Path(file)).stat().st_size)


def held_by(warehouse: Answering) -> Held:
    """What an open warehouse has done, by its own ledger."""
    published = warehouse.query("SELECT publish_id, row_count FROM _penstock.ledger")[1]
    swapped = warehouse.query("SELECT promotion FROM _penstock.swaps")[1]
    return Held(
        published={str(name): int(rows) for name, rows in published},
        swapped=frozenset(str(name) for (name,) in swapped),
    )


def cut_log(
    torn: TornLog, spool: Path, lost: Callable[[Held], tuple[Finding, ...]], suffix: str
) -> tuple[Finding, ...]:
    """Let the log end where it breaks, if `lost` finds nothing missing then; the damaged pair is kept with a suffix.

    Returns what is in the way; then nothing was changed.

    Raises:
        RunError: the disk has no room for the copies, or they cannot be written; nothing was changed.
    """
    path = torn.path
    try:
        with _tried(path, torn.at) as copy:
            missing = _missing(copy, torn, spool, lost)
            if not missing:
                _keep_aside(path, suffix)
                log_of(copy).replace(log_of(path))
                _sync_folder(path.parent)
    except OSError as error:
        raise RunError(_no_copy(path, error)) from error
    return missing


def _missing(
    copy: Path, torn: TornLog, spool: Path, lost: Callable[[Held], tuple[Finding, ...]]
) -> tuple[Finding, ...]:
    try:
        warehouse = DuckdbWarehouse(copy, spool, read_only=True)
    except RunError as error:
        return (_not_mended(torn, error),)
    try:
        return lost(held_by(warehouse))
    finally:
        warehouse.close()


@contextmanager
def _tried(path: Path, end: int) -> Iterator[Path]:
    """The file under another name, with so many bytes of its log."""
    copy = path.with_name(f".{path.name}.repair")
    try:
        for leftover in (copy, log_of(copy)):
            leftover.unlink(missing_ok=True)
        try:
            copy.hardlink_to(path)
        except OSError:  # a file system without links
            _copy(path, copy, path.stat().st_size)
        _copy(log_of(path), log_of(copy), end)
        yield copy
    finally:
        for leftover in (copy, log_of(copy)):
            leftover.unlink(missing_ok=True)


def _keep_aside(path: Path, suffix: str) -> None:
    aside = path.with_name(f"{path.name}.{suffix}")
    for source, target in ((path, aside), (log_of(path), log_of(aside))):
        unfinished = target.with_name(f".{target.name}.new")
        _copy(source, unfinished, source.stat().st_size)
        unfinished.rename(target)
    _sync_folder(path.parent)


def _copy(source: Path, target: Path, end: int) -> None:
    """The first bytes of a file, on the disk when this returns."""
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.truncate(end)
        write.flush()
        os.fsync(write.fileno())
    shutil.copymode(source, target)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_mended(torn: TornLog, error: RunError) -> Finding:
    said = error.findings[0].message
    return Finding(
        code="warehouse.not_repairable",
        message=f"{torn.path.name} does not open with its log cut at byte {torn.at} either: {said}",
        place=Place(file=str(log_of(torn.path))),
        expected="a log that can be replayed up to where it breaks",
        remedy="restore the file and its log from a backup that belongs to this ledger; nothing was changed",
    )


def _no_copy(path: Path, error: OSError) -> Finding:
    return Finding(
        code="warehouse.not_copied",
        message=f"the copies that a repair of {path.name} needs cannot be written: {error}",
        place=Place(file=str(path)),
        expected=f"room for {path.stat().st_size + 2 * log_of(path).stat().st_size:,} bytes beside it",
        remedy="free space, then run the same command again; nothing was changed",
    )
