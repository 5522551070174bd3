"""Exports to a table of another DuckDB file: one transaction replaces its rows and notes what it then holds.

Invariants: as for a table of Postgres; a database that is not there yet is made under another name first, because a
kill while DuckDB makes one can leave a file that never opens.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.exports import records
from penstock.adapters.exports.rows import within
from penstock.model.errors import RefusedError, RunError, WaitingError
from penstock.model.exports import ExportMode
from penstock.model.findings import Finding, Place
from penstock.model.intervals import merge
from penstock.sql.identifiers import literal, quote, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from penstock.engine.exporting import Renewal
    from penstock.plan.exporting import Held, Piece, Stamp

MEMORY_LIMIT = "1GB"
_STAGED = "_penstock_export"
_IS_THERE = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"


@dataclass(slots=True, kw_only=True)
class DuckdbSink:
    """A `Sink`. `name` is `schema.table`, `column` the one by which intervals are cut; see `open_duckdb`."""

    connection: duckdb.DuckDBPyConnection
    name: str
    stamp: Stamp
    column: str | None = None
    replace: bool = False
    _is_staged: bool = field(default=False, init=False)
    _held: Held | None = field(default=None, init=False)

    @property
    def _parts(self) -> list[str]:
        return self.name.split(".")

    def held(self, wanted: Sequence[Piece]) -> Held | None:
        """What `_penstock.exports` says of the table; see `Sink.held`."""
        del wanted
        with self._translated():
            is_there = self._count(_IS_THERE, *self._parts) > 0
            noted = self._noted()
        self._held = noted if is_there else None
        if is_there and not self.replace:
            if noted is None:
                raise RefusedError(records.not_ours(self.name, "a table that no export made"))
            records.refuse_others(noted, self.stamp, self.name)
        return self._held

    def _noted(self) -> Held | None:
        if not self._count(_IS_THERE, "_penstock", "exports"):
            return None
        sql = f"SELECT {records.COLUMNS} FROM _penstock.exports WHERE target = ?"
        try:
            return records.held_of(self.connection.execute(sql, [self.name]).fetchall(), self.name)
        except RefusedError:
            if self.replace:
                return None
            raise

    def _count(self, sql: str, *values: object) -> int:
        row = self.connection.execute(sql, list(values)).fetchone()
        return int(row[0]) if row else 0

    def take(self, piece: Piece, rows: Path) -> int:
        """Read a piece's rows into a temporary table; see `Sink.take`."""
        del piece
        source = f"SELECT * FROM read_parquet({literal(str(rows))})"
        made = f"INSERT INTO temp.{_STAGED} {source}" if self._is_staged else f"CREATE TEMP TABLE {_STAGED} AS {source}"
        with self._translated():
            count = self._count(made)
        self._is_staged = True
        return count

    def show(self, renewal: Renewal) -> None:
        """Replace the rows of what was taken, and note it, in one transaction; see `Sink.show`."""
        with self._translated():
            self.connection.execute("BEGIN TRANSACTION")
            self.connection.execute(records.SETUP)
            self._apply(renewal)
            self._note(renewal)
            self.connection.execute("COMMIT")

    def _apply(self, renewal: Renewal) -> None:
        name, staged = table(*self._parts), f"SELECT * FROM temp.{_STAGED}"
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(self._parts[0])}")
        whole = self.stamp.mode is ExportMode.WHOLE
        if whole or renewal.anew or self._held is None:
            if not renewal.written:
                columns = ", ".join(f"{quote(column)} {type_}" for column, type_ in self.stamp.columns)
                self.connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
                return
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {staged}")
            return
        pieces = (*renewal.written, *renewal.removed)
        for interval in merge(piece.interval for piece in pieces if piece.interval is not None):
            self.connection.execute(f"DELETE FROM {name} WHERE {within(self.column or '', interval)}")
        if renewal.written:
            self.connection.execute(f"INSERT INTO {name} BY NAME {staged}")

    def _note(self, renewal: Renewal) -> None:
        self.connection.execute("DELETE FROM _penstock.exports WHERE target = ?", [self.name])
        columns = [list(column) for column in zip(*records.rows_of(renewal, self.name), strict=True)]
        unnested = ", ".join("unnest(?)" for _ in columns)
        self.connection.execute(f"INSERT INTO _penstock.exports ({records.INSERTED}) SELECT {unnested}", columns)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """A failed transaction ends with its connection, which whoever opened it closes."""
        try:
            yield
        except duckdb.Error as error:
            raise RunError(_refused(self.name, self.stamp.dataset, error)) from error


@contextmanager
def open_duckdb(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database at a path, made if it is not there, for the time of an export.

    Raises:
        WaitingError: another process has it open.
        RunError: it cannot be made, or is no database.
    """
    try:
        if not path.exists():
            _create(path)
        connection = duckdb.connect(str(path))
    except (duckdb.Error, OSError) as error:
        if "could not set lock" in str(error).lower():
            raise WaitingError(_busy(path)) from error
        raise RunError(_unopened(path, error)) from error
    with connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
        yield connection


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    for leftover in (fresh, fresh.with_name(fresh.name + ".wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(":memory:") as making:
        making.execute(f"ATTACH {literal(str(fresh))} AS fresh (STORAGE_VERSION 'v1.5.0')")
        making.execute("CHECKPOINT fresh")
    for synced in (fresh, path.parent):
        descriptor = os.open(synced, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        if synced == fresh:
            fresh.rename(path)


def _refused(name: str, dataset: str, error: Any) -> Finding:
    return Finding(
        code="export.refused_by_target",
        message=f"DuckDB refuses the export to {name}: {str(error).partition(chr(10))[0]}",
        place=Place(dataset=dataset),
        expected="a database with room that takes the table; what was there before is there still",
        remedy="mend what it says, then export again: it looks at what is there, and does nothing twice",
    )


def _busy(path: Path) -> Finding:
    return Finding(
        code="export.busy_target",
        message=f"another process has {path.name} open",
        place=Place(file=str(path)),
        expected="one process at a time (DuckDB's own rule)",
        remedy="close that program, or wait until it ends, and export again",
    )


def _unopened(path: Path, error: Exception) -> Finding:
    return Finding(
        code="export.refused_by_target",
        message=f"{path.name} cannot be opened or made: {str(error).partition(chr(10))[0]}",
        place=Place(file=str(path)),
        expected="a DuckDB database, or a folder in which one can be made",
        remedy="choose another path, or mend what it says",
    )
