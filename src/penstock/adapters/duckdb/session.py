"""One connection of a lane: staging in a temporary table, or tables built in the transaction that publishes them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb

from penstock.adapters import quarantine_rows
from penstock.adapters.duckdb import applying, quarantine, states
from penstock.adapters.duckdb.effort import effort_of
from penstock.adapters.duckdb.errors import translated
from penstock.engine.ports.publishing import Staged
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.quality.casting import cast_query
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.adapters.duckdb.stopping import Stopper
    from penstock.engine.ports.arrivals import Stream
    from penstock.engine.ports.publishing import Publication, Sifted
    from penstock.quality.casting import Cast
    from penstock.quality.rerunning import Effort
    from penstock.quality.sifting import Sieve

STAGING = "temp.main._staging"
GONE = "temp.main._gone"
REHEARSED = "temp.main._rehearsed"
"""What `rehearse` applies rows to: a temporary table, so that no published name can be meant."""
STREAM = "_stream"
"""What a stream's rows are called while they are taken."""
_RECORD = """
INSERT INTO _penstock.ledger
SELECT unnest($ids), unnest($runs), unnest($datasets), unnest($versions), unnest($rows), $token
WHERE (SELECT max(token) FROM _penstock.fence) <= $token
"""


class DuckdbSession:
    """A `Session`. Its staging is a temporary table: never visible to others, never in the write-ahead log."""

    zone_maps: ClassVar[bool] = True

    def __init__(self, cursor: duckdb.DuckDBPyConnection, ddl: threading.Lock, stopper: Stopper) -> None:
        self._cursor, self._ddl, self._stopper = cursor, ddl, stopper
        self._built: list[tuple[Publication, int]] = []
        self._staged = Staged(relation=STAGING, rows=0)
        self._is_sifted = False

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        return self._stage(f"CREATE OR REPLACE TEMP TABLE _staging AS {sql}", params)

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging."""
        return self._stage(f"CREATE OR REPLACE TEMP VIEW _staging AS {sql}", {})

    def stage_file(self, path: Path, casts: Sequence[Cast] = (), *, once: bool = False) -> Staged:
        """Read a Parquet file of the spool into staging; see `Session.stage_file`."""
        source = cast_query(f"read_parquet({literal(str(path))})", casts)
        if once and not casts:
            staged = self.stage_view(source)
            return replace(staged, rows=int(self.fetch(f"SELECT count(*) FROM {STAGING}")[0][0]))
        return self._stage(f"CREATE OR REPLACE TEMP TABLE _staging AS {source}", {}, {cast.raw for cast in casts})

    def stage_gone(self, path: Path) -> Staged:
        """Read keys of a Parquet file of the spool; see `Session.stage_gone`."""
        self._refuse_if_expired()
        with translated(dataset=None):
            sql = f"CREATE OR REPLACE TEMP TABLE _gone AS SELECT * FROM read_parquet({literal(str(path))})"
            made = self._cursor.execute(sql).fetchone()
        return Staged(relation=GONE, rows=int(made[0]) if made else 0)

    def _stage(self, statement: str, params: Mapping[str, object], raw: Collection[str] = frozenset()) -> Staged:
        self._refuse_if_expired()
        with translated(dataset=None):
            made = self._cursor.execute(statement, dict(params) if params else None).fetchone()
            rows = int(made[0]) if made else 0
        columns = tuple(column for column in self.columns(STAGING) if column[0] not in raw)
        self._staged, self._is_sifted = Staged(relation=STAGING, rows=rows, columns=columns), False
        return self._staged

    def sift(self, sieve: Sieve, publication: Publication) -> Sifted:
        """Put offending rows aside and make offending values NULL; see `Session.sift`."""
        self._refuse_if_expired()
        with translated(dataset=publication.dataset):
            bowl = quarantine.Bowl(self._cursor, STAGING, [name for name, _ in self._staged.columns])
            sifted = quarantine_rows.sift(bowl, STAGING, self._staged, sieve, publication)
        self._staged, self._is_sifted = sifted.staged, True
        return sifted

    def leave_out(self, column: str, before: datetime) -> Staged:
        """Take the staged rows out that lie before a moment; see `Session.leave_out`."""
        self._refuse_if_expired()
        with translated(dataset=None):
            sql = f"DELETE FROM {STAGING} WHERE {quote(column)} < $before::TIMESTAMP"
            made = self._cursor.execute(sql, {"before": before.replace(tzinfo=None)}).fetchone()
        self._staged = replace(self._staged, rows=self._staged.rows - (int(made[0]) if made else 0))
        return self._staged

    def effort(self, sql: str, params: Mapping[str, object]) -> Effort:
        """Run a query, throw its rows away, and say what it took."""
        self._refuse_if_expired()
        with translated(dataset=None):
            explained = f"EXPLAIN (ANALYZE, FORMAT json) {sql}"
            rows = self._cursor.execute(explained, dict(params) if params else None).fetchall()
        return effort_of(str(rows[0][1]))

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """For the time of a block the engine works in one thread: what hangs on the order of rows comes out."""
        (before,) = self.fetch("SELECT current_setting('threads')")[0]
        self.fetch("SET threads = 1")
        try:
            yield
        finally:
            self.fetch(f"SET threads = {int(before)}")

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        return tuple((str(row[0]), str(row[1])) for row in self.fetch(f"DESCRIBE {relation}"))

    def newest(self, relation: str, column: str) -> object:
        """The largest value of a column; None where there is none, or no relation."""
        self._refuse_if_expired()
        with translated(dataset=None):
            return applying.newest(self._cursor, relation, column)

    def state(self, dataset: str, version: str) -> str | None:
        """How far the rows of a version reach, in its connector's own words; None if nothing says so."""
        self._refuse_if_expired()
        with translated(dataset=dataset):
            return states.read(self._cursor, dataset, version)

    def export(self, sql: str, params: Mapping[str, object], path: Path) -> None:
        """Write a query's rows to a Parquet file of the spool."""
        self._refuse_if_expired()
        with translated(dataset=None):
            self._cursor.execute(
                f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)", dict(params) if params else None
            )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        self._refuse_if_expired()
        with translated(dataset=None):
            return self._cursor.execute(sql).fetchall()

    def build(self, publication: Publication, sql: str, params: Mapping[str, object]) -> Staged:
        """Make the table or view itself, in the open transaction; see `Session.build`."""
        self._refuse_if_expired()
        with translated(dataset=publication.dataset):
            if not self._built:
                self._cursor.execute("BEGIN TRANSACTION")
            kind = "VIEW" if publication.materialization is Materialization.VIEW else "TABLE"
            # known from here on: what fails in the next line is undone by `rollback` with everything else
            self._built.append((publication, 0))
            statement = f"CREATE OR REPLACE {kind} {publication.relation} AS {sql}"
            made = self._cursor.execute(statement, dict(params) if params else None).fetchone()
        rows = int(made[0]) if made and kind == "TABLE" else 0
        self._built[-1] = (publication, rows)
        return Staged(relation=publication.relation, rows=rows)

    def build_stream(self, publication: Publication, stream: Stream) -> Staged:
        """Make the table of a stream's rows, in the open transaction; see `TakesStreams.build_stream`."""
        columns = ", ".join(f"{expression} AS {quote(name)}" for name, expression in stream.columns.items())
        with translated(dataset=publication.dataset):
            self._cursor.register(STREAM, stream.rows)
        try:
            return self.build(publication, f"SELECT {columns} FROM {STREAM}", {})
        finally:
            with suppress(duckdb.Error):  # a transaction that failed lets nothing be taken back: its end does that
                self._cursor.unregister(STREAM)

    def commit(self) -> None:
        """Keep everything built under its publish ids; see `Session.commit`."""
        built, self._built = self._built, []
        if not built:
            return
        first = built[0][0]
        with translated(dataset=first.dataset):
            try:
                self._refuse_if_expired()
                if self._record(built) != len(built):
                    refuse_if_fenced(self._cursor, first.token, first.dataset)
            except duckdb.ConstraintException as error:  # only our own ledger has a key: an id is there already
                self._cursor.execute("ROLLBACK")
                raise duckdb.TransactionException(str(error)) from error
            except (duckdb.Error, TaskError):
                self._cursor.execute("ROLLBACK")
                raise
            self._commit()

    def rollback(self) -> None:
        """Undo everything built since the last commit."""
        built, self._built = self._built, []
        if built:
            with suppress(duckdb.Error):  # an interrupt or a failed statement may have undone it already
                self._cursor.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Stop what runs and refuse everything that follows."""
        self._stopper.stop()

    def publish(self, publication: Publication) -> int:
        """Publish what is staged; see `Session.publish`."""
        self._refuse_if_expired()
        with translated(dataset=publication.dataset):
            if publication.materialization in {Materialization.TABLE, Materialization.VIEW}:
                return self._transaction(publication)
            self._ensure_table(publication)
            return self._transaction(publication)

    def rehearse(self, publication: Publication) -> int:
        """Apply what is staged to `REHEARSED` as `publish` would to the dataset's own rows; no publish id is left."""
        self._refuse_if_expired()
        with translated(dataset=publication.dataset):
            self._cursor.execute(f"CREATE TEMP TABLE IF NOT EXISTS {REHEARSED} AS SELECT * FROM {STAGING} LIMIT 0")
            return applying.apply(self._cursor, replace(publication, relation=REHEARSED), STAGING)

    def _ensure_table(self, publication: Publication) -> None:
        """The version's empty table, made once, so that parallel slices do not race to create it."""
        with self._ddl:
            refuse_if_fenced(self._cursor, publication.token, publication.dataset)
            self._cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {publication.relation} AS SELECT * FROM {STAGING} LIMIT 0"
            )

    def _transaction(self, publication: Publication) -> int:
        cursor = self._cursor
        cursor.execute("BEGIN TRANSACTION")
        try:
            refuse_if_fenced(cursor, publication.token, publication.dataset)
            known = cursor.execute(
                "SELECT row_count FROM _penstock.ledger WHERE publish_id = ?", [publication.publish_id]
            ).fetchone()
            if known is not None:
                cursor.execute("ROLLBACK")
                return int(known[0])
            states.change(cursor, publication)
            rows = applying.apply(cursor, publication, STAGING)
            if self._is_sifted:
                quarantine.keep(cursor, publication, STAGING)
            self._record([(publication, rows)])
        except duckdb.ConstraintException as error:  # only our own ledger has a key: somebody was first with this id
            cursor.execute("ROLLBACK")
            raise duckdb.TransactionException(str(error)) from error
        except (duckdb.Error, TaskError, TransientError):
            cursor.execute("ROLLBACK")
            raise
        self._commit()
        return rows

    def _record(self, built: list[tuple[Publication, int]]) -> int:
        """Write publish ids into the target's own ledger, unless a newer executor has shown itself; how many."""
        values = {
            "ids": [publication.publish_id for publication, _ in built],
            "runs": [publication.run for publication, _ in built],
            "datasets": [publication.dataset for publication, _ in built],
            "versions": [publication.version for publication, _ in built],
            "rows": [rows for _, rows in built],
            "token": built[0][0].token,
        }
        made = self._cursor.execute(_RECORD, values).fetchone()
        return int(made[0]) if made else 0

    def _commit(self) -> None:
        try:
            self._cursor.execute("COMMIT")
        except duckdb.TransactionException:  # a conflict: nothing was kept
            raise
        except duckdb.Error as error:
            raise UnknownOutcomeError(str(error)) from error

    def _refuse_if_expired(self) -> None:
        """Time that ran out between two statements, while files landed or a worker ran, has run out all the same."""
        if self._stopper.stopped.is_set():
            message, remedy = "the attempt took too long", "raise `timeout` in the dataset's header, or make it cheaper"
            raise TaskError(Finding(code="engine.timeout", message=message, remedy=remedy))


def refuse_if_fenced(cursor: duckdb.DuckDBPyConnection, token: int, dataset: str | None) -> None:
    """Within a transaction at the target: stop an executor that a newer one has replaced.

    Raises:
        TaskError: a larger token was shown here.
    """
    row = cursor.execute("SELECT max(token) FROM _penstock.fence").fetchone()
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
