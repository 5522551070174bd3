"""Opens a warehouse in Postgres, or says which extra is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from penstock.adapters.postgres.warehouse import PostgresWarehouse
    from penstock.model.masking import MaskingSecret


def open_postgres_warehouse(
    address: str, project: str, *, read_only: bool = False, masking: MaskingSecret | None = None
) -> PostgresWarehouse:
    """The warehouse of a project in a Postgres database, which is the project's alone; `masking` is for its sessions.

    Raises:
        InputError: the driver is not installed, the address is none, the database is another project's, or nothing
            has been built and it is only to be read.
        RunError: the database does not answer, or is too old.
    """
    try:
        from penstock.adapters.postgres.warehouse import PostgresWarehouse  # noqa: PLC0415 - the driver is an extra
    except ImportError as error:
        raise InputError(_NO_DRIVER) from error
    return PostgresWarehouse(address, project, read_only=read_only, masking=masking)


def is_made(address: str) -> bool:
    """Whether a database holds a warehouse.

    Raises:
        InputError: the driver is not installed, or the address is none.
        RunError: the database does not answer.
    """
    try:
        from penstock.adapters.postgres.schema import is_made_at  # noqa: PLC0415 - as above
    except ImportError as error:
        raise InputError(_NO_DRIVER) from error
    return is_made_at(address)


_NO_DRIVER = Finding(
    code="warehouse.no_driver",
    message="a warehouse in Postgres needs the driver psycopg, which is not installed",
    expected="psycopg 3 with its client library",
    remedy=how_to_install("postgres"),
)
