"""How far connectors got, version by version: changed within the transaction that publishes their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters import state_findings
from penstock.adapters.postgres.asking import kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.adapters.postgres.server import Connection
    from penstock.engine.ports.publishing import Publication
    from penstock.plan.versions import Version

SETUP = """
CREATE TABLE IF NOT EXISTS _penstock.states (
    dataset text, version text, state text, publish_id text, PRIMARY KEY (dataset, version)
);
"""
THERE = "SELECT to_regclass('_penstock.states') IS NOT NULL"
_READ = b"SELECT state FROM _penstock.states WHERE dataset = $1 AND version = $2"
_HOLD = b"SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_FORGET = b"""
DELETE FROM _penstock.states AS held USING unnest($1::text[], $2::text[]) AS gone (dataset, version)
WHERE held.dataset = gone.dataset AND held.version = gone.version
"""
_KEEP = b"""
INSERT INTO _penstock.states VALUES ($1, $2, $3, $4)
ON CONFLICT (dataset, version) DO UPDATE SET state = excluded.state, publish_id = excluded.publish_id
"""


def read(connection: Connection, dataset: str, version: str) -> str | None:
    """The state of a version; None if there is none."""
    row = connection.execute(_READ, [dataset, version]).fetchone()
    return None if row is None else str(row[0])


def change(connection: Connection, publication: Publication) -> None:
    """Put the state after in the place of the one before; what was read from the beginning finds an empty table.

    One transaction at a time does so for a version: the next one sees what this one left.

    Raises:
        TransientError: the state is another one by now.
    """
    if publication.state is None:
        return
    owner = [publication.dataset, publication.version]
    connection.execute(_HOLD, [f"{publication.dataset} {publication.version}"])
    if read(connection, *owner) != publication.state.before:
        raise state_findings.moved(publication)
    if publication.state.replaces_all:
        connection.execute(f"DELETE FROM {kept(publication.relation)}".encode())
    if publication.state.after is None:
        connection.execute(b"DELETE FROM _penstock.states WHERE dataset = $1 AND version = $2", owner)
    else:
        connection.execute(_KEEP, [*owner, publication.state.after, publication.publish_id])


def forget(connection: Connection, versions: Sequence[Version]) -> None:
    """Drop the states of versions that are dropped."""
    pairs = [[version.dataset for version in versions], [version.fingerprint for version in versions]]
    connection.execute(_FORGET, pairs)
