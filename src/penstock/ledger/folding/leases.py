"""The tables made of `ledger/facts/leases.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.leases import LeaseReleased, LeaseTaken
from penstock.ledger.operations import put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "leases": (("name",), ("holder", "token")),
}  # fmt: skip


def _lease_taken(fact: LeaseTaken, _entry: Entry) -> tuple[Operation, ...]:
    return (put("leases", name=fact.name, holder=fact.holder, token=fact.token),)


def _lease_released(fact: LeaseReleased, _entry: Entry) -> tuple[Operation, ...]:
    return (put("leases", name=fact.name, holder=""),)


FOLDS: Folds = {
    LeaseTaken: _lease_taken,
    LeaseReleased: _lease_released,
}
