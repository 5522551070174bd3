"""Parquet files into Postgres and out of it: DuckDB reads and writes them, CSV carries the rows, the disk holds them.

Memory does not grow with the file. Text between quotes and no text at all are told apart, so that an empty text is not
NULL; a column that is NULL throughout is followed by another one, so that no row is an empty line.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.duckdb.errors import translated as translated_duckdb
from penstock.quality.casting import cast_query
from penstock.sql.identifiers import literal, quote
from penstock.sql.postgres_types import COLLATION, to_postgres_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.postgres.server import Connection
    from penstock.quality.casting import Cast
    from penstock.sql.transpiling import Columns

BLOCK = 1 << 18
MEMORY_LIMIT = "1GB"


def load(connection: Connection, path: Path, table: str, casts: Sequence[Cast] = ()) -> int:
    """Make a temporary table of a Parquet file's rows, some of its text as other types; how many.

    Raises:
        InputError: a column's type has no place in Postgres.
        TaskError: the file cannot be read.
    """
    rows = path.with_suffix(".loading")
    try:
        columns = _to_csv(path, rows, casts)
        defined = ", ".join(f"{quote(name)} {_defined(type_, name)}" for name, type_ in columns)
        connection.execute(f"CREATE TEMP TABLE {table} ({defined})".encode())
        return _copied(connection, rows, table)
    finally:
        rows.unlink(missing_ok=True)


def append(connection: Connection, path: Path, table: str) -> int:
    """Add a Parquet file's rows to a temporary table that has its columns in the same order; how many.

    Raises:
        TaskError: the file cannot be read.
    """
    rows = path.with_suffix(".loading")
    try:
        _to_csv(path, rows, ())
        return _copied(connection, rows, table)
    finally:
        rows.unlink(missing_ok=True)


def save(connection: Connection, query: bytes, columns: Columns, path: Path) -> None:
    """Write a query's rows to a Parquet file.

    Raises:
        TaskError: the file cannot be written.
    """
    rows = path.with_suffix(".saving")
    try:
        statement = (
            b"COPY (SELECT saved.*, 0 FROM (" + query + b") AS saved) TO STDOUT (FORMAT csv, NULL '', FORCE_QUOTE *)"
        )
        with connection.cursor() as cursor, rows.open("wb") as stream, cursor.copy(statement) as copy:
            for block in copy:
                stream.write(block)
        _from_csv(rows, columns, path)
    finally:
        rows.unlink(missing_ok=True)


def _copied(connection: Connection, rows: Path, table: str) -> int:
    with connection.cursor() as cursor:
        with (
            rows.open("rb") as stream,
            cursor.copy(f"COPY pg_temp.{table} FROM STDIN (FORMAT csv, NULL '')".encode()) as copy,
        ):
            while block := stream.read(BLOCK):
                copy.write(block)
        return cursor.rowcount


def _defined(type_: str, name: str) -> str:
    kept = to_postgres_type(type_, name)
    return f"{kept} COLLATE {quote(COLLATION)}" if kept == "text" else kept


def _to_csv(path: Path, rows: Path, casts: Sequence[Cast]) -> Columns:
    with _engine(path) as engine:
        source = f"read_parquet({literal(str(path))})"
        source = f"({cast_query(source, casts)})" if casts else source
        described = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        columns = tuple((str(row[0]), str(row[1])) for row in described)
        items = ", ".join(
            f"'\\x' || lower(hex({quote(name)}))" if type_ == "BLOB" else quote(name) for name, type_ in columns
        )
        options = "FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR '', DELIMITER ',', QUOTE '\"', ESCAPE '\"'"
        engine.execute(f"COPY (SELECT {items} FROM {source}) TO {literal(str(rows))} ({options})")
    return columns


def _from_csv(rows: Path, columns: Columns, path: Path) -> None:
    names = [f"c{number}" for number in range(len(columns) + 1)]
    read = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    items = ", ".join(
        f"CAST({f'unhex(substr({name}, 3))' if type_ == 'BLOB' else name} AS {type_}) AS {quote(column)}"
        for name, (column, type_) in zip(names, columns, strict=False)
    )
    options = "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = ''"
    source = f"read_csv({literal(str(rows))}, columns = {{{read}}}, {options}, allow_quoted_nulls = false)"
    with _engine(path) as engine:
        engine.execute(f"COPY (SELECT {items} FROM {source}) TO {literal(str(path))} (FORMAT parquet)")


@contextmanager
def _engine(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own that reaches the file's folder alone."""
    with translated_duckdb(dataset=None), duckdb.connect(":memory:") as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
        engine.execute("SET preserve_insertion_order = false")
        engine.execute(f"SET allowed_directories = [{literal(f'{path.parent}/')}]")
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        yield engine
