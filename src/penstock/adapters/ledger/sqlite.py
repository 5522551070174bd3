"""The ledger in one SQLite file: WAL, synchronous=FULL, one writer at a time, several appends in one commit.

Invariants: a fact and its state are written in one transaction; `append` returns only after the commit is on disk;
after a failed commit the store refuses further work until it is opened anew.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import apsw

from penstock.adapters.ledger import complaints
from penstock.adapters.ledger.database import write_draft
from penstock.adapters.ledger.schema import SqliteDatabase, connect
from penstock.adapters.ledger.statements import HEAD
from penstock.adapters.ledger.stored import StoredLedger
from penstock.ledger.journal import GENESIS, LedgerDamagedError
from penstock.model.errors import WaitingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.ledger.committing import Writer
    from penstock.adapters.ledger.database import Database
    from penstock.ledger.draft import Draft, Head
    from penstock.ledger.journal import Value
    from penstock.model.findings import Finding


class SqliteLedger(StoredLedger):
    """A `Journal` and its `Pulse` in one file."""

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self.path, self.place = path, str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._readers = SqliteReader(path)
        self._beating: SqliteReader | None = None
        self._beating_lock = threading.Lock()
        self._writer = SqliteWriter(path)
        super().__init__(self._writer, self._readers, now)

    def close(self) -> None:
        """Record what was handed in and close the file."""
        self._committer.close()
        with self._beating_lock:
            if self._beating is not None:
                self._beating.close()
        self._readers.close()

    def _heart(self) -> Database:
        with self._beating_lock:
            if self._beating is None:
                self._beating = SqliteReader(self.path)
                self._beating.fetch("PRAGMA synchronous = NORMAL")
            return self._beating

    def _new_writer(self) -> Writer:
        return SqliteWriter(self.path)

    @contextmanager
    def _snapshot(self) -> Iterator[Database]:
        reader = SqliteReader(self.path)
        try:
            reader.fetch("BEGIN")
            yield reader
        finally:
            reader.close()


class SqliteReader(SqliteDatabase):
    """A connection that several threads may share; what SQLite cannot read is a damaged ledger."""

    def __init__(self, path: Path) -> None:
        super().__init__(connect(path))
        self._path, self._lock = path, threading.Lock()

    def fetch(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[Any]:
        """All rows of a statement.

        Raises:
            LedgerDamagedError: they cannot be read.
            WaitingError: another process writes and does not end.
        """
        try:
            with self._lock:
                return super().fetch(sql, values)
        except (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, apsw.IOError, UnicodeDecodeError) as error:
            raise LedgerDamagedError(complaints.unreadable(self._path, error)) from error
        except apsw.FullError as error:
            raise LedgerDamagedError(complaints.not_written(str(self._path), error)) from error
        except apsw.BusyError as error:
            raise WaitingError(complaints.busy(str(self._path))) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class SqliteWriter(SqliteDatabase):
    """The file's `Writer`; it opens its connection when something is written for the first time."""

    errors = (apsw.Error, OSError)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: apsw.Connection | None = None

    @property
    def connection(self) -> apsw.Connection:
        """The connection that writes."""
        if self._opened is None:
            self._opened = connect(self.path)
        return self._opened

    def begin(self) -> Head:
        """Keep other writers out; where the journal stands. See `Writer.begin`."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            raise WaitingError(complaints.busy(str(self.path))) from error
        head: Any = self.connection.execute(HEAD).fetchone()
        return head or (0, GENESIS, None)

    def write(self, draft: Draft) -> None:
        """Write entries and state, and commit."""
        write_draft(self, draft)
        self.commit()

    def commit(self) -> None:
        """Commit; on the disk when this returns."""
        self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Keep nothing of an open transaction."""
        with suppress(apsw.Error, OSError):  # callers are told what failed first, whatever follows from it
            if self._opened is not None and self._opened.in_transaction:
                self._opened.execute("ROLLBACK")

    def failed(self, error: BaseException) -> Finding:
        """What to tell whoever waits."""
        return complaints.not_written(str(self.path), error)

    def tidy(self) -> None:
        """Make the file smaller; a reader that still sees what was there, or a full disk, is no reason to fail."""
        with suppress(apsw.Error, OSError):
            self.connection.execute("VACUUM")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            self._opened.close()
