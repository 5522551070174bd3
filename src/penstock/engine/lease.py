"""Becoming the executor: a new token, shown to the ledger and to the target, before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.recovery import recover
from penstock.ledger.facts import LeaseTaken

if TYPE_CHECKING:
    from penstock.engine.ports import Warehouse
    from penstock.ledger.journal import Journal


def take_lease(journal: Journal, warehouse: Warehouse, holder: str) -> int:
    """The fencing token of a new executor; what a dead one left open is settled first."""
    token = max((int(row["token"] or 0) for row in journal.rows("leases")), default=0) + 1
    journal.append(LeaseTaken(name="executor", holder=holder, token=token))
    warehouse.fence(token)
    recover(journal, warehouse, token)
    return token
