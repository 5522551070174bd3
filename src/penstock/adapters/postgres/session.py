"""One connection of a lane: staging in a temporary table, or tables built in the transaction that publishes them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg

from penstock.adapters import quarantine_rows
from penstock.adapters.postgres import applying, files, quarantine, states
from penstock.adapters.postgres.asking import columns_of, kept
from penstock.adapters.postgres.errors import is_lost, translated
from penstock.engine.ports.publishing import Staged
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.errors import InputError, PenstockError, TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.adapters.postgres.asking import Question, Translator
    from penstock.adapters.postgres.server import Connection
    from penstock.adapters.postgres.stopping import Stopper
    from penstock.engine.ports.publishing import Publication, Sifted
    from penstock.quality.casting import Cast
    from penstock.quality.sifting import Sieve
    from penstock.sql.transpiling import Columns

STAGING = 'pg_temp."_staging"'
GONE = 'pg_temp."_gone"'
_DROP_STAGING = b"DROP TABLE IF EXISTS pg_temp._staging"
_DROP_STAGED_VIEW = b"DROP VIEW IF EXISTS pg_temp._staging"
_DROP_GONE = b"DROP TABLE IF EXISTS pg_temp._gone"
_RECORD = b"""
INSERT INTO _penstock.ledger (publish_id, run, dataset, version, row_count, token)
SELECT made.*, $6 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS made
"""


class PostgresSession:
    """A `Session`. Its staging is a temporary table: never visible to others, never in the write-ahead log."""

    zone_maps: ClassVar[bool] = False

    def __init__(self, connection: Connection, translator: Translator, ddl: threading.Lock, stopper: Stopper) -> None:
        self._connection, self._translator, self._ddl, self._stopper = connection, translator, ddl, stopper
        self._built: list[tuple[Publication, int]] = []
        self._staged = Staged(relation=STAGING, rows=0)
        self._is_sifted, self._has_gone = False, False

    def end(self) -> None:
        """Leave nothing behind on the connection, which another session will use."""
        self.rollback()
        with suppress(psycopg.Error):  # it is closed, then
            self._drop_staging()
            if self._has_gone:
                self._connection.execute(_DROP_GONE)
            if self._is_sifted:
                quarantine.end(self._connection)

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        with self._working():
            asked = self._translator.question(self._connection, sql, params)
            self._drop_staging()
            made = self._connection.execute(b"CREATE TEMP TABLE _staging AS " + asked.text, asked.values or None)
            return self._staging(max(made.rowcount, 0), asked.columns)

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging."""
        with self._working():
            asked = self._translator.question(self._connection, sql)
            self._drop_staging()
            self._connection.execute(b"CREATE TEMP VIEW _staging AS " + asked.text)
            return Staged(relation=STAGING, rows=0, columns=asked.columns)

    def stage_file(self, path: Path, casts: Sequence[Cast] = (), *, once: bool = False) -> Staged:
        """Read a Parquet file of the spool into staging, which the server can only do by copying."""
        del once
        raw = {cast.raw for cast in casts}
        with self._working():
            self._drop_staging()
            rows = files.load(self._connection, path, "_staging", casts)
            columns = columns_of(self._connection, STAGING)
            return self._staging(rows, tuple(column for column in columns if column[0] not in raw))

    def stage_gone(self, path: Path) -> Staged:
        """Read keys of a Parquet file of the spool; see `Session.stage_gone`."""
        with self._working():
            self._connection.execute(_DROP_GONE)
            self._has_gone = True
            return Staged(relation=GONE, rows=files.load(self._connection, path, "_gone", ()))

    def sift(self, sieve: Sieve, publication: Publication) -> Sifted:
        """Put offending rows aside and make offending values NULL; see `Session.sift`."""
        with self._working(publication.dataset):
            bowl = quarantine.Bowl(self._connection, self._translator, STAGING)
            self._is_sifted = True
            sifted = quarantine_rows.sift(bowl, STAGING, self._staged, sieve, publication)
        self._staged = sifted.staged
        return sifted

    def leave_out(self, column: str, before: datetime) -> Staged:
        """Take the staged rows out that lie before a moment; see `Session.leave_out`."""
        with self._working():
            sql = f"DELETE FROM {STAGING} WHERE {quote(column)} < CAST($1 AS timestamp)"
            made = self._connection.execute(sql.encode(), [before.replace(tzinfo=None)])
            self._staged = replace(self._staged, rows=self._staged.rows - max(made.rowcount, 0))
            return self._staged

    def _staging(self, rows: int, columns: Columns) -> Staged:
        self._staged, self._is_sifted = Staged(relation=STAGING, rows=rows, columns=columns), False
        return self._staged

    def _drop_staging(self) -> None:
        kind = self._connection.execute(
            b"SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = to_regclass('pg_temp._staging')"
        ).fetchone()
        if kind is not None:
            self._connection.execute(_DROP_STAGED_VIEW if kind[0] == "v" else _DROP_STAGING)

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        with self._working():
            return columns_of(self._connection, relation)

    def newest(self, relation: str, column: str) -> object:
        """The largest value of a column; None where there is none, or no relation."""
        with self._working():
            return applying.newest(self._connection, relation, column)

    def state(self, dataset: str, version: str) -> str | None:
        """How far the rows of a version reach, in its connector's own words; None if nothing says so."""
        with self._working(dataset):
            return states.read(self._connection, dataset, version)

    def export(self, sql: str, params: Mapping[str, object], path: Path) -> None:
        """Write a query's rows to a Parquet file of the spool."""
        with self._working():
            asked = self._translator.question(self._connection, sql, params)
            if not asked.values:
                files.save(self._connection, asked.text, asked.columns, path)
                return
            # COPY takes no bound values
            self._connection.execute(b"CREATE TEMP TABLE _exported AS " + asked.text, asked.values)
            try:
                files.save(self._connection, b"SELECT * FROM pg_temp._exported", asked.columns, path)
            finally:
                with suppress(psycopg.Error):  # the connection may be what failed
                    self._connection.execute(b"DROP TABLE pg_temp._exported")

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._working():
            asked = self._translator.question(self._connection, sql, named=False)
            return asked.rows(self._connection.execute(asked.text, asked.values or None).fetchall())

    def build(self, publication: Publication, sql: str, params: Mapping[str, object]) -> Staged:
        """Make the table or view itself, in the open transaction; see `Session.build`."""
        with self._working(publication.dataset):
            if not self._built:
                self._connection.execute(b"BEGIN")
            # known from here on: what fails in the next line is undone by `rollback` with everything else
            self._built.append((publication, 0))
            asked = self._translator.question(self._connection, sql, params)
            rows = self._make(publication, asked)
            self._built[-1] = (publication, rows)
            return Staged(relation=publication.relation, rows=rows)

    def _make(self, publication: Publication, asked: Question) -> int:
        relation = kept(publication.relation)
        if publication.materialization is Materialization.VIEW:
            self._connection.execute(f"CREATE OR REPLACE VIEW {relation} AS ".encode() + asked.text)
            return 0
        return applying.fill(self._connection, relation, asked.text, asked.values)

    def commit(self) -> None:
        """Keep everything built under its publish ids; see `Session.commit`."""
        built, self._built = self._built, []
        if not built:
            return
        with translated(dataset=built[0][0].dataset):
            try:
                self._refuse_if_expired()
                self._record(built)
            except (psycopg.Error, PenstockError):
                self._undo()
                raise
            self._commit()

    def rollback(self) -> None:
        """Undo everything built since the last commit."""
        built, self._built = self._built, []
        if built:
            self._undo()

    def interrupt(self) -> None:
        """Stop what runs and refuse everything that follows."""
        self._stopper.stop()

    def publish(self, publication: Publication) -> int:
        """Publish what is staged; see `Session.publish`."""
        with self._working(publication.dataset):
            if publication.materialization not in {Materialization.TABLE, Materialization.VIEW}:
                self._ensure_table(publication)
            return self._transaction(publication)

    def _ensure_table(self, publication: Publication) -> None:
        """The version's empty table, made once, so that parallel slices do not race to create it."""
        relation = kept(publication.relation)
        with self._ddl:
            refuse_if_fenced(self._connection, publication.token, publication.dataset)
            if not columns_of(self._connection, relation):
                self._connection.execute(f"CREATE TABLE IF NOT EXISTS {relation} (LIKE {STAGING})".encode())

    def _transaction(self, publication: Publication) -> int:
        connection = self._connection
        connection.execute(b"BEGIN")
        try:
            refuse_if_fenced(connection, publication.token, publication.dataset)
            known = connection.execute(
                b"SELECT row_count FROM _penstock.ledger WHERE publish_id = $1", [publication.publish_id]
            ).fetchone()
            if known is not None:
                self._undo()
                return int(known[0])
            states.change(connection, publication)
            rows = self._apply(publication)
            if self._is_sifted:
                quarantine.keep(connection, publication, STAGING)
            self._record([(publication, rows)])
        except (psycopg.Error, PenstockError):
            self._undo()
            raise
        self._commit()
        return rows

    def _apply(self, publication: Publication) -> int:
        if publication.materialization is Materialization.VIEW:
            return self._make(publication, self._translator.question(self._connection, publication.view_sql or ""))
        return applying.apply(self._connection, publication, STAGING)

    def _record(self, built: list[tuple[Publication, int]]) -> None:
        """Write publish ids into the target's own ledger, unless a newer executor has shown itself.

        The last thing before the commit: from here on a newer one waits until this transaction is over.
        """
        columns = [
            [publication.publish_id for publication, _ in built],
            [publication.run for publication, _ in built],
            [publication.dataset for publication, _ in built],
            [publication.version for publication, _ in built],
            [rows for _, rows in built],
        ]
        token = built[0][0].token
        self._connection.execute(_RECORD, [*columns, token])
        refuse_if_fenced(self._connection, token, built[0][0].dataset, hold=True)

    def _commit(self) -> None:
        try:
            self._connection.execute(b"COMMIT")
        except psycopg.Error as error:
            if not is_lost(error) or (error.sqlstate or "").startswith("57014"):  # the server says that it did not
                self._undo()
                raise
            self._connection.close()
            raise UnknownOutcomeError(str(error)) from error

    def _undo(self) -> None:
        with suppress(psycopg.Error):  # an interrupt or a lost connection may have undone it already
            self._connection.execute(b"ROLLBACK")

    @contextmanager
    def _working(self, dataset: str | None = None) -> Iterator[None]:
        """Time that ran out between two statements, while files landed or a worker ran, has run out all the same."""
        self._refuse_if_expired()
        try:
            with translated(dataset=dataset):
                yield
        except InputError as error:  # what cannot be carried is a fault of the task
            raise TaskError(error.findings) from error

    def _refuse_if_expired(self) -> None:
        if self._stopper.stopped.is_set():
            message, remedy = "the attempt took too long", "raise `timeout` in the dataset's header, or make it cheaper"
            raise TaskError(Finding(code="engine.timeout", message=message, remedy=remedy))


def refuse_if_fenced(connection: Connection, token: int, dataset: str | None, *, hold: bool = False) -> None:
    """At the target: stop an executor that a newer one has replaced. With `hold`, nobody can until the commit.

    Raises:
        TaskError: a larger token was shown here.
    """
    row = connection.execute(b"SELECT token FROM _penstock.fence" + (b" FOR SHARE" if hold else b"")).fetchone()
    newest = row[0] if row else None
    if newest is not None and int(newest) > token:
        raise TaskError(
            Finding(
                code="engine.fenced",
                message=f"a newer executor (token {newest}) works on this warehouse; this one held {token}",
                place=Place(dataset=dataset),
                remedy="nothing: the newer one does the work",
            )
        )
