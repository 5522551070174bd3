"""ADBC: drivers that hand rows over as Arrow. Neither pyarrow nor their DBAPI is needed, only the C stream."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.databases.pulling import fault, scratch, stoppable, write
from penstock.engine.ports.arrivals import Stream
from penstock.model.errors import InputError, TaskError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.adapters.databases.addresses import Address
    from penstock.adapters.databases.pulling import Pull

EXTRAS = {"pymysql": "mysql"}
EXTRA = "databases"


def driver(module: str) -> Any:
    """A driver's module.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        extra = EXTRAS.get(module, EXTRA)
        raise InputError(
            Finding(
                code="source.no_driver",
                message=f"the driver {module} is not installed",
                expected=f"the extra {extra}",
                remedy=how_to_install(extra),
            )
        ) from error


class ArrowConnection:
    """A connection through ADBC. Errors are raised as ours, without secrets."""

    def __init__(self, module: str, address: Address, uri: str, dataset: str | None) -> None:
        self._address, self._dataset = address, dataset
        self._small: duckdb.DuckDBPyConnection | None = None
        found, self._manager = driver(module), driver("adbc_driver_manager")
        with self._translated():
            self._database = found.connect(uri)
            self._connection = self._manager.AdbcConnection(self._database)

    def close(self) -> None:
        """Give the connection back, whatever state it is in."""
        if self._small is not None:
            self._small.close()
        for part in (self._connection, self._database):
            with suppress(self._manager.Error):
                part.close()

    def run(self, sql: str) -> None:
        """Run a statement for what it does."""
        with self._translated():
            statement = self._manager.AdbcStatement(self._connection)
            try:
                statement.set_sql_query(sql)
                statement.execute_update()
            finally:
                statement.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A few rows of a query."""
        with self._streamed(sql) as connection:
            found: list[tuple[Any, ...]] = connection.execute("SELECT * FROM _rows").fetchall()
            return found

    def names(self, sql: str) -> tuple[str, ...]:
        """The columns of a query that gives no rows."""
        with self._streamed(sql) as connection:
            return tuple(str(row[0]) for row in connection.execute("DESCRIBE _rows").fetchall())

    def pull(
        self,
        pull: Pull,
        sql: str,
        select: Mapping[str, str],
        *,
        where: str = "",
        rows: Callable[[], int | None] | None = None,
    ) -> int:
        """Write a query's rows to the pull's file; how many."""
        with scratch(pull.path.parent) as connection, self._translated():
            statement = self._manager.AdbcStatement(self._connection)

            def stop() -> None:
                with suppress(self._manager.Error):
                    statement.cancel()
                connection.interrupt()

            try:
                with stoppable(pull, stop, rows):
                    statement.set_sql_query(sql)
                    stream, _ = statement.execute_query()
                    connection.register("_rows", stream)
                    return write(connection, "_rows", select, pull.path, where)
            finally:
                with suppress(duckdb.Error):
                    connection.unregister("_rows")
                with suppress(self._manager.Error):
                    statement.close()

    @contextmanager
    def stream(
        self, pull: Pull, sql: str, select: Mapping[str, str], rows: Callable[[], int | None] | None = None
    ) -> Iterator[Stream]:
        """A query's rows, for whoever takes them within the block."""
        statement = self._manager.AdbcStatement(self._connection)

        def stop() -> None:
            with suppress(self._manager.Error):
                statement.cancel()

        try:
            with stoppable(pull, stop, rows), self._translated_of_taker():
                statement.set_sql_query(sql)
                handed, _ = statement.execute_query()
                yield Stream(rows=handed, columns=select)
        finally:
            with suppress(self._manager.Error):
                statement.close()

    @contextmanager
    def _translated_of_taker(self) -> Iterator[None]:
        """What was raised where the rows were taken may be the fault of where they come from."""
        try:
            with self._translated():
                yield
        except TaskError as error:
            cause = error.__cause__
            if not isinstance(cause, duckdb.Error) or isinstance(cause, duckdb.InterruptException):
                raise
            raise fault(self._dataset, self._address, cause) from None

    @contextmanager
    def _streamed(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A few rows of a query as `_rows`; one DuckDB takes those of all such queries, as making one takes longer."""
        with self._translated():
            if self._small is None:
                self._small = duckdb.connect(":memory:", config={"threads": 1})
                self._small.execute("SET TimeZone = 'UTC'")
            statement = self._manager.AdbcStatement(self._connection)
            try:
                statement.set_sql_query(sql)
                stream, _ = statement.execute_query()
                self._small.register("_rows", stream)
                yield self._small
            finally:
                with suppress(duckdb.Error):
                    self._small.unregister("_rows")
                with suppress(self._manager.Error):
                    statement.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (self._manager.Error, duckdb.Error) as error:
            raise fault(self._dataset, self._address, error) from None
