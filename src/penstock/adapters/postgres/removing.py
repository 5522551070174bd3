"""Takes dataset versions out of the database, within an open transaction, and says what lies there.

Postgres itself knows what reads a relation, and refuses to drop it: that refusal is what keeps a version here.
"""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from psycopg import errors

from penstock.adapters.postgres import quarantine, states, views
from penstock.adapters.postgres.asking import kept
from penstock.engine.ports.relations import Holding
from penstock.plan.versions import VERSIONS_SCHEMA, relation_of
from penstock.sql.identifiers import literal, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.adapters.postgres.server import Connection
    from penstock.plan.versions import Version

AT_ONCE = 200
"""Relations in one statement that counts rows, or one transaction that drops them: the server's locks are bounded."""
_RELATIONS = b"""
SELECT nspname::text, relname::text, relkind::text FROM pg_catalog.pg_class
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm')
"""
_READS = b"""
SELECT DISTINCT reading.nspname::text, reader.relname::text, read.relname::text
FROM pg_catalog.pg_depend
JOIN pg_catalog.pg_rewrite ON pg_rewrite.oid = objid AND ev_class <> refobjid
JOIN pg_catalog.pg_class AS reader ON reader.oid = ev_class
JOIN pg_catalog.pg_namespace AS reading ON reading.oid = reader.relnamespace
JOIN pg_catalog.pg_class AS read ON read.oid = refobjid
JOIN pg_catalog.pg_namespace AS held ON held.oid = read.relnamespace
WHERE classid = 'pg_catalog.pg_rewrite'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass
AND held.nspname = $1
"""
_KNOWING = b"""
SELECT environment, dataset, array_agg(branches.version ORDER BY joined)
FROM _penstock.branches JOIN _penstock.environments AS shown USING (environment, dataset)
JOIN unnest($1::text[], $2::text[]) AS gone (dataset, version) USING (dataset)
WHERE branches.version = gone.version AND branches.version <> shown.version
GROUP BY environment, dataset ORDER BY environment, dataset
"""
_FORGET = b"""
DELETE FROM _penstock.ledger AS held USING unnest($1::text[], $2::text[]) AS gone (dataset, version)
WHERE held.dataset = gone.dataset AND held.version = gone.version
"""
_KINDS = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one try to drop versions came to: the relations that are gone with the bytes that they took.

    `held` is the refusal of a lock that somebody else holds, if there was one: another try may drop more.
    """

    gone: Mapping[str, int]
    held: errors.LockNotAvailable | None


def holdings(connection: Connection) -> tuple[Holding, ...]:
    """Every relation of the versions' schema, and every view elsewhere that reads one.

    Of an environment's view only the version that it shows counts as read: the others it can forget.
    """
    names = _names(connection)
    kinds = _kinds(connection)
    reads = _reads(connection)
    shown = _shown(connection)
    rows = _count(connection, [name for name, kind in kinds.items() if kind in {"r", "p"}])
    found = [
        Holding(
            relation=names.get(name, name),
            rows=rows.get(name),
            reads=tuple(sorted(names.get(read, read) for read in reads.get(name, set()) & shown.get(name, {*kinds}))),
            is_version=name in kinds,
        )
        for name in kinds.keys() | reads.keys()
    ]
    return tuple(sorted(found, key=lambda holding: holding.relation))


def knowing(connection: Connection, versions: Sequence[Version]) -> list[tuple[str, str, frozenset[str]]]:
    """The environments and datasets whose views know these versions and show another one; and which they know."""
    found = connection.execute(_KNOWING, _pairs(versions)).fetchall()
    return [(str(environment), str(dataset), frozenset(known)) for environment, dataset, known in found]


def in_order(connection: Connection, versions: Sequence[Version]) -> list[tuple[Version, ...]]:
    """The versions in portions that are dropped together, those that read others first."""
    wanted = {kept(version.relation): version for version in versions}
    graph: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(wanted), ()))
    for reader, read in _reads(connection).items():
        if reader in wanted:
            for name in read & wanted.keys():
                graph.add(name, reader)
    order = [wanted[name] for name in graph.static_order()]
    return [tuple(order[start : start + AT_ONCE]) for start in range(0, len(order), AT_ONCE)]


def drop(connection: Connection, versions: Sequence[Version]) -> Tried:
    """Drop what nothing else reads, in the order given, and forget its publish ids."""
    gone: dict[str, int] = {}
    held = None
    for version in versions:
        try:
            with connection.transaction():
                gone[version.relation] = _drop(connection, version)
        except errors.LockNotAvailable as error:
            held = error
        except errors.DependentObjectsStillExist:
            continue
    forgotten = [version for version in versions if version.relation in gone]
    connection.execute(_FORGET, _pairs(forgotten))
    quarantine.forget(connection, forgotten)
    states.forget(connection, forgotten)
    return Tried(gone=gone, held=held)


def _drop(connection: Connection, version: Version) -> int:
    """Drop one relation, if it is there; the bytes that it took."""
    name = kept(version.relation)
    row = connection.execute(
        b"SELECT relkind::text, pg_total_relation_size(oid) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)",
        [name],
    ).fetchone()
    if row is None:
        return 0
    connection.execute(f"DROP {_KINDS[row[0]]} {name}".encode())
    return int(row[1] or 0)


def _pairs(versions: Sequence[Version]) -> list[list[str]]:
    return [[version.dataset for version in versions], [version.fingerprint for version in versions]]


def _kinds(connection: Connection) -> dict[str, str]:
    """The relations of the versions' schema under the names by which Postgres keeps them, with their kinds."""
    rows = connection.execute(_RELATIONS, [VERSIONS_SCHEMA]).fetchall()
    return {table(schema, name): kind for schema, name, kind in rows}


def _reads(connection: Connection) -> Mapping[str, set[str]]:
    """Each view, with the versions' relations that it reads."""
    found: dict[str, set[str]] = {}
    for schema, name, read in connection.execute(_READS, [VERSIONS_SCHEMA]).fetchall():
        found.setdefault(table(schema, name), set()).add(table(VERSIONS_SCHEMA, read))
    return found


def _names(connection: Connection) -> Mapping[str, str]:
    """What the plan calls the relations that Postgres keeps under another name."""
    rows = connection.execute(
        b"SELECT dataset, version FROM _penstock.ledger UNION SELECT dataset, version FROM _penstock.environments"
    ).fetchall()
    return {kept(relation): relation for relation in (relation_of(*row) for row in rows)}


def _shown(connection: Connection) -> Mapping[str, set[str]]:
    """Each environment's view, with the version that it shows."""
    rows = connection.execute(b"SELECT environment, dataset, version FROM _penstock.environments").fetchall()
    return {
        views.environment_view(dataset, environment): {kept(relation_of(dataset, version))}
        for environment, dataset, version in rows
    }


def _count(connection: Connection, relations: Sequence[str]) -> dict[str, int]:
    return {name: count for some in _portions(relations) for name, count in connection.execute(some).fetchall()}


def _portions(relations: Sequence[str]) -> Iterator[bytes]:
    for start in range(0, len(relations), AT_ONCE):
        names = relations[start : start + AT_ONCE]
        yield " UNION ALL ".join(f"SELECT {literal(name)}, count(*) FROM {name}" for name in names).encode()
