"""The tables made of `ledger/facts/retention.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.ledger.facts.retention import ExpiryIntended, IntervalsExpired, RemovalIntended, VersionsRemoved
from penstock.ledger.operations import Drop, put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "removals": (("dataset", "version"), ("relation", "removal", "state", "asked_by", "at")),
    "horizons": (("dataset",), ("before", "counted_by", "expiry", "why", "asked_by", "at")),
    "expiries": (
        ("dataset", "version"),
        ("relation", "cut_by", "start", "before", "expiry", "state", "rows", "quarantined", "why", "asked_by", "at"),
    ),
}  # fmt: skip


def _removal_intended(fact: RemovalIntended, entry: Entry) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    for dataset, version, relation in json.loads(fact.versions):
        equal = {"dataset": dataset, "version": version}
        tables = ("coverage", "profiles", "stale", "arrivals", "versions")
        operations += [Drop(table=table, equal=equal) for table in tables]
        operations.append(
            put(
                "removals", dataset=dataset, version=version, relation=relation, removal=fact.removal,
                state="intended", asked_by=fact.by, at=entry.at,
            )
        )  # fmt: skip
    return tuple(operations)


def _versions_removed(fact: VersionsRemoved, entry: Entry) -> tuple[Operation, ...]:
    ends = (("removed", fact.versions), ("left", fact.left))
    return tuple(
        put("removals", dataset=dataset, version=version, state=state, at=entry.at)
        for state, versions in ends
        for dataset, version in json.loads(versions)
    )


def _expiry_intended(fact: ExpiryIntended, entry: Entry) -> tuple[Operation, ...]:
    horizon = put(
        "horizons", dataset=fact.dataset, before=fact.before, counted_by=fact.counted_by, expiry=fact.expiry,
        why=fact.why, asked_by=fact.by, at=entry.at,
    )  # fmt: skip
    begun = [
        put(
            "expiries", dataset=fact.dataset, version=version, relation=relation, cut_by=column, start="",
            before=fact.before, expiry=fact.expiry, state="intended", rows=None, quarantined=None, why=fact.why,
            asked_by=fact.by, at=entry.at,
        )
        for version, relation, column in json.loads(fact.versions)
    ]  # fmt: skip
    forgotten = [
        Drop(table="profiles", equal={"dataset": fact.dataset, "version": version, "slice": slice_})
        for version, slice_ in json.loads(fact.profiles)
    ]
    return (horizon, *begun, *forgotten)


def _intervals_expired(fact: IntervalsExpired, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "expiries", dataset=fact.dataset, version=fact.version, start=fact.start, before=fact.before,
        expiry=fact.expiry, state="expired", rows=fact.rows, quarantined=fact.quarantined, why=fact.why,
        asked_by=fact.by, at=entry.at,
    )  # fmt: skip
    return (row,)


FOLDS: Folds = {
    RemovalIntended: _removal_intended,
    VersionsRemoved: _versions_removed,
    ExpiryIntended: _expiry_intended,
    IntervalsExpired: _intervals_expired,
}
