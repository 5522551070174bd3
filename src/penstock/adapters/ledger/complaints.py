"""What can be wrong with a ledger's file, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from pathlib import Path


def not_opened(path: Path, error: Exception) -> Finding:
    """The file system does not let it be opened for writing."""
    return Finding(
        code="ledger.not_opened",
        message=f"the ledger cannot be opened for writing: {error}",
        place=Place(file=str(path)),
        expected="room on the disk, and a file and a folder that can be written",
        remedy="free space or fix the disk, then run the same command again; nothing was changed",
    )


def newer(place: str, version: int, known: int) -> Finding:
    """Its schema is one that this Penstock does not know."""
    return Finding(
        code="ledger.newer",
        message=f"{place} was written by a newer Penstock (schema {version})",
        place=Place(file=place),
        expected=f"schema {known}",
        remedy="use that version of Penstock",
    )


def unreadable(path: Path, error: Exception) -> Finding:
    """Its bytes are no database, or not a whole one."""
    return Finding(
        code="ledger.unreadable",
        message=f"{path.name} is not a ledger that can be read: {error}",
        place=Place(file=str(path)),
        expected="a SQLite file written by Penstock",
        remedy="move it aside and restore a backup; the warehouse is untouched",
    )


def foreign(path: Path) -> Finding:
    """It is somebody else's."""
    return Finding(
        code="ledger.foreign",
        message=f"{path.name} is a database of another program",
        place=Place(file=str(path)),
        expected="a SQLite file written by Penstock, or none",
        remedy="move it aside; Penstock makes its own",
    )


def not_written(place: str, error: BaseException) -> Finding:
    """A transaction failed; nothing of it was kept."""
    return Finding(
        code="ledger.write_failed",
        message=f"the ledger could not be written: {error}",
        place=Place(file=place),
        expected="room on the disk and a writable file",
        remedy="free space or fix the disk, then run the same command again; nothing half-done was kept",
    )


def busy(place: str) -> Finding:
    """Another process has been writing for so long that waiting makes no sense."""
    return Finding(
        code="ledger.busy",
        message="another process is writing the ledger and has not finished within ten seconds",
        place=Place(file=place),
        expected="writes that take milliseconds",
        remedy="see what that process does (a compaction may take longer), then run the same command again",
    )


def state_differs(place: str, table: str, count: int) -> Finding:
    """A state table is not what the journal folds to."""
    return Finding(
        code="ledger.state_differs",
        message=f"{count} row(s) of the state table {table} are not what the journal says",
        place=Place(file=place),
        expected="tables equal to the folded journal",
        remedy="something else than Penstock wrote to it; `penstock doctor --repair` folds the journal into it again",
    )


def bad_address() -> Finding:
    """It is not repeated: it may hold a password."""
    return Finding(
        code="ledger.bad_address",
        message="the ledger's address is not one that Postgres understands",
        expected="postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        remedy="correct the address in the environment; special characters in the password are written %XX",
    )


def unreachable(place: str, error: str) -> Finding:
    """The database does not answer, or lets nobody in."""
    return Finding(
        code="ledger.unreachable",
        message=f"the ledger's database cannot be reached: {error}",
        place=Place(file=place),
        expected="a Postgres server that answers and accepts this user",
        remedy="see that the server runs and the address is right, then run the same command again",
    )


def not_made(place: str, error: str) -> Finding:
    """The schema could not be looked at, made or migrated; nothing was changed."""
    return Finding(
        code="ledger.not_opened",
        message=f"the ledger's schema cannot be opened: {error}",
        place=Place(file=place),
        expected="a user who may create a schema in this database, or who owns the one that is there",
        remedy="grant CREATE on the database, then run the same command again; nothing was changed",
    )


def foreign_schema(place: str) -> Finding:
    """The schema holds tables of something else."""
    return Finding(
        code="ledger.foreign",
        message="the schema that the ledger would use holds tables of another program",
        place=Place(file=place),
        expected="a schema written by Penstock, or none",
        remedy="use another database, or rename that schema; Penstock makes its own",
    )


def unreadable_schema(place: str, error: str) -> Finding:
    """Its tables are not what Penstock made."""
    return Finding(
        code="ledger.unreadable",
        message=f"the ledger's schema cannot be read: {error}",
        place=Place(file=place),
        expected="the tables that Penstock made",
        remedy="restore the schema from a backup; the warehouse is untouched",
    )


def not_kept(place: str, error: str) -> Finding:
    """A transaction failed, or its outcome is unknown."""
    return Finding(
        code="ledger.write_failed",
        message=f"the ledger could not be written: {error}",
        place=Place(file=place),
        expected="a database that answers and has room",
        remedy="see to the server, then run the same command again; it goes on from what the database kept",
    )


def archives_differ(folder: str) -> Finding:
    """Folding what the archives hold gives another state than the one with which the journal begins."""
    return Finding(
        code="ledger.snapshot_altered",
        message="the state with which the journal begins is not what the archived entries come to",
        place=Place(file=folder),
        expected="the fold of the archived entries",
        remedy="restore the ledger and its archives from one backup",
    )
