"""The slot of a dataset's version on a Postgres server: what may be read through it, and how far it keeps the log.

Invariant: a slot is moved only to where the warehouse has published the rows; it is dropped only where nothing was.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.databases import change_findings as findings
from penstock.adapters.databases.postgres import relation
from penstock.model.errors import TaskError
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from penstock.adapters.databases.arrow import ArrowConnection
    from penstock.model.databases import DatabaseSource
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset

PREFIX = "penstock"
HOME = "installation"
"""The file of the state's folder that tells this installation's slots from those of others."""
OLDEST = 150000
_TABLE = """
SELECT c.oid::bigint, c.relkind::text, c.relpersistence::text, c.relreplident::text, row_security_active(c.oid),
       EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = c.oid), n.nspname::text, c.relname::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass({0})
"""
_COLUMNS = """
SELECT attname::text, attnum::int, atttypid::bigint, atttypmod, attnotnull, attgenerated::text
FROM pg_catalog.pg_attribute WHERE attrelid = {0} AND attnum > 0 AND NOT attisdropped
"""
_INDEXES = """
SELECT i.indisprimary, i.indisreplident, (
  SELECT json_agg(a.attname)::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts)
FROM pg_catalog.pg_index i
WHERE i.indrelid = {0} AND i.indisunique AND i.indimmediate AND i.indisvalid AND NOT i.indisexclusion
  AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_PUBLICATION = """
SELECT p.oid::bigint, p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate,
       coalesce((SELECT r.oid FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid),
                (SELECT s.oid FROM pg_catalog.pg_publication_namespace s
                 WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace), 0)::bigint,
       t.rowfilter IS NOT NULL, to_json(t.attnames)::text
FROM pg_catalog.pg_publication p CROSS JOIN pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_publication_tables t
  ON t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname
WHERE p.pubname = {0} AND c.oid = {1}
"""
_SLOTS = """
SELECT s.slot_name::text, s.plugin::text, s.database::text, coalesce(s.wal_status, '')::text, s.active,
       coalesce(to_jsonb(s) ->> 'invalidation_reason', '')::text,
       coalesce((s.confirmed_flush_lsn - '0/0'::pg_lsn)::bigint, -1),
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                     ELSE pg_current_wal_lsn() END, s.restart_lsn)::bigint, -1),
       s.database = current_database()
FROM pg_catalog.pg_replication_slots s WHERE s.slot_type = 'logical' AND {0} ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot as the server tells of it: where it was confirmed (-1: nowhere), and how many bytes of log it keeps."""

    name: str
    plugin: str
    database: str
    status: str
    is_active: bool
    invalid_because: str
    confirmed: int
    bytes_kept: int
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the rows of a stream are of: the table, its declared columns, and what publishes it.

    `columns` maps each to its number, its type and that type's modifier, as the catalog has them; `publication` are the
    object ids of a publication and of its entry for the table. Another value of one of these is another table.
    """

    table: int
    columns: Mapping[str, tuple[int, int, int]]
    publication: tuple[int, int]

    def said(self) -> dict[str, object]:
        """The same as the state holds it."""
        columns = {name: list(parts) for name, parts in self.columns.items()}
        return {"table": self.table, "columns": columns, "publication": list(self.publication)}


def home_of(state: Path) -> str:
    """What tells this installation's slots from those of others on the same server; made once."""
    path = state / HOME
    with suppress(FileNotFoundError):
        found = path.read_text(encoding="ascii").strip()
        if re.fullmatch(r"[0-9a-f]{8}", found):
            return found
    state.mkdir(parents=True, exist_ok=True)
    made = secrets.token_hex(4)
    path.write_text(f"{made}\n", encoding="ascii")
    return made


def slot_name(source: DatabaseSource, dataset: str, version: str, home: str) -> str:
    """The name of a version's slot, at most 63 letters, digits and `_`."""
    prefix = (source.changes.slot if source.changes else "") or PREFIX
    plain = re.sub(r"[^a-z0-9]+", "_", dataset.lower())[:12].strip("_")
    return f"{prefix}_{home}_{plain}_{hashlib.sha256(f'{dataset} {version}'.encode()).hexdigest()[:10]}"


def publication_name(source: DatabaseSource) -> str:
    """The publication that shows the table's changes: the one that is named, or one of the table's own."""
    named = source.changes.publication if source.changes else ""
    if named:
        return named
    plain = re.sub(r"[^a-z0-9]+", "_", source.table.lower())[:40].strip("_")
    return f"{PREFIX}_{plain}_{hashlib.sha256(source.table.encode()).hexdigest()[:8]}"


def watched(connection: ArrowConnection, dataset: Dataset, source: DatabaseSource, *, makes: bool) -> Watched:
    """What is read, once it is sure that every change of it can be told; with `makes` a publication is made for it.

    Raises:
        TaskError: some could not be; all that is wrong with the server, or with the table, at once.
    """
    wrong = tuple(_server_faults(connection, dataset))
    if wrong:
        raise TaskError(wrong)
    found = connection.rows(_TABLE.format(literal(relation(source))))
    if not found:
        raise TaskError(findings.no_table(dataset, source))
    table, wrong = int(found[0][0]), tuple(_table_faults(dataset, source, found[0]))
    if wrong:
        raise TaskError(wrong)
    columns = {str(row[0]): row[1:] for row in connection.rows(_COLUMNS.format(table))}
    wrong = (
        *_column_faults(dataset, source, columns),
        *_key_faults(connection, dataset, source, str(found[0][3]), columns, table),
    )
    if wrong:
        raise TaskError(wrong)
    publication = _publication(connection, dataset, source, table, makes=makes)
    declared = {name: (int(columns[name][0]), int(columns[name][1]), int(columns[name][2])) for name in source.types}
    return Watched(table=table, columns=declared, publication=publication)


def _server_faults(connection: ArrowConnection, dataset: Dataset) -> Iterator[Finding]:
    asked = "SELECT current_setting('wal_level'), pg_is_in_recovery(), current_setting('server_version_num')::int"
    level, is_standby, version = connection.rows(asked)[0]
    if int(version) < OLDEST:
        yield findings.too_old(dataset, int(version))
    if level != "logical":
        yield findings.no_logical_log(dataset, str(level))
    if is_standby:
        yield findings.standby(dataset)


def _table_faults(dataset: Dataset, source: DatabaseSource, row: tuple[Any, ...]) -> Iterator[Finding]:
    kind, persistence, identity, is_filtered, has_heirs = row[1:6]
    if kind != "r" or persistence != "p":
        yield findings.no_plain_table(dataset, source, str(kind), str(persistence))
    if has_heirs:
        yield findings.inherited(dataset, source)
    if is_filtered:
        yield findings.row_security(dataset, source)
    if identity == "n":
        yield findings.no_identity(dataset, source)


def _column_faults(
    dataset: Dataset, source: DatabaseSource, columns: Mapping[str, tuple[Any, ...]]
) -> Iterator[Finding]:
    for name in source.types:
        if name in columns and columns[name][4]:
            yield findings.generated(dataset, source, name)


def _key_faults(
    connection: ArrowConnection,
    dataset: Dataset,
    source: DatabaseSource,
    identity: str,
    columns: Mapping[str, tuple[Any, ...]],
    table: int,
) -> Iterator[Finding]:
    """The key must tell rows apart at every moment, and every change must say it."""
    key = set(dataset.key)
    empty = [name for name in dataset.key if name in columns and not columns[name][3]]
    unique, identified = [], set[str]()
    for is_primary, is_identity, names in connection.rows(_INDEXES.format(table)):
        held = set(json.loads(names or "[]"))
        unique.append(held)
        if (identity == "d" and is_primary) or (identity == "i" and is_identity):
            identified = held
    if empty or key not in unique:
        yield findings.no_unique_key(dataset, source, empty)
    elif identity != "f" and identified != key:
        yield findings.other_identity(dataset, source, sorted(identified))


def _publication(
    connection: ArrowConnection, dataset: Dataset, source: DatabaseSource, table: int, *, makes: bool
) -> tuple[int, int]:
    name = publication_name(source)
    asked = _PUBLICATION.format(literal(name), table)
    found = connection.rows(asked)
    if not found and makes and not (source.changes and source.changes.publication):
        _make_publication(connection, dataset, source, name)
        found = connection.rows(asked)
    if not found:
        raise TaskError(findings.no_publication(dataset, source, name))
    oid, shows_all, entry, is_filtered, names = found[0]
    columns = json.loads(names) if names else None
    missing = [column for column in source.types if columns is not None and column not in columns]
    if columns is None or not shows_all or is_filtered or missing:
        raise TaskError(findings.partial_publication(dataset, source, name, is_listed=columns is not None))
    return int(oid), int(entry)


def _make_publication(connection: ArrowConnection, dataset: Dataset, source: DatabaseSource, name: str) -> None:
    try:
        connection.run("SET default_transaction_read_only = off")
        connection.run(f"CREATE PUBLICATION {quote(name)} FOR TABLE {relation(source)}")
    except TaskError as error:
        raise TaskError(findings.no_publication(dataset, source, name)) from error
    finally:
        connection.run("SET default_transaction_read_only = on")


def slots(connection: ArrowConnection, condition: str) -> tuple[Slot, ...]:
    """The logical slots of a condition over `s`, by name."""
    return tuple(
        Slot(
            name=str(row[0]),
            plugin=str(row[1]),
            database=str(row[2]),
            status=str(row[3]),
            is_active=bool(row[4]),
            invalid_because=str(row[5]),
            confirmed=int(row[6]),
            bytes_kept=int(row[7]),
            is_here=bool(row[8]),
        )
        for row in connection.rows(_SLOTS.format(condition))
    )


def slot(connection: ArrowConnection, name: str) -> Slot | None:
    """One slot by its name; None if there is none."""
    found = slots(connection, f"s.slot_name = {literal(name)}")
    return found[0] if found else None


def drop(connection: ArrowConnection, name: str) -> None:
    """Drop a slot; with it goes the log that only it kept."""
    connection.rows(f"SELECT pg_drop_replication_slot({literal(name)})::text")


def advance(connection: ArrowConnection, name: str, to: int) -> None:
    """Let the server forget the log before a place."""
    connection.rows(f"SELECT (pg_replication_slot_advance({literal(name)}, {lsn_text(to)})).end_lsn::text")


def lsn_text(lsn: int) -> str:
    """A place in the log as SQL."""
    return f"'{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}'::pg_lsn"
