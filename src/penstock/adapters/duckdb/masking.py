"""Masking functions in a DuckDB database, and the key in the sessions that may hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.masking import TEST_KEY, MaskingSecret
from penstock.sql.masking_functions import INNER, OUTER, macros

if TYPE_CHECKING:
    import duckdb


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions, where they are not there yet; a file keeps them, so that its views can be read."""
    connection.execute(";\n".join(macros("main")))


def give_key(session: duckdb.DuckDBPyConnection, secret: MaskingSecret | None) -> None:
    """Let one session hash. Nothing of the key is written into the file or into a statement's text."""
    if secret is not None:
        session.execute(f"SET VARIABLE {INNER} = ?", [secret.inner])
        session.execute(f"SET VARIABLE {OUTER} = ?", [secret.outer])


def install_for_tests(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions in a database of made-up rows, which are hashed with a key that everybody knows."""
    install(connection)
    give_key(connection, MaskingSecret.of(TEST_KEY))
