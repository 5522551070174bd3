"""Penstock's own tables at the target: made in one transaction, for one project, by Postgres 17 or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from penstock.adapters.postgres import quarantine, states
from penstock.adapters.postgres.server import Server
from penstock.model.errors import InputError, RunError
from penstock.model.findings import Finding
from penstock.plan.versions import VERSIONS_SCHEMA
from penstock.sql.carrying import MASKING, SUPPORT
from penstock.sql.postgres_types import COLLATION

if TYPE_CHECKING:
    from penstock.adapters.postgres.server import Connection

SETUP_VERSION = 1
OLDEST = 17
LOCK = 0x70656E73746F636B
"""The advisory lock of whoever changes what environments show, or makes these tables."""

_SETUP = f"""
CREATE SCHEMA IF NOT EXISTS {VERSIONS_SCHEMA};
CREATE SCHEMA IF NOT EXISTS _penstock;
CREATE TABLE _penstock.setup (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer, project text);
CREATE TABLE _penstock.ledger (
    publish_id text PRIMARY KEY, run text, dataset text, version text, row_count bigint, token bigint
);
CREATE TABLE _penstock.fence (one boolean PRIMARY KEY DEFAULT true CHECK (one), token bigint NOT NULL);
CREATE TABLE _penstock.swaps (promotion text PRIMARY KEY, environment text);
CREATE TABLE _penstock.environments (
    environment text, dataset text, version text, PRIMARY KEY (environment, dataset)
);
CREATE TABLE _penstock.branches (
    environment text, dataset text, version text, joined bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (environment, dataset, version)
);
INSERT INTO _penstock.fence (token) VALUES (0);
{quarantine.SETUP}
{states.SETUP}
{SUPPORT}
{MASKING}
"""


_MASKS = "SELECT to_regprocedure('_penstock.mask_domain(text)') IS NOT NULL"


def ensure_schema(server: Server, connection: Connection, project: str, *, read_only: bool) -> None:
    """Make what is missing, or say that it is.

    Raises:
        InputError: the database is another project's, or empty and only to be read.
        RunError: the server is too old, or the tables cannot be made.
    """
    if connection.info.server_version < OLDEST * 10_000:
        raise RunError(_too_old(server.place, connection.info.server_version // 10_000))
    try:
        found = _found(connection)
        if found is None and read_only:
            raise InputError(_nothing_built(server.place))
        if found is None:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock($1)", [LOCK])
                found = _found(connection)  # again: another process may have been quicker
                if found is None:
                    _make(connection, project)
        elif not read_only and found == (SETUP_VERSION, project):
            _complete(connection)
    except psycopg.Error as error:
        raise RunError(_unmakeable(server.place, server.told(error))) from error
    if found is not None and found != (SETUP_VERSION, project):
        raise InputError(_foreign(server.place, *found))


def is_made_at(address: str) -> bool:
    """Whether the database at an address holds a warehouse.

    Raises:
        InputError: the address is none.
        RunError: the database does not answer.
    """
    server = Server(address)
    try:
        with server.connection() as connection:
            return _found(connection) is not None
    finally:
        server.close()


def _make(connection: Connection, project: str) -> None:
    row = connection.execute("SELECT 1 FROM pg_collation WHERE collname = $1", [COLLATION]).fetchone()
    if row is None:
        raise psycopg.NotSupportedError(f"the database is not in UTF-8: it has no collation {COLLATION}")
    connection.execute(_SETUP.encode())
    connection.execute("INSERT INTO _penstock.setup (version, project) VALUES ($1, $2)", [SETUP_VERSION, project])


def _complete(connection: Connection) -> None:
    """Make what an older Penstock did not have: places for rows put aside and for states, masking functions."""
    made = ((quarantine.THERE, quarantine.SETUP), (states.THERE, states.SETUP), (_MASKS, MASKING))
    for asked, setup in made:
        there = connection.execute(asked.encode()).fetchone()
        if there is None or not there[0]:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock($1)", [LOCK])
                connection.execute(setup.encode())


def _found(connection: Connection) -> tuple[int, str] | None:
    there = connection.execute("SELECT to_regclass('_penstock.setup') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return None
    row = connection.execute("SELECT version, project FROM _penstock.setup").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1]))


def _too_old(where: str, version: int) -> Finding:
    return Finding(
        code="warehouse.too_old",
        message=f"the server at {where} is Postgres {version}",
        found=str(version),
        expected=f"Postgres {OLDEST} or later, which can sort text as DuckDB does",
        remedy="upgrade the server, or name another",
    )


def _unmakeable(where: str, said: str) -> Finding:
    return Finding(
        code="warehouse.unmakeable",
        message=f"the warehouse at {where} cannot be made or read: {said}",
        expected="a database in UTF-8 in which this user may create schemas",
        remedy="give the user the right to create in the database, or name another",
    )


def _foreign(where: str, version: int, project: str) -> Finding:
    return Finding(
        code="warehouse.foreign",
        message=f"the database at {where} is the warehouse of the project {project} (form {version})",
        found=f"{project}, form {version}",
        expected=f"a database of this project's own, form {SETUP_VERSION}",
        remedy="name another database: two projects would overwrite each other's schemas",
    )


def _nothing_built(where: str) -> Finding:
    return Finding(
        code="warehouse.empty",
        message=f"nothing has been built in the warehouse at {where} yet",
        expected="a warehouse that a run or a delivery has filled",
        remedy="`penstock run` builds the working tree into dev",
    )
