"""Writes a warehouse's file anew: what was deleted stays in a DuckDB file's blocks until something is written over it.

Invariants: the file is replaced by one rename of a whole and verified copy, or not at all; nobody can write to the old
one meanwhile; nothing beside it that belongs to the old one (`.wal`) is left to be taken for the new one's.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from penstock.engine.ports.relations import Compacted
from penstock.model.errors import RunError, WaitingError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote, table

if TYPE_CHECKING:
    from pathlib import Path

_OLD, _NEW = "old", "fresh"


def leftover_of(path: Path) -> Path:
    """Where a copy is made; what lies there when nothing is at work is what a kill left behind."""
    return path.with_name(f".{path.name}.compact")


def rewrite(path: Path) -> Compacted:
    """Replace a file by a copy of what it holds.

    Raises:
        WaitingError: somebody has it open, or something of it lies beside it still.
        RunError: it cannot be copied whole; it is left as it was.
    """
    beside, fresh = path.with_name(f"{path.name}.wal"), leftover_of(path)
    before = path.stat().st_size
    remove_leftover(path)
    try:
        if beside.exists() or _is_open_here(path):
            raise WaitingError(_not_whole(path))
        with closing(duckdb.connect(":memory:")) as connection:
            connection.execute(f"ATTACH {literal(str(path))} AS {_OLD} (READ_ONLY)")
            connection.execute(f"ATTACH {literal(str(fresh))} AS {_NEW} (STORAGE_VERSION 'v1.5.0')")
            connection.execute("SET enable_external_access = false")
            connection.execute(f"COPY FROM DATABASE {_OLD} TO {_NEW}")
            if (missing := _content(connection, _OLD) ^ _content(connection, _NEW)) != set():
                raise RunError(_unlike(path, missing))
            connection.execute(f"CHECKPOINT {_NEW}")
            connection.execute(f"DETACH {_NEW}")
            _sync(fresh)
            fresh.rename(path)
            _sync(path.parent)
    except duckdb.Error as error:
        raise _refused(path, error) from error
    finally:
        remove_leftover(path)
    return Compacted(before=before, after=path.stat().st_size)


def remove_leftover(path: Path) -> None:
    """Remove what a compaction that was killed left behind."""
    fresh = leftover_of(path)
    for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        leftover.unlink(missing_ok=True)


def _is_open_here(path: Path) -> bool:
    """Whether a connection of this process has the file open: no lock keeps us from it, and its writes would be lost.

    DuckDB gives a path's open database to whoever asks for it, and refuses to as soon as that asks for it otherwise.
    """
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.ConnectionException:
        return True
    return False


def _content(connection: duckdb.DuckDBPyConnection, database: str) -> set[tuple[str, str, int]]:
    """Every table with its rows, and every view."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 ORDER BY ALL", [database]
    ).fetchall()
    views = connection.execute(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal", [database]
    ).fetchall()
    found = {(str(schema), str(name), -1) for schema, name in views}
    for schema, name in tables:
        row = connection.execute(f"SELECT count(*) FROM {quote(database)}.{table(schema, name)}").fetchone()
        found.add((str(schema), str(name), int(row[0]) if row else 0))
    return found


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: duckdb.Error) -> RunError | WaitingError:
    said = str(error).splitlines()[0]
    if "could not set lock" in said.lower():
        return WaitingError(
            Finding(
                code="warehouse.busy",
                message=f"another process has {path.name} open: {said}",
                place=Place(file=str(path)),
                expected="a file that nobody writes to while it is written anew",
                remedy="close that program, and run the same again",
            )
        )
    return RunError(
        Finding(
            code="warehouse.not_compacted",
            message=f"{path.name} cannot be written anew: {said}",
            place=Place(file=str(path)),
            expected="room for a second copy on the disk, and views that can be read",
            remedy="free space, or drop the view it names; the file is as it was",
        )
    )


def _not_whole(path: Path) -> Finding:
    return Finding(
        code="warehouse.busy",
        message=f"{path.name} cannot be written anew while somebody reads it",
        place=Place(file=str(path)),
        expected="a file that nobody has open",
        remedy="close the program that reads it, and run the same again",
    )


def _unlike(path: Path, missing: set[tuple[str, str, int]]) -> Finding:
    names = sorted({f"{schema}.{name}" for schema, name, _ in missing})
    return Finding(
        code="warehouse.not_compacted",
        message=f"a copy of {path.name} does not hold the same: {', '.join(names[:5])}",
        place=Place(file=str(path)),
        found=f"{len(names)} relation(s) that differ",
        expected="every table with all its rows, and every view",
        remedy="the file is as it was; report this",
    )
