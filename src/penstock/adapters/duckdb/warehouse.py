"""The embedded warehouse: one DuckDB file holding versions as tables, environments as views, and its own ledger.

Invariants: every publish and every swap is one transaction that also writes its id into `_penstock`; author SQL runs
with external access off and the configuration locked; only the spool folder can be read from inside.
"""

from __future__ import annotations

import os
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.duckdb import compacting, expiring, quarantine, removing, states
from penstock.adapters.duckdb.errors import translated
from penstock.adapters.duckdb.masking import give_key, install
from penstock.adapters.duckdb.session import DuckdbSession, refuse_if_fenced
from penstock.adapters.duckdb.stopping import Stopper
from penstock.adapters.environment_views import schema_of, view_of
from penstock.engine.ports.relations import Dropped
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError, RunError, TaskError, WaitingError
from penstock.model.findings import Finding, Place
from penstock.plan.versions import VERSIONS_SCHEMA
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from penstock.engine.ports.publishing import QuarantinedRow, QuarantineSum
    from penstock.engine.ports.relations import Compacted, Expiry, Holding, Past, Swap
    from penstock.model.intervals import Interval
    from penstock.model.masking import MaskingSecret
    from penstock.plan.versions import Version

__all__ = ["DuckdbWarehouse", "schema_of", "view_of"]

_SETUP = f"""
CREATE SCHEMA IF NOT EXISTS {VERSIONS_SCHEMA};
CREATE SCHEMA IF NOT EXISTS _penstock;
CREATE TABLE IF NOT EXISTS _penstock.ledger (
    publish_id VARCHAR PRIMARY KEY, run VARCHAR, dataset VARCHAR, version VARCHAR, row_count BIGINT, token BIGINT
);
CREATE TABLE IF NOT EXISTS _penstock.fence (token BIGINT);
CREATE TABLE IF NOT EXISTS _penstock.swaps (promotion VARCHAR PRIMARY KEY, environment VARCHAR);
CREATE TABLE IF NOT EXISTS _penstock.environments (
    environment VARCHAR, dataset VARCHAR, version VARCHAR, PRIMARY KEY (environment, dataset)
);
INSERT INTO _penstock.fence SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM _penstock.fence);
{quarantine.SETUP}
{states.SETUP}
"""


class DuckdbWarehouse:
    """A `Warehouse` in one file. Open it for work and close it: DuckDB lets one process in at a time."""

    def __init__(
        self, path: Path, spool: Path, *, read_only: bool = False, masking: MaskingSecret | None = None
    ) -> None:
        self.path = path
        self._masking = masking
        self._ddl, self._spool = threading.Lock(), spool
        spool.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            if read_only:
                raise InputError(_nothing_built(path))
            try:
                _create(path)
            except (duckdb.Error, OSError) as error:
                raise RunError(_unmakeable(path, error)) from error
        if not read_only:
            compacting.remove_leftover(path)
        self._read_only = read_only
        self._connection = _connect(path, spool, read_only=read_only)

    def close(self, *, whole: bool = True) -> None:
        """Close the file, so that other processes may open it.

        What was committed is moved from beside the file into it, unless `whole` is False: that writes over parts of the
        file, which a disk that fails must not be asked for. Whoever opens it next does it then.
        """
        if whole and not self._read_only:
            with suppress(duckdb.Error):  # it stays beside the file, where it is as safe
                self._connection.execute("CHECKPOINT")
        self._connection.close()

    @contextmanager
    def session(self, timeout: timedelta | None = None) -> Iterator[DuckdbSession]:
        """One attempt's connection; a statement that outlives `timeout` is interrupted."""
        cursor = self._connection.cursor()
        give_key(cursor, self._masking)
        stopper = Stopper(cursor, timeout)
        try:
            yield DuckdbSession(cursor, self._ddl, stopper)
        finally:
            stopper.end()
            cursor.close()

    def published(self, publish_id: str) -> int | None:
        """Rows published under an id, or None."""
        row = self._one("SELECT row_count FROM _penstock.ledger WHERE publish_id = ?", [publish_id])
        return None if row is None else int(row[0])

    def quarantined(
        self, dataset: str, version: str, interval: Interval | None = None, limit: int | None = None
    ) -> tuple[QuarantinedRow, ...]:
        """Rows of a version that are put aside; see `Warehouse.quarantined`."""
        with translated(dataset=None), closing(self._connection.cursor()) as cursor:
            return quarantine.rows(cursor, dataset, version, interval, limit)

    def quarantine_sums(self) -> tuple[QuarantineSum, ...]:
        """Everything that is put aside, counted."""
        with translated(dataset=None), closing(self._connection.cursor()) as cursor:
            return quarantine.sums(cursor)

    def fence(self, token: int) -> None:
        """Refuse smaller tokens from now on."""
        with translated(dataset=None):
            self._connection.execute("UPDATE _penstock.fence SET token = ? WHERE token < ?", [token, token])

    def fenced_at(self) -> int:
        """The largest token that was shown here."""
        row = self._one("SELECT max(token) FROM _penstock.fence", [])
        return int(row[0] or 0) if row else 0

    def swapped(self, promotion: str) -> bool:
        """Whether a promotion was carried out."""
        return self._one("SELECT 1 FROM _penstock.swaps WHERE promotion = ?", [promotion]) is not None

    def swap(self, swap: Swap) -> None:
        """Show a mapping in an environment, in one transaction, at most once per promotion id."""
        with translated(dataset=None), self._ddl:
            cursor = self._connection.cursor()
            try:
                cursor.execute("BEGIN TRANSACTION")
                done = cursor.execute("SELECT 1 FROM _penstock.swaps WHERE promotion = ?", [swap.promotion]).fetchone()
                if done is None:
                    refuse_if_fenced(cursor, swap.token, None)
                    self._swap(cursor, swap)
                cursor.execute("COMMIT")
            finally:
                cursor.close()

    def _swap(self, cursor: duckdb.DuckDBPyConnection, swap: Swap) -> None:
        before = cursor.execute(
            "SELECT dataset FROM _penstock.environments WHERE environment = ?", [swap.environment]
        ).fetchall()
        gone = [dataset for (dataset,) in before if dataset not in swap.mapping]
        if statements := "; ".join(_views(swap, gone)):  # together: each that comes alone waits for readers anew
            cursor.execute(statements)
        cursor.execute("DELETE FROM _penstock.environments WHERE environment = ?", [swap.environment])
        cursor.execute(
            "INSERT INTO _penstock.environments SELECT $environment, unnest($datasets), unnest($versions)",
            {
                "environment": swap.environment,
                "datasets": list(swap.mapping),
                "versions": [version for version, _ in swap.mapping.values()],
            },
        )
        cursor.execute("INSERT INTO _penstock.swaps VALUES (?, ?)", [swap.promotion, swap.environment])

    def holdings(self) -> tuple[Holding, ...]:
        """Every relation of the versions' schema, and what reads it; see `Warehouse.holdings`."""
        with translated(dataset=None), closing(self._connection.cursor()) as cursor:
            return removing.holdings(cursor)

    def drop(self, versions: Sequence[Version], token: int) -> Dropped:
        """Drop versions and forget their publish ids; see `Warehouse.drop`."""
        with translated(dataset=None), self._ddl, closing(self._connection.cursor()) as cursor:
            before = removing.used_bytes(cursor)
            cursor.execute("BEGIN TRANSACTION")
            try:
                refuse_if_fenced(cursor, token, None)
                gone = removing.drop(cursor, versions)
            except (duckdb.Error, TaskError):
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
            return Dropped(relations=gone, bytes=max(before - removing.used_bytes(cursor), 0))

    def past(self, expiry: Expiry) -> Past:
        """What an expiry would delete now; see `Warehouse.past`."""
        with translated(dataset=expiry.dataset), closing(self._connection.cursor()) as cursor:
            return expiring.past(cursor, expiry)

    def expire(self, expiry: Expiry) -> Past:
        """Delete what an expiry says; see `Warehouse.expire`."""
        with translated(dataset=expiry.dataset), self._ddl, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN TRANSACTION")
            try:
                refuse_if_fenced(cursor, expiry.token, expiry.dataset)
                gone = expiring.expire(cursor, expiry)
            except (duckdb.Error, TaskError):
                cursor.execute("ROLLBACK")
                raise
            try:
                cursor.execute("COMMIT")
            except duckdb.TransactionException:  # a conflict: nothing was kept
                raise
            except duckdb.Error as error:
                raise UnknownOutcomeError(str(error)) from error
            return gone

    def compact(self, relations: Sequence[str]) -> Compacted:
        """Write the file anew without what was deleted; see `ProjectWarehouse.compact`. It is done for all of it."""
        del relations
        with self._ddl:
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            try:
                return compacting.rewrite(self.path)
            finally:
                self._connection = _connect(self.path, self._spool, read_only=False)

    def query(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows of one query.

        Raises:
            InputError: DuckDB refuses it.
        """
        with translated(dataset=None, as_input=True):
            cursor = self._connection.cursor()
            give_key(cursor, self._masking)
            try:
                cursor.execute(sql, params or None)
                names = tuple(str(column[0]) for column in cursor.description or ())
                return names, cursor.fetchall()
            finally:
                cursor.close()

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        rows = self.query(f"DESCRIBE {relation}")[1]
        return tuple((str(row[0]), str(row[1])) for row in rows)

    def environment(self, environment: str) -> dict[str, str]:
        """What the target itself says an environment shows: dataset to version."""
        sql = "SELECT dataset, version FROM _penstock.environments WHERE environment = ?"
        with translated(dataset=None):
            rows = self._connection.cursor().execute(sql, [environment]).fetchall()
        return {str(dataset): str(version) for dataset, version in rows}

    def views(self, environment: str) -> list[str]:
        """The views that an environment's schemas hold, by the catalog's own word."""
        sql = "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
        rows = self._connection.cursor().execute(sql).fetchall()
        pairs = [(str(schema), str(name)) for schema, name in rows]
        ending = f"__{environment}"
        if environment != PRODUCTION:
            return [f"{schema}.{name}" for schema, name in pairs if schema.endswith(ending)]
        return [f"{schema}.{name}" for schema, name in pairs if "__" not in schema and not schema.startswith("_")]

    def _one(self, sql: str, values: list[object]) -> tuple[Any, ...] | None:
        with translated(dataset=None):
            cursor = self._connection.cursor()
            try:
                row: tuple[Any, ...] | None = cursor.execute(sql, values).fetchone()
            finally:
                cursor.close()
        return row


def _views(swap: Swap, gone: list[str]) -> Iterator[str]:
    """The statements after which an environment's views are those of a mapping."""
    for dataset in sorted(gone):
        yield f"DROP VIEW IF EXISTS {view_of(dataset, swap.environment)}"
    for schema in sorted({schema_of(dataset, swap.environment) for dataset in swap.mapping}):
        yield f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"
    for dataset, (_, relation) in sorted(swap.mapping.items()):
        yield f"CREATE OR REPLACE VIEW {view_of(dataset, swap.environment)} AS SELECT * FROM {relation}"


def _create(path: Path) -> None:
    """Make the file under another name first: a kill while DuckDB creates it can leave one that never opens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    for leftover in (fresh, fresh.with_name(fresh.name + ".wal")):
        leftover.unlink(missing_ok=True)
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH {literal(str(fresh))} AS fresh (STORAGE_VERSION 'v1.5.0')")
    connection.execute("USE fresh")
    connection.execute(_SETUP)
    install(connection)
    connection.execute("CHECKPOINT fresh")
    connection.close()
    descriptor = os.open(fresh, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _connect(path: Path, spool: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        if "could not set lock" not in str(error).lower():
            raise RunError(_unreadable(path, error)) from error
        raise WaitingError(
            Finding(
                code="warehouse.busy",
                message=f"another process has {path.name} open: {str(error).splitlines()[0]}",
                place=Place(file=str(path)),
                expected="one process at a time (DuckDB's own rule)",
                remedy="close that program, or wait until it ends, and run this again",
            )
        ) from error
    if not read_only:  # a file of an older Penstock has no place for rows put aside, or for states, and does not mask
        try:
            connection.execute(quarantine.SETUP + states.SETUP)
            install(connection)
        except duckdb.Error as error:
            connection.close()
            raise RunError(_unreadable(path, error)) from error
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")  # see `close`
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{literal(f'{spool}/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET allowed_configs = ['threads']")  # a build is tried in one thread (`one_thread`)
    connection.execute("SET lock_configuration = true")
    return connection


def _unreadable(path: Path, error: duckdb.Error) -> Finding:
    return Finding(
        code="warehouse.unreadable",
        message=f"{path.name} is not a warehouse that can be opened: {str(error).splitlines()[0]}",
        place=Place(file=str(path)),
        expected="a DuckDB file written by Penstock",
        remedy="restore it from a backup together with .penstock/ledger.db, or free what its disk lacks",
    )


def _unmakeable(path: Path, error: Exception) -> Finding:
    return Finding(
        code="warehouse.unmakeable",
        message=f"{path.name} cannot be made: {str(error).splitlines()[0]}",
        place=Place(file=str(path)),
        expected="room on the disk and a folder that can be written",
        remedy="free space or fix the disk, then run the same command again",
    )


def _nothing_built(path: Path) -> Finding:
    return Finding(
        code="warehouse.empty",
        message="nothing has been built in this project yet",
        place=Place(file=str(path)),
        expected="a warehouse that a run or a delivery has filled",
        remedy="`penstock run` builds the working tree into dev; `penstock deliver STORY` ships a change",
    )
