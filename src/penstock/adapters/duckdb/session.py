"""One attempt's connection: staging in a temporary table, publishing in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.duckdb.errors import translated
from penstock.engine.ports import Staged, UnknownOutcomeError
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.engine.ports import Publication

STAGING = "temp.main._staging"


class DuckdbSession:
    """A `Session`. Its staging is a temporary table: never visible to others, never in the write-ahead log."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, ddl: threading.Lock, expired: threading.Event) -> None:
        self._cursor, self._ddl, self._expired = cursor, ddl, expired

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        return self._stage(f"CREATE OR REPLACE TEMP TABLE _staging AS {sql}", params)

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging."""
        return self._stage(f"CREATE OR REPLACE TEMP VIEW _staging AS {sql}", {})

    def stage_file(self, path: Path) -> Staged:
        """Read a Parquet file of the spool into staging."""
        source = f"SELECT * FROM read_parquet({literal(str(path))})"
        return self._stage(f"CREATE OR REPLACE TEMP TABLE _staging AS {source}", {})

    def _stage(self, statement: str, params: Mapping[str, object]) -> Staged:
        self._refuse_if_expired()
        with translated(dataset=None):
            self._cursor.execute(statement, dict(params) if params else None)
            columns = self._cursor.execute(f"DESCRIBE {STAGING}").fetchall()
            rows = self.fetch(f"SELECT count(*) FROM {STAGING}")[0][0]
        names = tuple((str(row[0]), str(row[1])) for row in columns)
        return Staged(relation=STAGING, rows=int(rows), columns=names)

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

    def publish(self, publication: Publication) -> int:
        """Publish what is staged; see `Session.publish`."""
        self._refuse_if_expired()
        with translated(dataset=publication.dataset):
            if publication.materialization is Materialization.INCREMENTAL:
                self._ensure_table(publication)
                return self._transaction(publication)
            with self._ddl:
                return self._transaction(publication)

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
            rows = self._apply(publication)
            cursor.execute(
                "INSERT INTO _penstock.ledger VALUES (?, ?, ?, ?, ?, ?)",
                [
                    publication.publish_id,
                    publication.run,
                    publication.dataset,
                    publication.version,
                    rows,
                    publication.token,
                ],
            )
        except duckdb.ConstraintException as error:  # only our own ledger has a key: somebody was first with this id
            cursor.execute("ROLLBACK")
            raise duckdb.TransactionException(str(error)) from error
        except (duckdb.Error, TaskError):
            cursor.execute("ROLLBACK")
            raise
        try:
            cursor.execute("COMMIT")
        except duckdb.TransactionException:  # a conflict: nothing was kept
            raise
        except duckdb.Error as error:
            raise UnknownOutcomeError(str(error)) from error
        return rows

    def _refuse_if_expired(self) -> None:
        """Time that ran out between two statements, while files landed or a worker ran, has run out all the same."""
        if self._expired.is_set():
            message, remedy = "the attempt took too long", "raise `timeout` in the dataset's header, or make it cheaper"
            raise TaskError(Finding(code="engine.timeout", message=message, remedy=remedy))

    def _apply(self, publication: Publication) -> int:
        cursor, relation = self._cursor, publication.relation
        if publication.materialization is Materialization.VIEW:
            cursor.execute(f"CREATE OR REPLACE VIEW {relation} AS {publication.view_sql}")
            return 0
        if publication.materialization is Materialization.TABLE:
            cursor.execute(f"CREATE OR REPLACE TABLE {relation} AS SELECT * FROM {STAGING}")
        else:
            self._replace_interval(publication)
        return int(self.fetch(f"SELECT count(*) FROM {STAGING}")[0][0])

    def _replace_interval(self, publication: Publication) -> None:
        if publication.interval is not None and publication.column is not None:
            column = quote(publication.column)
            bounds = (publication.interval.start.replace(tzinfo=None), publication.interval.end.replace(tzinfo=None))
            self._cursor.execute(
                f"DELETE FROM {publication.relation} WHERE {column} >= $1::TIMESTAMP AND {column} < $2::TIMESTAMP",
                list(bounds),
            )
        self._cursor.execute(f"INSERT INTO {publication.relation} BY NAME SELECT * FROM {STAGING}")


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
