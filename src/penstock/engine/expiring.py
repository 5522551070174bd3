"""Deletes rows that are past their dataset's retention, from every version that holds some.

Invariants: the ledger knows the new horizon before the first row is deleted, so that no plan ever counts on rows that
may be gone; each version is one transaction at the target with an id of its own; what a crash left open is finished
before anything is built again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine.ports.relations import Expiry, Past
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.ledger.facts import ExpiryIntended, IntervalsExpired
from penstock.model.intervals import parse_moment, stamp
from penstock.plan.versions import Version

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.journal import Journal

INTENDED, EXPIRED = "intended", "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A dataset whose rows before a moment are to go, why, and which versions hold such, each with its column.

    `column` is the one that its rows are counted by from now on.
    """

    dataset: str
    before: datetime
    column: str
    why: str
    versions: tuple[tuple[Version, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What was deleted of a version."""

    dataset: str
    version: str
    rows: int
    quarantined: int


def expire(journal: Journal, warehouse: Warehouse, due: Due, *, by: str, token: int) -> tuple[Expired, ...]:
    """Move a dataset's horizon and delete what lies before it, recorded before and after.

    That the horizon never moves back is for the caller to see to.
    """
    versions = json.dumps([[version.fingerprint, version.relation, column] for version, column in due.versions])
    before = stamp(due.before)
    former = "".join(str(row["expiry"]) for row in journal.rows("horizons", dataset=due.dataset))
    parts = f"{token} {due.dataset} {before} {versions} {former}"  # rows may come again before the horizon has moved
    expiry = "e" + hashlib.sha256(parts.encode()).hexdigest()[:15]
    profiles = [
        [str(row["version"]), str(row["slice"])]
        for row in journal.rows("profiles", dataset=due.dataset)
        if row["end"] and parse_moment(str(row["end"])) <= due.before
    ]
    intent = ExpiryIntended(
        expiry=expiry,
        dataset=due.dataset,
        before=before,
        why=due.why,
        by=by,
        versions=versions,
        profiles=json.dumps(profiles),
        counted_by=due.column,
    )
    journal.append(intent, token=token)
    return tuple(
        _carry_out(journal, warehouse, intent, version, column, token=token) for version, column in due.versions
    )


def finish_expiries(journal: Journal, warehouse: Warehouse, token: int) -> tuple[str, ...]:
    """Carry out what a dead executor left between intent and record; one sentence for each version."""
    begun = journal.rows("expiries", state=INTENDED)
    tables = {holding.relation for holding in warehouse.holdings() if holding.rows is not None} if begun else set()
    notes = []
    for row in begun:
        name = str(row["dataset"])
        version = Version(dataset=name, fingerprint=str(row["version"]), relation=str(row["relation"]))
        intent = ExpiryIntended(
            expiry=str(row["expiry"]),
            dataset=name,
            before=str(row["before"]),
            why=str(row["why"]),
            by=str(row["asked_by"]),
            versions="[]",
        )
        column = str(row["cut_by"]) if version.relation in tables else None
        done = _carry_out(journal, warehouse, intent, version, column, token=token)
        notes.append(f"expiry {intent.expiry} of {name} at {version.fingerprint} was finished: {done.rows} row(s)")
    return tuple(notes)


def _carry_out(
    journal: Journal, warehouse: Warehouse, intent: ExpiryIntended, version: Version, column: str | None, *, token: int
) -> Expired:
    """Delete what is past of one version and record it; without a column there is no table any more, and nothing to."""
    gone = Past(rows=0, quarantined=0)
    if column is not None:
        expiry = Expiry(
            expiry=f"{intent.expiry}/{version.fingerprint}",
            dataset=intent.dataset,
            version=version.fingerprint,
            relation=version.relation,
            column=column,
            before=parse_moment(intent.before),
            token=token,
        )
        try:
            gone = warehouse.expire(expiry)
        except UnknownOutcomeError:  # it is done once, however often it is asked for
            gone = warehouse.expire(expiry)
    fact = IntervalsExpired(
        expiry=intent.expiry,
        dataset=intent.dataset,
        version=version.fingerprint,
        start=stamp(gone.first) if gone.first else "",
        before=intent.before,
        rows=gone.rows,
        quarantined=gone.quarantined,
        why=intent.why,
        by=intent.by,
    )
    journal.append(fact, token=token)
    return Expired(dataset=intent.dataset, version=version.fingerprint, rows=gone.rows, quarantined=gone.quarantined)
