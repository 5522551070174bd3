"""The ledger of a team in a Postgres database: one schema for each project, one writer at a time, grouped commits.

Invariants: a fact and its state are written in one transaction behind the writers' lock; `append` returns only after
the commit; after a failed commit, whose outcome may be unknown, the store refuses further work until it is opened anew.
A connection lost between transactions is opened again; no message holds the address's password.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from penstock.adapters.ledger import complaints
from penstock.adapters.ledger.database import write_draft
from penstock.adapters.ledger.postgres_schema import Address, Connection, PostgresDatabase, open_schema
from penstock.adapters.ledger.statements import HEAD
from penstock.adapters.ledger.stored import StoredLedger
from penstock.ledger.journal import GENESIS, LedgerDamagedError
from penstock.model.errors import RunError, WaitingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.adapters.ledger.committing import Writer
    from penstock.adapters.ledger.database import Database
    from penstock.ledger.draft import Draft, Head
    from penstock.ledger.journal import Value
    from penstock.model.findings import Finding

WRITE_TIMEOUT = "10min"
"""For the few statements that move much at once; whoever waits for another writer gives up much earlier."""


class PostgresLedger(StoredLedger):
    """A `Journal` and its `Pulse` in a schema of a Postgres database. `address` is a URL or a list of `key=value`."""

    def __init__(self, address: str, project: str, now: Callable[[], str]) -> None:
        self._address = Address(address, project)
        self.place = self._address.place
        self._readers = PostgresReader(self._address)
        self._beating: PostgresReader | None = None
        self._beating_lock = threading.Lock()
        super().__init__(PostgresWriter(self._address), self._readers, now)

    def close(self) -> None:
        """Record what was handed in and close every connection."""
        self._committer.close()
        with self._beating_lock:
            if self._beating is not None:
                self._beating.close()
        self._readers.close()

    def _heart(self) -> Database:
        with self._beating_lock:
            if self._beating is None:
                self._beating = PostgresReader(self._address, "SET synchronous_commit = off")
            return self._beating

    def _new_writer(self) -> Writer:
        return PostgresWriter(self._address)

    @contextmanager
    def _snapshot(self) -> Iterator[Database]:
        reader = PostgresReader(self._address, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", again=False)
        try:
            yield reader
        finally:
            reader.close()


class PostgresReader(PostgresDatabase):
    """A connection that several threads may share, opened again (`again`) when the server closed it in between."""

    def __init__(self, address: Address, first: str = "", *, again: bool = True) -> None:
        self._address, self._first, self._again = address, first, again
        super().__init__(self._open())
        self._lock = threading.Lock()

    def fetch(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[Any]:
        """All rows of a statement.

        Raises:
            LedgerDamagedError: they cannot be read.
            RunError: the database does not answer.
            WaitingError: it takes too long.
        """
        place, told = self._address.place, self._address.told
        with self._lock:
            try:
                return self._fetch(sql, values)
            except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
                raise WaitingError(complaints.busy(place)) from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise RunError(complaints.unreachable(place, told(error))) from error
            except psycopg.Error as error:
                raise LedgerDamagedError(complaints.unreadable_schema(place, told(error))) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _fetch(self, sql: str, values: Sequence[Value | bytes]) -> list[Any]:
        try:
            return super().fetch(sql, values)
        except psycopg.OperationalError:
            if not self._again or not self._connection.closed:
                raise
        self._connection = self._open()
        return super().fetch(sql, values)

    def _open(self) -> Connection:
        connection = open_schema(self._address)
        if self._first:
            connection.execute(self._first.encode())
        return connection


class PostgresWriter(PostgresDatabase):
    """The schema's `Writer`; it opens its connection when something is written for the first time."""

    errors = (psycopg.Error, OSError)

    def __init__(self, address: Address) -> None:
        self._address = address
        self._opened: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection that writes."""
        if self._opened is None or self._opened.closed:
            self._opened = open_schema(self._address)
            self._opened.execute(f"SET statement_timeout = '{WRITE_TIMEOUT}'".encode())
        return self._opened

    def begin(self) -> Head:
        """Keep other writers out; where the journal stands. See `Writer.begin`."""
        try:
            try:
                return self._begin()
            except psycopg.OperationalError:
                if not self.lost:
                    raise
            return self._begin()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
            raise WaitingError(complaints.busy(self._address.place)) from error
        except psycopg.OperationalError as error:
            raise RunError(complaints.unreachable(self._address.place, self._address.told(error))) from error

    @property
    def lost(self) -> bool:
        """Whether the server closed the connection."""
        return self._opened is not None and self._opened.closed

    def write(self, draft: Draft) -> None:
        """Write entries and state, and commit: one round trip."""
        with self.connection.pipeline():
            write_draft(self, draft)
            self.commit()

    def commit(self) -> None:
        """Commit; durable when this, or the pipeline around it, is over."""
        self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Keep nothing of an open transaction."""
        with suppress(psycopg.Error, OSError):  # callers are told what failed first, whatever follows from it
            if self._opened is not None and self._opened.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._opened.execute("ROLLBACK")

    def failed(self, error: BaseException) -> Finding:
        """What to tell whoever waits."""
        return complaints.not_kept(self._address.place, self._address.told(error))

    def tidy(self) -> None:
        """Leave it to the server, which does so by itself."""

    def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            self._opened.close()

    def _begin(self) -> Head:
        """In one round trip; the head is read by a statement of its own, which sees what the lock waited for."""
        connection = self.connection
        with connection.pipeline():
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (self._address.lock,))
            head: Any = connection.execute(HEAD).fetchone()
        return head or (0, GENESIS, None)
