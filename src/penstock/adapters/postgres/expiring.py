"""Deletes what is past its time from a version and from what was put aside of it, within an open transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from penstock.adapters.expired_texts import ASIDE, ISO_DATE, said_before, sortable
from penstock.adapters.postgres import quarantine
from penstock.adapters.postgres.asking import kept
from penstock.engine.ports.relations import Past
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.postgres.server import Connection
    from penstock.engine.ports.relations import Expiry

_SAID = "(row_json::json ->> $4::text)"
_QUARANTINED = f"""
FROM _penstock.quarantine WHERE dataset = $1 AND version = $2 AND CASE
    WHEN moment IS NOT NULL THEN moment < CAST($3 AS timestamp)
    WHEN interval_end IS NOT NULL THEN interval_end <= CAST($3 AS timestamp)
    WHEN {_SAID} ~ {literal(ISO_DATE)} THEN {said_before(_SAID)} COLLATE "C" < $5
    ELSE recorded_at <> '' AND recorded_at COLLATE "C" < $6
END
"""


def past(connection: Connection, expiry: Expiry) -> Past:
    """What lies before the moment, in the version and aside."""
    column = quote(expiry.column)
    rows, undated, first = _row(
        connection,
        f"SELECT count(*) FILTER (WHERE {column} < CAST($1 AS timestamp)), count(*) FILTER (WHERE {column} IS NULL), "
        f"min(CAST({column} AS timestamp)) FILTER (WHERE {column} < CAST($1 AS timestamp)) "
        f"FROM {kept(expiry.relation)}",
        [expiry.before.replace(tzinfo=None)],
    )
    aside = quarantine.is_there(connection)
    quarantined = _row(connection, f"SELECT count(*) {_QUARANTINED}", _values(expiry))[0] if aside else 0
    return Past(rows=rows, quarantined=quarantined, first=first.replace(tzinfo=UTC) if first else None, undated=undated)


def expire(connection: Connection, expiry: Expiry) -> Past:
    """Delete it and keep the id; what was deleted. Done before, it only says so."""
    ids = [expiry.expiry, expiry.expiry + ASIDE]
    found = connection.execute(
        b"SELECT publish_id, row_count FROM _penstock.ledger WHERE publish_id = ANY($1::text[])", [ids]
    )
    known = {str(name): int(rows) for name, rows in found.fetchall()}
    if known:
        return Past(rows=known[ids[0]], quarantined=known[ids[1]])
    seen = past(connection, expiry)
    made = connection.execute(
        f"DELETE FROM {kept(expiry.relation)} WHERE {quote(expiry.column)} < CAST($1 AS timestamp)".encode(),
        [expiry.before.replace(tzinfo=None)],
    ).rowcount
    aside = connection.execute(f"DELETE {_QUARANTINED}".encode(), _values(expiry)).rowcount
    for name, rows in zip(ids, (made, aside), strict=True):
        connection.execute(
            b"INSERT INTO _penstock.ledger (publish_id, run, dataset, version, row_count, token) "
            b"VALUES ($1, $2, $3, $4, $5, $6)",
            [name, expiry.expiry, expiry.dataset, expiry.version, rows, expiry.token],
        )
    return replace(seen, rows=made, quarantined=aside)


def _values(expiry: Expiry) -> list[object]:
    return [
        expiry.dataset,
        expiry.version,
        expiry.before.replace(tzinfo=None),
        expiry.column,
        sortable(expiry.before),
        expiry.before.isoformat(),
    ]


def _row(connection: Connection, sql: str, values: Sequence[object]) -> tuple[Any, ...]:
    row = connection.execute(sql.encode(), values).fetchone()
    assert row is not None  # noqa: S101 - it counts
    return row
