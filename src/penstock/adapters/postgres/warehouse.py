"""The warehouse of a team in a Postgres database: versions as tables, environments as views, and its own ledger.

Invariants: every publish and every swap is one transaction that also writes its id into `_penstock`; author SQL is
bound by DuckDB and written anew before Postgres is asked; a newer executor waits for the last transaction of an older
one, and after that none of the older one's is kept.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors

from penstock.adapters.postgres import expiring, quarantine, removing, vacuuming, views
from penstock.adapters.postgres.asking import Translator, columns_of
from penstock.adapters.postgres.errors import PASSING, is_lost, translated
from penstock.adapters.postgres.schema import LOCK, ensure_schema
from penstock.adapters.postgres.server import Server
from penstock.adapters.postgres.session import PostgresSession, refuse_if_fenced
from penstock.adapters.postgres.stopping import Stopper
from penstock.engine.ports.relations import Dropped, Swap
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.environments import PRODUCTION
from penstock.model.errors import PenstockError, TaskError, TransientError, WaitingError
from penstock.model.findings import Finding, Place
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from penstock.adapters.postgres.server import Connection
    from penstock.engine.ports.publishing import QuarantinedRow, QuarantineSum
    from penstock.engine.ports.relations import Compacted, Expiry, Holding, Past
    from penstock.model.intervals import Interval
    from penstock.model.masking import MaskingSecret
    from penstock.plan.versions import Version

PATIENCE = 30.0
"""For how many seconds locks that others hold are asked for again."""
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0


class PostgresWarehouse:
    """A `Warehouse` in a database that is a project's alone. Many processes may read it while one builds."""

    def __init__(
        self, address: str, project: str, *, read_only: bool = False, masking: MaskingSecret | None = None
    ) -> None:
        self._server = Server(address, masking)
        self._ddl = threading.Lock()
        self._translator = Translator()
        self.place = self._server.place
        with self._server.connection() as connection:
            ensure_schema(self._server, connection, project, read_only=read_only)

    def close(self, *, whole: bool = True) -> None:
        """Close every connection; nothing is left to write."""
        del whole
        self._server.close()
        self._translator.close()

    @contextmanager
    def session(self, timeout: timedelta | None = None) -> Iterator[PostgresSession]:
        """One attempt's connection; a statement that outlives `timeout` is interrupted."""
        with self._server.connection() as connection:
            stopper = Stopper(connection, timeout)
            session = PostgresSession(connection, self._translator, self._ddl, stopper)
            try:
                yield session
            finally:
                session.end()
                stopper.end()

    def published(self, publish_id: str) -> int | None:
        """Rows published under an id, or None."""
        row = self._one(b"SELECT row_count FROM _penstock.ledger WHERE publish_id = $1", [publish_id])
        return None if row is None else int(row[0])

    def quarantined(
        self, dataset: str, version: str, interval: Interval | None = None, limit: int | None = None
    ) -> tuple[QuarantinedRow, ...]:
        """Rows of a version that are put aside; see `Warehouse.quarantined`."""
        with self._server.connection() as connection, translated(dataset=None):
            return quarantine.rows(connection, dataset, version, interval, limit)

    def quarantine_sums(self) -> tuple[QuarantineSum, ...]:
        """Everything that is put aside, counted."""
        with self._server.connection() as connection, translated(dataset=None):
            return quarantine.sums(connection)

    def fence(self, token: int) -> None:
        """Refuse smaller tokens from now on; what an older executor is just committing is waited for."""

        def show() -> None:
            with self._transaction() as connection:
                connection.execute(b"UPDATE _penstock.fence SET token = $1 WHERE token < $1", [token])

        self._patiently(show, "the fence is held by a transaction of an older executor")

    def fenced_at(self) -> int:
        """The largest token that was shown here."""
        row = self._one(b"SELECT token FROM _penstock.fence", [])
        return int(row[0]) if row else 0

    def swapped(self, promotion: str) -> bool:
        """Whether a promotion was carried out."""
        return self._one(b"SELECT 1 FROM _penstock.swaps WHERE promotion = $1", [promotion]) is not None

    def swap(self, swap: Swap) -> None:
        """Show a mapping in an environment, in one transaction, at most once per promotion id."""
        with self._ddl:
            busy = f"readers hold what {swap.environment} shows"
            self._patiently(lambda: self._prepare(swap), busy)
            self._patiently(lambda: self._carry_out(swap), busy)

    def _prepare(self, swap: Swap) -> None:
        """Let views know versions of the columns they have: one lock at a time, for as long as one statement takes."""
        with self._server.connection() as connection, translated(dataset=None):
            refuse_if_fenced(connection, swap.token, None)
            shown = _shown(connection, swap.environment)
            waiting = [state for state in self._states(connection, swap) if state.may_join and not state.is_ready]
        for state in waiting:
            with self._transaction() as connection:
                connection.execute(b"SELECT pg_advisory_xact_lock($1)", [LOCK])
                views.join(connection, state, swap.environment, shown.get(state.dataset))

    def _carry_out(self, swap: Swap) -> None:
        with self._transaction() as connection:
            connection.execute(b"SELECT pg_advisory_xact_lock($1)", [LOCK])
            done = connection.execute(b"SELECT 1 FROM _penstock.swaps WHERE promotion = $1", [swap.promotion])
            if done.fetchone() is not None:
                return
            refuse_if_fenced(connection, swap.token, None)
            shown = _shown(connection, swap.environment)
            for dataset in sorted(set(shown) - set(swap.mapping)):
                views.drop(connection, dataset, swap.environment)
            for state in self._states(connection, swap):
                if not state.is_ready:
                    views.remake(connection, state, swap.environment, shown.get(state.dataset))
            _point(connection, swap)
            refuse_if_fenced(connection, swap.token, None, hold=True)

    def _states(self, connection: Connection, swap: Swap) -> list[views.ViewState]:
        rows = connection.execute(
            b"SELECT dataset, version FROM _penstock.branches WHERE environment = $1", [swap.environment]
        )
        relations = {(str(name), str(version)): relation_of(str(name), str(version)) for name, version in rows}
        found = views.states(connection, swap, relations)
        missing = [state for state in found if not state.wanted_shape]
        if missing:
            raise TaskError(tuple(_not_built(state.dataset, state.wanted) for state in missing))
        return found

    def holdings(self) -> tuple[Holding, ...]:
        """Every relation of the versions' schema, and what reads it; see `Warehouse.holdings`."""
        with self._server.connection() as connection, translated(dataset=None):
            return removing.holdings(connection)

    def drop(self, versions: Sequence[Version], token: int) -> Dropped:
        """Drop versions and forget their publish ids; see `Warehouse.drop`.

        Many are dropped in several transactions, each version and its ids in one. What somebody went on reading in an
        open transaction stays as if a view read it: nobody who builds has to wait for that.
        """
        gone: dict[str, int] = {}
        with self._ddl:
            try:
                self._patiently(lambda: self._remove(versions, token, gone), "readers hold what is to be removed")
            except WaitingError as error:
                if isinstance(error.__cause__, UnknownOutcomeError):
                    raise
        return Dropped(relations=frozenset(gone), bytes=sum(gone.values()))

    def _remove(self, versions: Sequence[Version], token: int, gone: dict[str, int]) -> None:
        """Try to drop what is not gone yet, and note what is; raises if somebody holds some of it."""
        left = [version for version in versions if version.relation not in gone]
        with self._server.connection() as connection, translated(dataset=None):
            refuse_if_fenced(connection, token, None)
            known = removing.knowing(connection, left)
        held = [error for each in known if (error := self._forget(*each)) is not None]
        with self._server.connection() as connection:
            portions = removing.in_order(connection, left)
        for portion in portions:
            with self._transaction() as connection:
                tried = removing.drop(connection, portion)
                refuse_if_fenced(connection, token, None, hold=True)
            gone.update(tried.gone)
            held += [tried.held] if tried.held else []
        if held:
            raise held[0]

    def _forget(self, environment: str, dataset: str, versions: frozenset[str]) -> errors.LockNotAvailable | None:
        """Let one view forget versions, in a transaction of its own; or who holds it."""
        try:
            with self._transaction() as connection:
                connection.execute(b"SELECT pg_advisory_xact_lock($1)", [LOCK])
                shown = _shown(connection, environment).get(dataset)
                if shown is not None and shown not in versions:
                    mapping = {dataset: (shown, relation_of(dataset, shown))}
                    swap = Swap(promotion="", environment=environment, mapping=mapping, token=0)
                    for state in self._states(connection, swap):
                        views.forget(connection, state, environment, versions)
        except errors.LockNotAvailable as error:
            return error
        return None

    def past(self, expiry: Expiry) -> Past:
        """What an expiry would delete now; see `Warehouse.past`."""
        with self._server.connection() as connection, translated(dataset=expiry.dataset):
            return expiring.past(connection, expiry)

    def expire(self, expiry: Expiry) -> Past:
        """Delete what an expiry says; see `Warehouse.expire`. Locks that others hold are waited for."""
        gone: list[Past] = []

        def delete() -> None:
            with self._transaction() as connection:
                refuse_if_fenced(connection, expiry.token, expiry.dataset)
                gone[:] = [expiring.expire(connection, expiry)]
                refuse_if_fenced(connection, expiry.token, expiry.dataset, hold=True)

        self._patiently(delete, f"somebody holds {expiry.dataset}")
        return gone[0]

    def compact(self, relations: Sequence[str]) -> Compacted:
        """Write tables anew without what was deleted; see `ProjectWarehouse.compact`."""
        with self._server.connection() as connection, translated(dataset=None):
            return vacuuming.rewrite(connection, relations)

    def query(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows of one query, written for DuckDB, with values bound by name.

        Raises:
            InputError: it is refused, or Postgres would not answer it alike.
        """
        with self._server.connection() as connection, translated(dataset=None, as_input=True):
            asked = self._translator.question(connection, sql, params, named=False, as_input=True)
            connection.execute(b"BEGIN READ ONLY")
            try:
                rows = connection.execute(asked.text, asked.values or None).fetchall()
            finally:
                connection.execute(b"ROLLBACK")
        return tuple(name for name, _ in asked.columns), asked.rows(rows)

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        with self._server.connection() as connection, translated(dataset=None, as_input=True):
            return columns_of(connection, relation)

    def environment(self, environment: str) -> dict[str, str]:
        """What the target itself says an environment shows: dataset to version."""
        with self._server.connection() as connection, translated(dataset=None):
            return _shown(connection, environment)

    def views(self, environment: str) -> list[str]:
        """The views that an environment's schemas hold, by the catalog's own word."""
        with self._server.connection() as connection, translated(dataset=None):
            rows = connection.execute(
                b"SELECT schemaname::text, viewname::text FROM pg_catalog.pg_views ORDER BY 1, 2"
            ).fetchall()
        own = [(schema, name) for schema, name in rows if not schema.startswith(("_", "pg_", "information_schema"))]
        ending = f"__{environment}"
        if environment != PRODUCTION:
            return [f"{schema}.{name}" for schema, name in own if schema.endswith(ending)]
        return [f"{schema}.{name}" for schema, name in own if "__" not in schema]

    def _one(self, sql: bytes, values: list[object]) -> tuple[Any, ...] | None:
        with self._server.connection() as connection, translated(dataset=None):
            row: tuple[Any, ...] | None = connection.execute(sql, values or None).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction that waits for nobody longer than a moment.

        Raises:
            UnknownOutcomeError: the commit's outcome is not known.
        """
        with self._server.connection() as connection:
            connection.execute(b"BEGIN")
            connection.execute(f"SET LOCAL lock_timeout = '{views.LOCK_TIMEOUT}'".encode())
            try:
                yield connection
            except (psycopg.Error, PenstockError):
                if not connection.closed:
                    connection.execute(b"ROLLBACK")
                raise
            try:
                connection.execute(b"COMMIT")
            except psycopg.Error as error:
                if is_lost(error):
                    raise UnknownOutcomeError(str(error)) from error
                raise

    def _patiently(self, do: Callable[[], None], busy: str) -> None:
        """Do it again while others hold what it needs: readers ahead of it end, and those behind it do not wait.

        What is done twice is done once, so that a commit of unknown outcome is done again too.

        Raises:
            WaitingError: they went on holding it.
        """
        began, wait = time.monotonic(), FIRST_WAIT
        while True:
            try:
                with translated(dataset=None):
                    do()
            except (TransientError, UnknownOutcomeError) as error:
                if isinstance(error, TransientError) and not isinstance(error.__cause__, PASSING):
                    raise
                if time.monotonic() - began > PATIENCE:
                    raise WaitingError(_held(busy, error)) from error
                time.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except TaskError as error:
                if isinstance(error.__cause__, errors.DependentObjectsStillExist):
                    raise TaskError(_depended_on(error)) from error
                raise
            else:
                return


def _shown(connection: Connection, environment: str) -> dict[str, str]:
    sql = b"SELECT dataset, version FROM _penstock.environments WHERE environment = $1 ORDER BY dataset"
    return {str(dataset): str(version) for dataset, version in connection.execute(sql, [environment])}


def _point(connection: Connection, swap: Swap) -> None:
    """Move the rows that say what is shown: only those that change, in one order for everybody."""
    names = sorted(swap.mapping)
    connection.execute(
        b"DELETE FROM _penstock.environments WHERE environment = $1 AND NOT dataset = ANY($2::text[])",
        [swap.environment, names],
    )
    connection.execute(
        b"INSERT INTO _penstock.environments AS held (environment, dataset, version) "
        b"SELECT $1, made.dataset, made.version FROM unnest($2::text[], $3::text[]) AS made (dataset, version) "
        b"ON CONFLICT (environment, dataset) DO UPDATE SET version = excluded.version "
        b"WHERE held.version <> excluded.version",
        [swap.environment, names, [swap.mapping[name][0] for name in names]],
    )
    connection.execute(b"INSERT INTO _penstock.swaps VALUES ($1, $2)", [swap.promotion, swap.environment])


def _not_built(dataset: str, version: str) -> Finding:
    return Finding(
        code="warehouse.not_built",
        message=f"the warehouse does not hold version {version} of {dataset}",
        place=Place(dataset=dataset),
        expected="a version that was published",
        remedy="build it: penstock run",
    )


def _held(busy: str, error: Exception) -> Finding:
    return Finding(
        code="warehouse.held",
        message=f"{busy}, for longer than {PATIENCE:.0f} s: {error}",
        expected="transactions that end",
        remedy="end what is left open (pg_stat_activity shows it), and run this again",
    )


def _depended_on(error: TaskError) -> Finding:
    found = error.findings[0]
    return Finding(
        code="warehouse.depended_on",
        message=f"a view cannot be made with other columns: {found.message}",
        found=found.found,
        expected="no view of others' upon one of Penstock's whose columns change",
        remedy="drop those views, and make them again afterwards",
    )
