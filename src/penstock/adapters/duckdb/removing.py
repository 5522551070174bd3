"""Takes dataset versions out of the file, within an open transaction, and says what lies there.

DuckDB drops a table that views read without a word, so that what reads it is looked for here: a view reads whatever its
text names, which may be too much, and never too little.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.duckdb import quarantine, states
from penstock.engine.ports.relations import Holding
from penstock.plan.versions import VERSIONS_SCHEMA
from penstock.sql.identifiers import literal, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.plan.versions import Version

COUNTED_AT_ONCE = 200
"""Tables in one statement that counts rows."""
_TABLES = "SELECT schema_name, table_name, NULL FROM duckdb_tables() WHERE database_name = current_database()"
_VIEWS = (
    "SELECT schema_name, view_name, lower(sql) FROM duckdb_views() "
    "WHERE NOT internal AND database_name = current_database()"
)


@dataclass(frozen=True, slots=True)
class _Relation:
    """A table, or a view with its text, by the catalog's word."""

    schema: str
    name: str
    sql: str | None

    @property
    def quoted(self) -> str:
        return table(self.schema, self.name)

    @property
    def holds_version(self) -> bool:
        return self.schema == VERSIONS_SCHEMA


def holdings(cursor: duckdb.DuckDBPyConnection) -> tuple[Holding, ...]:
    """Every relation of the versions' schema, and every view elsewhere that reads one."""
    catalog = _catalog(cursor)
    reads = _reads(catalog)
    held = [relation for relation in catalog if relation.holds_version or reads.get(relation.quoted)]
    rows = _count(cursor, [relation.quoted for relation in held if relation.sql is None])
    return tuple(
        Holding(
            relation=relation.quoted,
            rows=rows.get(relation.quoted),
            reads=reads.get(relation.quoted, ()),
            is_version=relation.holds_version,
        )
        for relation in sorted(held, key=lambda relation: relation.quoted)
    )


def drop(cursor: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> frozenset[str]:
    """Drop these versions' relations and publish ids, but not those that something else reads; which are gone."""
    catalog = {relation.quoted: relation for relation in _catalog(cursor)}
    wanted = {version.relation for version in versions}
    gone = wanted - _read_from_outside(wanted, _reads(list(catalog.values())))
    for name in sorted(gone & catalog.keys()):
        cursor.execute(f"DROP {'TABLE' if catalog[name].sql is None else 'VIEW'} {name}")
    forgotten = [version for version in versions if version.relation in gone]
    cursor.execute(
        "DELETE FROM _penstock.ledger AS held "
        "USING (SELECT unnest($datasets) AS dataset, unnest($versions) AS version) AS gone "
        "WHERE held.dataset = gone.dataset AND held.version = gone.version",
        {
            "datasets": [version.dataset for version in forgotten],
            "versions": [version.fingerprint for version in forgotten],
        },
    )
    quarantine.forget(cursor, forgotten)
    states.forget(cursor, forgotten)
    return frozenset(gone)


def used_bytes(cursor: duckdb.DuckDBPyConnection) -> int:
    """How much of the file is in use, once what was dropped is given back to it."""
    with suppress(duckdb.TransactionException):  # somebody reads: then it is given back later
        cursor.execute("CHECKPOINT")
    row = cursor.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()"
    ).fetchone()
    return int(row[0]) if row else 0


def _catalog(cursor: duckdb.DuckDBPyConnection) -> list[_Relation]:
    return [_Relation(*row) for row in cursor.execute(f"{_TABLES} UNION ALL {_VIEWS}").fetchall()]


def _reads(relations: Sequence[_Relation]) -> dict[str, tuple[str, ...]]:
    """Each view, with the versions' relations that its text names."""
    versions = [(relation.name.lower(), relation.quoted) for relation in relations if relation.holds_version]
    views = [relation for relation in relations if relation.sql is not None]
    return {
        view.quoted: tuple(
            sorted(quoted for name, quoted in versions if name in str(view.sql) and quoted != view.quoted)
        )
        for view in views
    }


def _read_from_outside(wanted: set[str], reads: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Those of the wanted that a view reads which stays, and those that these read themselves."""
    kept: set[str] = set()
    readers = [view for view in reads if view not in wanted]
    while readers:
        fresh = {name for name in reads.get(readers.pop(), ()) if name in wanted} - kept
        kept |= fresh
        readers += fresh
    return kept


def _count(cursor: duckdb.DuckDBPyConnection, relations: Sequence[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for start in range(0, len(relations), COUNTED_AT_ONCE):
        names = relations[start : start + COUNTED_AT_ONCE]
        sql = " UNION ALL ".join(f"SELECT {literal(name)}, count(*) FROM {name}" for name in names)
        rows: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
        counted |= {str(name): int(count) for name, count in rows}
    return counted
