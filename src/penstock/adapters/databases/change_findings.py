"""Why the changes of a table cannot be read, and what lets them be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.databases import DatabaseSource
    from penstock.model.pipelines import Dataset

_KINDS = {"v": "a view", "m": "a materialized view", "p": "a partitioned table", "f": "a foreign table"}
ANEW = "begin anew: write another number at `reload` in the source's file (reload: 1), which reads the whole table"
OTHERWISE = "read all rows, by `interval` or by `cursor`"


def _place(dataset: Dataset, field: str = "read") -> Place:
    return Place(file=dataset.file, dataset=dataset.name, field=field)


def too_old(dataset: Dataset, version: int) -> Finding:
    """The server is older than what is understood of publications."""
    return Finding(
        code="source.changes_server",
        message=f"{dataset.name}: this Postgres is too old for its changes to be read",
        place=_place(dataset),
        found=str(version // 10_000),
        expected="15 or later",
        remedy="read all rows, or by `cursor`",
    )


def no_logical_log(dataset: Dataset, level: str) -> Finding:
    """The server's log does not hold what decoding needs."""
    return Finding(
        code="source.changes_wal_level",
        message=f"{dataset.name}: the server's log does not hold changes of rows",
        place=_place(dataset),
        found=f"wal_level = {level}",
        expected="wal_level = logical",
        remedy="ALTER SYSTEM SET wal_level = 'logical', and start the server again",
    )


def standby(dataset: Dataset) -> Finding:
    """The server only follows another."""
    return Finding(
        code="source.changes_standby",
        message=f"{dataset.name}: the server is a standby; changes are read from the one that is written to",
        place=_place(dataset, "connection"),
        expected="the address of the primary",
        remedy="give that address",
    )


def no_table(dataset: Dataset, source: DatabaseSource) -> Finding:
    """There is no such table, or the account may not see it."""
    return Finding(
        code="source.unknown_table",
        message=f"there is no table {source.place} that the account may see",
        place=_place(dataset, "table"),
        found=source.place,
        expected="a table of the database, in the same case",
        remedy="correct `table`, or grant the account USAGE of its schema",
    )


def no_plain_table(dataset: Dataset, source: DatabaseSource, kind: str, persistence: str) -> Finding:
    """Changes are told of ordinary tables that are in the log."""
    found = _KINDS.get(kind, "no table") if kind != "r" else "unlogged" if persistence == "u" else "temporary"
    remedy = f"{OTHERWISE}; of a partitioned table each partition may be read so"
    return _other_table(dataset, source, f"it is {found}", "an ordinary, logged table", remedy, found)


def inherited(dataset: Dataset, source: DatabaseSource) -> Finding:
    """Rows of heirs would be read first, and never told of."""
    return _other_table(dataset, source, "other tables inherit from it", "a table without heirs", OTHERWISE)


def _other_table(
    dataset: Dataset, source: DatabaseSource, why: str, expected: str, remedy: str, found: str | None = None
) -> Finding:
    return Finding(
        code="source.changes_of_no_table",
        message=f"changes of {source.place} cannot be read: {why}",
        place=_place(dataset, "table"),
        found=found,
        expected=expected,
        remedy=remedy,
    )


def row_security(dataset: Dataset, source: DatabaseSource) -> Finding:
    """The stream shows every row, a query does not."""
    return Finding(
        code="source.changes_row_security",
        message=f"row security hides rows of {source.place} from the account, and its changes would show them",
        place=_place(dataset, "table"),
        expected="an account that may read every row",
        remedy=f"ALTER ROLE … BYPASSRLS, or {OTHERWISE}",
    )


def no_identity(dataset: Dataset, source: DatabaseSource) -> Finding:
    """Updates and deletions do not say which row they are about."""
    return Finding(
        code="source.changes_identity",
        message=f"changes of {source.place} do not say which row they are about",
        place=_place(dataset, "key"),
        found="REPLICA IDENTITY NOTHING",
        expected="REPLICA IDENTITY DEFAULT with a primary key that is the source's `key`, or FULL",
        remedy=f"ALTER TABLE {source.table} REPLICA IDENTITY DEFAULT",
    )


def no_unique_key(dataset: Dataset, source: DatabaseSource, empty: Sequence[str]) -> Finding:
    """Two rows could have the same key at some moment."""
    return Finding(
        code="source.changes_key",
        message=f"nothing in {source.place} makes its key ({', '.join(dataset.key)}) tell rows apart at every moment",
        place=_place(dataset, "key"),
        found=f"{', '.join(empty)} may be NULL" if empty else "no unique index of just these columns, checked at once",
        expected="the columns of the primary key, or of a unique index over columns that are NOT NULL, not deferrable",
        remedy="correct `key`, or add such an index",
    )


def other_identity(dataset: Dataset, source: DatabaseSource, identified: Sequence[str]) -> Finding:
    """What changes say of old rows is not the key."""
    return Finding(
        code="source.changes_identity",
        message=f"changes of {source.place} name rows by other columns than its key",
        place=_place(dataset, "key"),
        found=", ".join(identified) or "no primary key that changes could name rows by",
        expected=", ".join(dataset.key),
        remedy=f"correct `key`, or ALTER TABLE {source.table} REPLICA IDENTITY FULL (or USING INDEX …)",
    )


def generated(dataset: Dataset, source: DatabaseSource, name: str) -> Finding:
    """A column that changes do not tell."""
    return Finding(
        code="source.changes_generated",
        message=f"{name} of {source.place} is generated: changes do not tell its value",
        place=_place(dataset, name),
        expected="columns that are stored as they were written",
        remedy=f"leave {name} out of `columns` and compute it downstream",
    )


def no_publication(dataset: Dataset, source: DatabaseSource, name: str) -> Finding:
    """Nothing shows the changes, and the account could not make it."""
    return Finding(
        code="source.no_publication",
        message=f"there is no publication {name} of {source.place}, and the account may not make it",
        place=_place(dataset, "publication"),
        expected="a publication that shows every change of the table",
        remedy=f'have the table\'s owner say: CREATE PUBLICATION "{name}" FOR TABLE {source.table}',
    )


def partial_publication(dataset: Dataset, source: DatabaseSource, name: str, *, is_listed: bool) -> Finding:
    """Some changes would not be seen."""
    return Finding(
        code="source.partial_publication",
        message=f"the publication {name} does not show every change of {source.place}",
        place=_place(dataset, "publication"),
        found="some operations, rows or columns are left out" if is_listed else "the table is not part of it",
        expected="insert, update, delete and truncate of every row, with every column that is declared",
        remedy=f"correct it, or have the owner say: CREATE PUBLICATION … FOR TABLE {source.table}",
    )


def no_right(dataset: Dataset) -> Finding:
    """The account may not use slots."""
    return Finding(
        code="source.changes_right",
        message=f"{dataset.name}: the account may not read changes",
        place=_place(dataset, "connection"),
        expected="an account with the right to use replication slots",
        remedy="ALTER ROLE … REPLICATION (or what your provider grants in its place)",
    )


def waiting(dataset: Dataset) -> Finding:
    """A transaction that was open when the slot was made has not ended."""
    return Finding(
        code="source.changes_waiting",
        message=f"{dataset.name}: transactions that were open when the first reading began have not ended",
        place=_place(dataset),
        expected="transactions that end before the reading's time is over",
        remedy="end them, or raise `timeout`; it is tried again",
    )


def busy(dataset: Dataset, slot: str) -> Finding:
    """Another reader, or what is left of one."""
    return Finding(
        code="source.slot_busy",
        message=f"{dataset.name}: somebody reads through the slot {slot} now",
        place=_place(dataset),
        expected="one reader at a time",
        remedy="it is tried again",
    )


def lost(dataset: Dataset, slot: str, found: str) -> Finding:
    """The log that is needed is gone."""
    return Finding(
        code="source.slot_lost",
        message=f"{dataset.name}: the changes since the last run cannot be read any more",
        place=_place(dataset),
        found=f"the slot {slot}: {found}",
        expected="a slot that kept every change since then",
        remedy=f"{ANEW}; raise max_slot_wal_keep_size if it was too small",
    )


def altered(dataset: Dataset, source: DatabaseSource, found: str) -> Finding:
    """Rows that no change told of may be others now."""
    return Finding(
        code="source.table_altered",
        message=f"{source.place} is not the table any more whose rows are held: {found}",
        place=_place(dataset, "columns"),
        found=found,
        expected="the same table, with declared columns of the same types, in the same publication",
        remedy=f"correct `columns`, or {ANEW}",
    )


def malformed(dataset: Dataset, said: str) -> Finding:
    """The stream is not what the plugin promises."""
    return Finding(
        code="source.malformed_changes",
        message=f"{dataset.name}: the stream of changes cannot be understood: {said}",
        place=_place(dataset),
        expected="messages of pgoutput's protocol 1, with the columns of the key in each",
        remedy=ANEW,
    )
