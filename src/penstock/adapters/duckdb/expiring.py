"""Deletes what is past its time from a version and from what was put aside of it, within an open transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb import quarantine
from penstock.adapters.expired_texts import ASIDE, ISO_DATE, said_before, sortable
from penstock.engine.ports.relations import Past
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    import duckdb

    from penstock.engine.ports.relations import Expiry

_SAID = "json_extract_string(row_json, $path)"
_QUARANTINED = f"""
FROM _penstock.quarantine WHERE dataset = $dataset AND version = $version AND CASE
    WHEN moment IS NOT NULL THEN moment < $before::TIMESTAMP
    WHEN interval_end IS NOT NULL THEN interval_end <= $before::TIMESTAMP
    WHEN regexp_matches({_SAID}, {literal(ISO_DATE)}) THEN {said_before(_SAID)} < $said
    ELSE recorded_at <> '' AND recorded_at < $recorded
END
"""


def past(cursor: duckdb.DuckDBPyConnection, expiry: Expiry) -> Past:
    """What lies before the moment, in the version and aside."""
    column = quote(expiry.column)
    rows, undated, first = _row(
        cursor,
        f"SELECT count(*) FILTER (WHERE {column} < $before::TIMESTAMP), count(*) FILTER (WHERE {column} IS NULL), "
        f"min(CAST({column} AS TIMESTAMP)) FILTER (WHERE {column} < $before::TIMESTAMP) FROM {expiry.relation}",
        {"before": expiry.before.replace(tzinfo=None)},
    )
    aside = quarantine.is_there(cursor)
    quarantined = _row(cursor, f"SELECT count(*) {_QUARANTINED}", _values(expiry))[0] if aside else 0
    return Past(rows=rows, quarantined=quarantined, first=first.replace(tzinfo=UTC) if first else None, undated=undated)


def expire(cursor: duckdb.DuckDBPyConnection, expiry: Expiry) -> Past:
    """Delete it and keep the id; what was deleted. Done before, it only says so."""
    ids = [expiry.expiry, expiry.expiry + ASIDE]
    found = cursor.execute("SELECT publish_id, row_count FROM _penstock.ledger WHERE publish_id IN ($1, $2)", ids)
    known = dict(found.fetchall())
    if known:
        return Past(rows=known[ids[0]], quarantined=known[ids[1]])
    seen = past(cursor, expiry)
    before: dict[str, object] = {"before": expiry.before.replace(tzinfo=None)}
    made = _row(cursor, f"DELETE FROM {expiry.relation} WHERE {quote(expiry.column)} < $before::TIMESTAMP", before)
    aside = _row(cursor, f"DELETE {_QUARANTINED}", _values(expiry))
    for name, rows in zip(ids, (made[0], aside[0]), strict=True):
        cursor.execute(
            "INSERT INTO _penstock.ledger VALUES (?, ?, ?, ?, ?, ?)",
            [name, expiry.expiry, expiry.dataset, expiry.version, rows, expiry.token],
        )
    return replace(seen, rows=made[0], quarantined=aside[0])


def _values(expiry: Expiry) -> dict[str, object]:
    name = expiry.column.replace("\\", "\\\\").replace('"', '\\"')
    return {
        "dataset": expiry.dataset,
        "version": expiry.version,
        "before": expiry.before.replace(tzinfo=None),
        "path": f'$."{name}"',
        "said": sortable(expiry.before),
        "recorded": expiry.before.isoformat(),
    }


def _row(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, object]) -> tuple[Any, ...]:
    row = cursor.execute(sql, values).fetchone()
    assert row is not None  # noqa: S101 - it counts
    return row
