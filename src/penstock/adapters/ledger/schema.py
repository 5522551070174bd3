"""Opens the ledger's SQLite file: makes its schema, or brings an older one up to this one.

Invariants: a migration and the state folded anew are one transaction, so a kill leaves the old schema or the new one;
a file of a newer Penstock, of another program, or damaged is refused and left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

from penstock.adapters.ledger import complaints
from penstock.adapters.ledger.statements import SQLITE
from penstock.ledger.journal import LedgerDamagedError
from penstock.model.errors import WaitingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.ledger.journal import Value

SCHEMA_VERSION = 9
APPLICATION_ID = 0x50454E53
BUSY_TIMEOUT = 10_000


def connect(path: Path) -> apsw.Connection:
    """A connection to a ledger that has this Penstock's schema.

    Raises:
        LedgerDamagedError: the file cannot be used; the finding says why.
        WaitingError: another process has been migrating or writing for long.
    """
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_TIMEOUT)
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        if _version(connection) != SCHEMA_VERSION:
            _migrate(connection, path)
    except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError) as error:
        raise LedgerDamagedError(complaints.unreadable(path, error)) from error
    except (apsw.IOError, apsw.FullError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
        raise LedgerDamagedError(complaints.not_opened(path, error)) from error
    except apsw.BusyError as error:
        raise WaitingError(complaints.busy(str(path))) from error
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # again: another process may have been quicker
        _refuse_others(connection, path, version)
        if version == 0:
            connection.execute(schema_text("schema.sql"))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        elif version < SCHEMA_VERSION:
            for number in range(version + 1, SCHEMA_VERSION + 1):
                connection.execute(schema_text(f"migrations/{number:04}.sql"))
            _rebuild(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _rebuild(connection: apsw.Connection) -> None:
    from penstock.adapters.ledger.rebuilding import rebuild_state  # noqa: PLC0415 - only an old ledger needs it

    rebuild_state(SqliteDatabase(connection))


def _refuse_others(connection: apsw.Connection, path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise LedgerDamagedError(complaints.newer(path.name, version, SCHEMA_VERSION))
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
        raise LedgerDamagedError(complaints.foreign(path))


def schema_text(name: str) -> str:
    """A SQL file of this package."""
    from importlib import resources  # noqa: PLC0415 - 8 ms that only a new or an old ledger needs

    return resources.files("penstock.adapters.ledger").joinpath(name).read_text(encoding="utf-8")


class SqliteDatabase:
    """A connection as a `Database`."""

    dialect = SQLITE

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> apsw.Connection:
        """The connection."""
        return self._connection

    def fetch(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[Any]:
        """All rows of a statement."""
        return self.connection.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[Value | bytes]]) -> None:
        """Carry out a statement once for each row of values."""
        self.connection.executemany(sql, rows)


def _version(connection: apsw.Connection) -> int:
    row: Any = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])
