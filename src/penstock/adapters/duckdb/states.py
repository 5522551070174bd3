"""How far connectors got, version by version: changed within the transaction that publishes their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters import state_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from penstock.engine.ports.publishing import Publication
    from penstock.plan.versions import Version

SETUP = """
CREATE TABLE IF NOT EXISTS _penstock.states (
    dataset VARCHAR, version VARCHAR, state VARCHAR, publish_id VARCHAR, PRIMARY KEY (dataset, version)
);
"""
_READ = "SELECT state FROM _penstock.states WHERE dataset = ? AND version = ?"


def read(cursor: duckdb.DuckDBPyConnection, dataset: str, version: str) -> str | None:
    """The state of a version; None if there is none."""
    row = cursor.execute(_READ, [dataset, version]).fetchone()
    return None if row is None else str(row[0])


def change(cursor: duckdb.DuckDBPyConnection, publication: Publication) -> None:
    """Put the state after in the place of the one before; what was read from the beginning finds an empty table.

    Raises:
        TransientError: the state is another one by now.
    """
    if publication.state is None:
        return
    owner = [publication.dataset, publication.version]
    if read(cursor, *owner) != publication.state.before:
        raise state_findings.moved(publication)
    if publication.state.replaces_all:
        cursor.execute(f"DELETE FROM {publication.relation}")
    if publication.state.after is None:
        cursor.execute("DELETE FROM _penstock.states WHERE dataset = ? AND version = ?", owner)
    else:
        values = [*owner, publication.state.after, publication.publish_id]
        cursor.execute("INSERT OR REPLACE INTO _penstock.states VALUES (?, ?, ?, ?)", values)


def forget(cursor: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    """Drop the states of versions that are dropped."""
    cursor.execute(
        "DELETE FROM _penstock.states AS held "
        "USING (SELECT unnest($datasets) AS dataset, unnest($versions) AS version) AS gone "
        "WHERE held.dataset = gone.dataset AND held.version = gone.version",
        {
            "datasets": [version.dataset for version in versions],
            "versions": [version.fingerprint for version in versions],
        },
    )
