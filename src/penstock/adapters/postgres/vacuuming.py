"""Writes tables anew without their deleted rows, which Postgres otherwise leaves in their pages for later reuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors

from penstock.adapters.postgres import views
from penstock.adapters.postgres.asking import kept
from penstock.engine.ports.relations import Compacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.postgres.server import Connection

QUARANTINE = "_penstock.quarantine"
_SIZE = b"SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) FROM unnest($1::text[]) AS name"


def rewrite(connection: Connection, relations: Sequence[str]) -> Compacted:
    """VACUUM FULL of these versions' tables and of what was put aside, one by one.

    Each is locked while it is written; one that somebody holds is left as it is.
    """
    names = {kept(relation): relation for relation in relations} | {QUARANTINE: QUARANTINE}
    before = _size(connection, list(names))
    left = []
    connection.execute(f"SET lock_timeout = '{views.LOCK_TIMEOUT}'".encode())
    try:
        for name, relation in names.items():
            try:
                connection.execute(f"VACUUM (FULL, ANALYZE) {name}".encode())
            except errors.LockNotAvailable:
                left.append(relation)
    finally:
        connection.execute(b"RESET lock_timeout")
    return Compacted(before=before, after=_size(connection, list(names)), left=tuple(left))


def _size(connection: Connection, names: Sequence[str]) -> int:
    row = connection.execute(_SIZE, [list(names)]).fetchone()
    return int(row[0]) if row else 0
