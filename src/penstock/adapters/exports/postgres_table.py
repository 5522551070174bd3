"""Exports to a table of a Postgres database: rows are copied into a temporary table, and shown by one transaction.

Invariants: that transaction also writes what the table then holds into `_penstock.exports`, so that whoever looks there
knows whether it happened; a table that has no row there is nobody's to write to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from penstock.adapters.exports import records
from penstock.adapters.exports.rows import within
from penstock.adapters.exports.types import postgres_type
from penstock.adapters.postgres.files import append
from penstock.model.errors import InputError, RefusedError, RunError
from penstock.model.exports import ExportMode
from penstock.model.findings import Finding, Place
from penstock.model.intervals import merge
from penstock.sql.identifiers import quote, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from penstock.adapters.postgres.server import Connection, Server
    from penstock.engine.exporting import Renewal
    from penstock.plan.exporting import Held, Piece, Stamp

_STAGED = "_penstock_export"
_NOTES = "SELECT to_regclass('_penstock.exports')::text"
_HELD = f"SELECT {records.COLUMNS} FROM _penstock.exports WHERE target = $1"
_SHAPE = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEY_NAME = """
SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'p'
"""


@dataclass(slots=True, kw_only=True)
class PostgresSink:
    """A `Sink`. `name` is `schema.table`, `column` the one by which intervals are cut, `server` whom it belongs to."""

    server: Server
    connection: Connection
    name: str
    stamp: Stamp
    column: str | None = None
    replace: bool = False
    _held: Held | None = field(default=None, init=False)
    _seen: Held | None = field(default=None, init=False)
    _is_staged: bool = field(default=False, init=False)

    @property
    def _table(self) -> str:
        schema, _, name = self.name.partition(".")
        return table(schema, name)

    def held(self, wanted: Sequence[Piece]) -> Held | None:
        """What `_penstock.exports` says of the table; see `Sink.held`."""
        del wanted
        try:
            self._held = self._seen = self._noted()
            if not self._is_there():
                self._held = None  # whoever dropped it wants it made anew
            elif self._held is None and not self.replace:
                raise RefusedError(records.not_ours(self.name, "a table that no export made"))
        except psycopg.Error as error:
            raise self._told(error) from None
        if self._held is not None and not self.replace:
            records.refuse_others(self._held, self.stamp, self.name)
        return self._held

    def _noted(self) -> Held | None:
        if self._value(_NOTES) is None:
            return None
        try:
            return records.held_of(self.connection.execute(_HELD.encode(), [self.name]).fetchall(), self.name)
        except RefusedError:
            if self.replace:
                return None
            raise

    def _is_there(self) -> bool:
        return self._value("SELECT to_regclass($1)::text", self._table) is not None

    def _value(self, sql: str, *values: object) -> object:
        row = self.connection.execute(sql.encode(), values or None).fetchone()
        return row[0] if row else None

    def take(self, piece: Piece, rows: Path) -> int:
        """Copy a piece's rows into the temporary table; see `Sink.take`."""
        del piece
        try:
            if not self._is_staged:
                self.connection.execute(f"CREATE TEMP TABLE {_STAGED} ({self._definitions()})".encode())
                self._is_staged = True
            return append(self.connection, rows, _STAGED)
        except psycopg.Error as error:
            raise self._told(error) from None

    def _definitions(self) -> str:
        return ", ".join(f"{quote(name)} {postgres_type(type_, name)}" for name, type_ in self.stamp.columns)

    def show(self, renewal: Renewal) -> None:
        """Replace the rows of what was taken, and note it, in one transaction; see `Sink.show`."""
        try:
            self._refuse_doubled()
            if self._value(_NOTES) is None:  # an account that may not make them is given them by somebody else
                self.connection.execute(records.SETUP.encode())
            self.connection.execute(b"BEGIN")
            self.connection.execute(b"LOCK TABLE _penstock.exports IN SHARE ROW EXCLUSIVE MODE")
            if self._noted() != self._seen:
                raise records.taken_meanwhile(self.name)
            self._shape(renewal)
            self._apply(renewal)
            self._note(renewal)
        except psycopg.Error as error:
            self.connection.close()
            raise self._told(error) from None
        self._commit()

    def _commit(self) -> None:
        try:
            self.connection.execute(b"COMMIT")
        except psycopg.Error as error:  # whether it happened, the next export sees in `_penstock.exports`
            self.connection.close()
            raise self._told(error) from None

    def _shape(self, renewal: Renewal) -> None:
        """Make the table, or give one that is there the columns and the key of this version."""
        is_new = not self._is_there()
        if is_new:
            schema = quote(self.name.partition(".")[0])
            if self._value("SELECT to_regnamespace($1)::text", schema) is None:
                self._execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._execute(f"CREATE TABLE {self._table} ({self._definitions()})")
        elif not renewal.anew and self._held is not None:
            return
        elif self._held is not None and _form(self._held.stamp) == _form(self.stamp):
            if not self._upserts:
                self._execute(f"DELETE FROM {self._table}")
            return
        else:
            self._reshape()
        if self.stamp.key:
            self._execute(f"ALTER TABLE {self._table} ADD PRIMARY KEY ({_names(self.stamp.key)})")

    def _reshape(self) -> None:
        """Without its rows. Grants stay, and views that read columns which stay; of others, Postgres says so."""
        keyed = self._value(_KEY_NAME, self._table)
        if keyed is not None:
            self._execute(f"ALTER TABLE {self._table} DROP CONSTRAINT {quote(str(keyed))}")
        self._execute(f"DELETE FROM {self._table}")
        found = self.connection.execute(_SHAPE, [self._table]).fetchall()
        there = {str(name): str(type_) for name, type_ in found}
        wanted = {name: postgres_type(type_, name) for name, type_ in self.stamp.columns}
        stays = [name for name, type_ in there.items() if wanted.get(name) == type_]
        changes = [f"DROP COLUMN {quote(name)}" for name in there if name not in stays]
        changes += [f"ADD COLUMN {quote(name)} {type_}" for name, type_ in wanted.items() if name not in stays]
        changes += [f"ALTER COLUMN {quote(name)} DROP NOT NULL" for name in stays]
        self._execute(f"ALTER TABLE {self._table} {', '.join(changes)}")

    @property
    def _upserts(self) -> bool:
        return bool(self.stamp.key) and self.stamp.mode is ExportMode.WHOLE

    def _apply(self, renewal: Renewal) -> None:
        if self.stamp.mode is ExportMode.INTERVAL:
            pieces = (*renewal.written, *renewal.removed)
            for interval in merge(piece.interval for piece in pieces if piece.interval is not None):
                self._execute(f"DELETE FROM {self._table} WHERE {within(self.column or '', interval)}")
        elif not self.stamp.key:
            self._execute(f"DELETE FROM {self._table}")
        if not renewal.written:
            return
        names = _names(name for name, _ in self.stamp.columns)
        inserted = f"INSERT INTO {self._table} ({names}) SELECT {names} FROM pg_temp.{_STAGED}"
        if self._upserts:
            self._delete_gone()
            inserted += self._upsert()
        self._execute(inserted)

    def _delete_gone(self) -> None:
        same = " AND ".join(f"new.{quote(name)} = old.{quote(name)}" for name in self.stamp.key)
        gone = f"NOT EXISTS (SELECT FROM pg_temp.{_STAGED} AS new WHERE {same})"
        self._execute(f"DELETE FROM {self._table} AS old WHERE {gone}")

    def _upsert(self) -> str:
        """Rows that are as they were are not written again."""
        others = [(name, type_) for name, type_ in self.stamp.columns if name not in self.stamp.key]
        if not others:
            return f" ON CONFLICT ({_names(self.stamp.key)}) DO NOTHING"
        schema, _, name = self.name.partition(".")
        sets = ", ".join(f"{quote(column)} = excluded.{quote(column)}" for column, _ in others)
        differs = " OR ".join(
            f"{_comparable(f'{quote(schema)}.{quote(name)}.{quote(column)}', type_)} IS DISTINCT FROM "
            f"{_comparable(f'excluded.{quote(column)}', type_)}"
            for column, type_ in others
        )
        return f" ON CONFLICT ({_names(self.stamp.key)}) DO UPDATE SET {sets} WHERE {differs}"

    def _refuse_doubled(self) -> None:
        """Two rows of a key, or none: nobody can say which of them the table would hold. The values are not told."""
        if not self._is_staged or not self.stamp.key:
            return
        names = _names(self.stamp.key)
        self._execute(f"ANALYZE pg_temp.{_STAGED}")
        doubled = self._value(
            f"SELECT count(*) FROM (SELECT 1 FROM pg_temp.{_STAGED} GROUP BY {names} HAVING count(*) > 1) AS doubled"
        )
        empty = " OR ".join(f"{quote(name)} IS NULL" for name in self.stamp.key)
        nulls = self._value(f"SELECT count(*) FROM pg_temp.{_STAGED} WHERE {empty}")
        if doubled or nulls:
            raise RefusedError(_no_key(self.stamp, doubled, nulls))

    def _note(self, renewal: Renewal) -> None:
        self.connection.execute(b"DELETE FROM _penstock.exports WHERE target = $1", [self.name])
        columns = [list(column) for column in zip(*records.rows_of(renewal, self.name), strict=True)]
        kinds = ", ".join(f"${at}::{'bigint' if at == len(columns) else 'text'}[]" for at in range(1, len(columns) + 1))
        sql = f"INSERT INTO _penstock.exports ({records.INSERTED}) SELECT * FROM unnest({kinds})"
        self.connection.execute(sql.encode(), columns)

    def _execute(self, sql: str) -> None:
        self.connection.execute(sql.encode())

    def _told(self, error: psycopg.Error) -> RunError | InputError:
        """What Postgres says, without the values of rows and without the password."""
        primary = error.diag.message_primary
        text = self.server.told(Exception(primary)) if primary else self.server.told(error)
        if isinstance(error, errors.UniqueViolation) and error.diag.schema_name != "pg_catalog":
            return InputError(_no_key(self.stamp, "some", 0))
        return RunError(
            Finding(
                code="export.refused_by_target",
                message=f"Postgres refuses the export to {self.name}: {text}",
                place=Place(dataset=self.stamp.dataset),
                expected="an account that may make and fill the table, and the schema _penstock; "
                "what was there before is there still, unless the connection was lost at the end",
                remedy="mend what it says, then export again: it looks at what is there, and does nothing twice",
            )
        )


def _names(names: Iterable[str]) -> str:
    return ", ".join(quote(name) for name in names)


def _form(stamp: Stamp) -> tuple[object, ...]:
    return stamp.columns, stamp.key


def _comparable(text: str, type_: str) -> str:
    """JSON has no equality in Postgres: its text has."""
    return f"{text}::text" if type_ == "JSON" else text


def _no_key(stamp: Stamp, doubled: object, nulls: object) -> Finding:
    return Finding(
        code="export.no_key",
        message=f"{', '.join(stamp.key)} is no key of {stamp.dataset}: {doubled} value(s) stand in several rows, "
        f"{nulls} row(s) have none",
        place=Place(dataset=stamp.dataset, field=", ".join(stamp.key)),
        expected="one row for each key, and no NULL in it; nothing was exported",
        remedy="name other columns in `key`, or make the rows unique in the query",
    )
