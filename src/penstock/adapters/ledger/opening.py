"""Opens a team's ledger, or says which extra is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.adapters.ledger.postgres import PostgresLedger


def open_postgres(address: str, project: str, now: Callable[[], str]) -> PostgresLedger:
    """The ledger of a project in a Postgres database.

    Raises:
        InputError: the driver is not installed, or the address is none.
        LedgerDamagedError: the schema there is not one that this Penstock can use.
        RunError: the database does not answer.
    """
    try:
        from penstock.adapters.ledger.postgres import PostgresLedger  # noqa: PLC0415 - the driver is an extra
    except ImportError as error:
        raise InputError(_NO_DRIVER) from error
    return PostgresLedger(address, project, now)


_NO_DRIVER = Finding(
    code="ledger.no_driver",
    message="a ledger in Postgres needs the driver psycopg, which is not installed",
    expected="psycopg 3 with its client library",
    remedy=how_to_install("postgres"),
)
