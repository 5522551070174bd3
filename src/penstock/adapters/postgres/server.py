"""Connections to the database: each the same whatever the server's defaults, and none that tells the password."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from penstock.adapters.conninfo import is_split_wrongly, mask_of
from penstock.model.errors import InputError, RunError
from penstock.model.findings import Finding
from penstock.sql.carrying import MASK_INNER, MASK_OUTER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.masking import MaskingSecret

Connection = psycopg.Connection[tuple[Any, ...]]
CONNECT_TIMEOUT = 10
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "search_path": "",
    "synchronous_commit": "on",
    "standard_conforming_strings": "on",
    # a process that was stopped within a transaction, or whose network is gone, keeps its successor waiting no longer
    "idle_in_transaction_session_timeout": "20s",
    "client_min_messages": "warning",
    "application_name": "penstock",
}

_MASKING = f"SELECT set_config('{MASK_INNER}', $1, false), set_config('{MASK_OUTER}', $2, false)"


class Server:
    """The database at an address (a URL or a list of `key=value`), and the connections to it that are at rest."""

    def __init__(self, address: str, masking: MaskingSecret | None = None) -> None:
        self._masking = masking
        try:
            self._parts = conninfo_to_dict(address)
        except psycopg.ProgrammingError:
            raise InputError(_bad_address()) from None  # the error may repeat the password
        if is_split_wrongly(self._parts):
            raise InputError(_bad_address())
        self._mask = mask_of(self._parts)
        self._address = make_conninfo(address, connect_timeout=self._parts.get("connect_timeout", CONNECT_TIMEOUT))
        user, host, port, name = (self._parts.get(part) or "" for part in ("user", "host", "port", "dbname"))
        place = f"postgresql://{f'{user}@' if user else ''}{host}{f':{port}' if port else ''}/{name}"
        self.place = self._mask.text(place)
        self._resting: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for the time of a use; it commits each statement by itself, and numbers its parameters."""
        with self._lock:
            connection = self._resting.pop() if self._resting else None
        if connection is None or connection.closed:
            connection = self.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._rest(connection)

    def connect(self) -> Connection:
        """A new connection.

        Raises:
            RunError: the database does not answer, or refuses.
        """
        try:
            connection = psycopg.connect(self._address, autocommit=True, cursor_factory=psycopg.RawCursor)
            settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
            connection.execute(f"SELECT {settings}".encode())
            if self._masking is not None:  # bound, so that no list of statements shows it
                pads = [self._masking.inner.hex(), self._masking.outer.hex()]
                connection.execute(_MASKING.encode(), pads)
        except psycopg.Error as error:
            raise RunError(_unreachable(self.place, self.told(error))) from None
        connection.prepare_threshold = None  # a relation that was made anew may have other columns
        return connection

    def close(self) -> None:
        """Close what is at rest, and whatever comes to rest later."""
        with self._lock:
            self._closed = True
            resting, self._resting = self._resting, []
        for connection in resting:
            connection.close()

    def told(self, error: BaseException) -> str:
        """What an error says, in one line and without the password."""
        return self._mask.text(" ".join(str(error).split()))

    def _rest(self, connection: Connection) -> None:
        idle = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._lock:
            if idle and not self._closed:
                self._resting.append(connection)
                return
        connection.close()


def _bad_address() -> Finding:
    return Finding(
        code="warehouse.bad_address",
        message="the address of the Postgres warehouse cannot be read",
        expected="postgresql://USER:PASSWORD@HOST/DATABASE, with signs that URLs do not allow written as %XX",
        remedy="correct the environment variable",
    )


def _unreachable(where: str, said: str) -> Finding:
    return Finding(
        code="warehouse.unreachable",
        message=f"the warehouse at {where} does not answer: {said}",
        expected="a Postgres server that lets this user in",
        remedy="start it, or correct the address in the environment",
    )
