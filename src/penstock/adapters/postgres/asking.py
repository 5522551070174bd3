"""Asks Postgres a query that is written for DuckDB: DuckDB says what it means and returns, Postgres answers it.

Invariants: DuckDB holds the relations' columns and no rows, and reaches nothing; a query is bound there before Postgres
sees any of it; values are bound, never written into the text.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb

from penstock.adapters.duckdb import masking
from penstock.adapters.duckdb.errors import translated as translated_duckdb
from penstock.model.errors import InputError, TaskError
from penstock.model.findings import Finding
from penstock.sql.identifiers import quote, table
from penstock.sql.postgres_types import WHOLE, from_postgres_type
from penstock.sql.transpiling import PostgresQuery, physical, relations_of, to_postgres

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.postgres.server import Connection
    from penstock.sql.transpiling import Columns

_TWO_NAMES = re.compile(r'"((?:[^"]|"")+)"\."((?:[^"]|"")+)"')
_COLUMNS = """
SELECT found.place, attname, format_type(atttypid, atttypmod)
FROM unnest($1::text[]) WITH ORDINALITY AS found (name, place)
JOIN pg_catalog.pg_attribute ON attrelid = to_regclass(found.name)
WHERE attnum > 0 AND NOT attisdropped ORDER BY found.place, attnum
"""
_BIGINT = 2**63
_NOTHING = "INTEGER"
"""What DuckDB makes of a column that is NULL and nothing else."""
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (float, "double precision"),
    (Decimal, "numeric"),
    (str, "text"),
    (date, "date"),
    (UUID, "uuid"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as Postgres is asked it, with its values, and what it returns by DuckDB's word."""

    text: bytes
    values: tuple[object, ...]
    columns: Columns

    def rows(self, found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Rows with whole numbers as integers where Postgres keeps them as decimals."""
        whole = [at for at, (_, type_) in enumerate(self.columns) if type_ in WHOLE]
        if not whole:
            return list(found)
        made = []
        for row in found:
            values = list(row)
            for at in whole:
                values[at] = None if values[at] is None else int(values[at])
            made.append(tuple(values))
        return made


class Translator:
    """Makes questions of queries; several threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._duckdb = duckdb.connect(":memory:")
        self._duckdb.execute("SET TimeZone = 'UTC'")
        masking.install(self._duckdb)
        self._duckdb.execute("SET enable_external_access = false")
        self._duckdb.execute("SET lock_configuration = true")
        self._known: dict[tuple[str, str], Columns] = {}

    def close(self) -> None:
        """Close what binds the queries."""
        self._duckdb.close()

    def question(
        self,
        connection: Connection,
        sql: str,
        params: Mapping[str, object] | None = None,
        *,
        named: bool = True,
        as_input: bool = False,
    ) -> Question:
        """What to ask Postgres for a query; `named` if its rows are to be kept, and not only to be read.

        Raises:
            TaskError (InputError with `as_input`): DuckDB refuses it, or Postgres would not answer it alike.
        """
        values = dict(params or {})
        try:
            relations = _columns_of(connection, relations_of(sql))
            columns = self._described(sql, values, relations, as_input=as_input)
            kinds = {name: _kind(name, value) for name, value in values.items() if value is not None}
            query: PostgresQuery = to_postgres(sql, relations, columns, kinds, named=named)
        except InputError as error:
            if as_input:
                raise
            raise TaskError(error.findings) from error
        bound = tuple(values[name] for name in query.params)
        return Question(text=query.text.encode(), values=bound, columns=columns)

    def _described(
        self,
        sql: str,
        values: dict[str, object],
        relations: Mapping[tuple[str, str], Columns],
        *,
        as_input: bool,
    ) -> Columns:
        with self._lock, translated_duckdb(dataset=None, as_input=as_input):
            for (schema, name), columns in relations.items():
                self._mirror(schema, name, columns)
            rows = self._duckdb.execute(f"DESCRIBE {sql}", values or None).fetchall()
        return tuple((str(row[0]), _NOTHING if row[1] == '"NULL"' else str(row[1])) for row in rows)

    def _mirror(self, schema: str, name: str, columns: Columns) -> None:
        """The relation as Postgres has it now, without rows; not at all if Postgres does not have it."""
        if self._known.get((schema, name)) == columns:
            return
        self._duckdb.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        self._duckdb.execute(f"DROP TABLE IF EXISTS {table(schema, name)}")
        if columns:
            written = ", ".join(f"{quote(column)} {type_}" for column, type_ in columns)
            self._duckdb.execute(f"CREATE TABLE {table(schema, name)} ({written})")
        self._known[schema, name] = columns


def kept(relation: str) -> str:
    """A quoted relation under the name by which Postgres keeps it."""
    found = _TWO_NAMES.fullmatch(relation)
    if found is None:
        return relation
    schema, name = (part.replace('""', '"') for part in found.groups())
    return table(physical(schema), physical(name))


def columns_of(connection: Connection, relation: str) -> Columns:
    """Names and DuckDB types of a relation's columns; none if it is not there."""
    rows = connection.execute(_COLUMNS, [[kept(relation)]]).fetchall()
    return tuple((str(name), from_postgres_type(str(type_), str(name))) for _, name, type_ in rows)


def _columns_of(
    connection: Connection, relations: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    names = [table(schema, physical(name)) for schema, name in relations]
    found: dict[tuple[str, str], list[tuple[str, str]]] = {relation: [] for relation in relations}
    for place, name, type_ in connection.execute(_COLUMNS, [names]).fetchall() if names else ():
        found[relations[int(place) - 1]].append((str(name), from_postgres_type(str(type_), str(name))))
    return {relation: tuple(columns) for relation, columns in found.items()}


def _kind(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return "timestamp without time zone" if value.tzinfo is None else "timestamp with time zone"
    if isinstance(value, int) and not isinstance(value, bool):
        return "bigint" if abs(value) < _BIGINT else "numeric"
    for class_, kind in _KINDS:
        if isinstance(value, class_):
            return kind
    raise InputError(
        Finding(
            code="warehouse.unbindable",
            message=f"a {type(value).__name__} cannot be bound as ${name} in Postgres",
            expected="a number, a text, a truth value, a date or a moment",
            remedy="go on by a column of another type",
        )
    )
