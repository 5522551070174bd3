"""Opens a project's ledger where `penstock.yaml` says it is: a file beneath the project, or a Postgres database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.adapters.ledger.stored import StoredLedger
    from penstock.model.pipelines import Settings

POSTGRES = "postgres"
LEDGER_VARIABLE = "PENSTOCK_LEDGER"
"""The environment variable that holds a Postgres ledger's address: it may hold a password, so no file does."""


def open_ledger(root: Path, settings: Settings, stamp: Callable[[], str]) -> StoredLedger:
    """The ledger; `stamp` gives the wall clock as it is recorded.

    Raises:
        InputError: its address or its driver is missing.
    """
    if settings.ledger != POSTGRES:
        from penstock.adapters.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - only when it is needed

        return SqliteLedger(root / settings.ledger, stamp)
    address = os.environ.get(LEDGER_VARIABLE)
    if not address:
        raise InputError(_no_address())
    from penstock.adapters.ledger.opening import open_postgres  # noqa: PLC0415 - only when it is needed

    return open_postgres(address, settings.name, stamp)


def _no_address() -> Finding:
    return Finding(
        code="ledger.no_address",
        message=f"the ledger is in Postgres, and {LEDGER_VARIABLE} does not say where",
        place=Place(file=SETTINGS_FILE, field="ledger"),
        expected=f"{LEDGER_VARIABLE}=postgresql://USER:PASSWORD@HOST/DATABASE in the environment",
        remedy="set the variable, or write `ledger: .penstock/ledger.db` for a ledger of this machine alone",
    )
