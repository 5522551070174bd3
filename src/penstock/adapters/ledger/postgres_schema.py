"""Opens the ledger's schema in a Postgres database: makes it, or brings an older one up to this one.

Invariants: making or migrating is one transaction behind the writers' lock, so a kill leaves the old schema or the new
one; a schema of a newer Penstock, or of another program, is refused and left alone; no password leaves this module.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from penstock.adapters.conninfo import is_split_wrongly, mask_of
from penstock.adapters.ledger import complaints
from penstock.adapters.ledger.rebuilding import rebuild_state
from penstock.adapters.ledger.schema import SCHEMA_VERSION, schema_text
from penstock.adapters.ledger.statements import POSTGRES
from penstock.ledger.journal import LedgerDamagedError
from penstock.model.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.ledger.journal import Value

LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "60s"
CONNECT_TIMEOUT = 10
_LONGEST_NAME = 63
_SHIFT, _SHIFTED_NUL, _SHIFTED_SHIFT = "\x1a", "\x1a0", "\x1a1"
Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresDatabase:
    """A connection as a `Database`. Postgres text cannot hold NUL: it goes in, and comes back, as another character."""

    dialect = POSTGRES

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The connection."""
        return self._connection

    def fetch(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[Any]:
        """All rows of a statement."""
        cursor = self.connection.execute(sql.encode(), _sent(values) or None)
        return [_received(row) for row in cursor] if cursor.description else []

    def many(self, sql: str, rows: Sequence[Sequence[Value | bytes]]) -> None:
        """Carry out a statement once for each row of values."""
        with self.connection.cursor() as cursor:
            cursor.executemany(sql.encode(), [_sent(row) for row in rows])


class Address:
    """Where a project's ledger is: a database, and the schema in it that is the project's own."""

    def __init__(self, address: str, project: str) -> None:
        try:
            self._parts = conninfo_to_dict(address)
        except psycopg.ProgrammingError:
            raise InputError(complaints.bad_address()) from None  # the error may repeat the password
        if is_split_wrongly(self._parts):
            raise InputError(complaints.bad_address())
        self._mask = mask_of(self._parts)
        self._parts.setdefault("connect_timeout", CONNECT_TIMEOUT)
        self._address = make_conninfo(address, connect_timeout=self._parts["connect_timeout"])
        self.schema = schema_of(project)
        where = [self._parts.get(name) for name in ("user", "host", "port", "dbname")]
        user, host, port, name = (None if part is None else str(part) for part in where)
        spot = f"{f'{user}@' if user else ''}{host or ''}{f':{port}' if port else ''}/{name or ''}"
        self.place = self._mask.text(f"postgresql://{spot}, schema {self.schema}")

    def connect(self) -> Connection:
        """A connection that commits each statement by itself and sees the project's schema alone.

        Raises:
            RunError: the database does not answer, or refuses.
        """
        try:
            connection = psycopg.connect(self._address, autocommit=True)
            connection.execute(
                "SELECT set_config('search_path', %s, false), set_config('lock_timeout', %s, false), "
                "set_config('statement_timeout', %s, false), set_config('synchronous_commit', 'on', false)",
                (sql.Identifier(self.schema).as_string(), LOCK_TIMEOUT, STATEMENT_TIMEOUT),
            )
        except psycopg.Error as error:
            raise RunError(complaints.unreachable(self.place, self.told(error))) from None
        return connection

    def told(self, error: BaseException) -> str:
        """What an error says, in one line and without the password."""
        return self._mask.text(" ".join(str(error).split()))

    @property
    def lock(self) -> int:
        """The number of the advisory lock that lets one writer in at a time."""
        digest = hashlib.sha256(f"penstock ledger {self.schema}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


def schema_of(project: str) -> str:
    """The schema of a project's ledger; a name that Postgres would cut off ends in a digest instead."""
    name = f"penstock_{project}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    start = name.encode()[: _LONGEST_NAME - 17].decode(errors="ignore")
    return f"{start}_{hashlib.sha256(project.encode()).hexdigest()[:16]}"


def open_schema(address: Address) -> Connection:
    """A connection to a ledger that has this Penstock's schema.

    Raises:
        LedgerDamagedError: the schema is a newer Penstock's, or somebody else's, or cannot be made.
        RunError: the database does not answer.
    """
    connection = address.connect()
    try:
        if _version(connection, address) != SCHEMA_VERSION:
            _migrate(connection, address)
    except psycopg.Error as error:
        connection.close()
        raise LedgerDamagedError(complaints.not_made(address.place, address.told(error))) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: Connection, address: Address) -> None:
    with connection.transaction():
        connection.execute(
            "SELECT set_config('statement_timeout', '0', true), pg_advisory_xact_lock(%s)", (address.lock,)
        )
        version = _version(connection, address)  # again: another process may have been quicker
        if version > SCHEMA_VERSION:
            raise LedgerDamagedError(complaints.newer(address.place, version, SCHEMA_VERSION))
        if version == 0:
            _make(connection, address)
        elif version < SCHEMA_VERSION:
            for number in range(version + 1, SCHEMA_VERSION + 1):
                connection.execute(schema_text(f"migrations/postgres/{number:04}.sql").encode())
            rebuild_state(PostgresDatabase(connection))
        connection.execute(
            "INSERT INTO penstock_schema (one, version) VALUES (1, %s) "
            "ON CONFLICT (one) DO UPDATE SET version = excluded.version",
            (SCHEMA_VERSION,),
        )


def _make(connection: Connection, address: Address) -> None:
    if _tables(connection, address.schema):
        raise LedgerDamagedError(complaints.foreign_schema(address.place))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(address.schema)))
    connection.execute(schema_text("postgres.sql").encode())


def _version(connection: Connection, address: Address) -> int:
    if "penstock_schema" not in _tables(connection, address.schema):
        return 0
    named = sql.Identifier(address.schema, "penstock_schema")
    row = connection.execute(sql.SQL("SELECT version FROM {}").format(named)).fetchone()
    return 0 if row is None else int(row[0])


def _tables(connection: Connection, schema: str) -> set[str]:
    """What a schema holds, by the catalog's rows: its name cache may not know yet what another session just made."""
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace AS space ON space.oid = relnamespace WHERE nspname = %s",
        (schema,),
    )
    return {str(name) for (name,) in rows}


def _sent(values: Sequence[Value | bytes]) -> tuple[Value | bytes, ...]:
    return tuple(
        [
            value.replace(_SHIFT, _SHIFTED_SHIFT).replace("\0", _SHIFTED_NUL)
            if isinstance(value, str) and ("\0" in value or _SHIFT in value)
            else value
            for value in values
        ]
    )


def _received(row: tuple[Any, ...]) -> tuple[Any, ...]:
    if not any(isinstance(value, str) and _SHIFT in value for value in row):
        return row
    return tuple(
        value.replace(_SHIFTED_NUL, "\0").replace(_SHIFTED_SHIFT, _SHIFT) if isinstance(value, str) else value
        for value in row
    )
