"""How staged rows become a dataset's rows, within an open transaction: one function per materialization."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters import offset_findings
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from penstock.engine.ports.publishing import Publication


def apply(cursor: duckdb.DuckDBPyConnection, publication: Publication, staging: str) -> int:
    """Apply the staged rows; how many were staged (a view stores none).

    Raises:
        TaskError: two staged rows have the same key.
        TransientError: an append no longer goes on from where its rows began.
    """
    relation = publication.relation
    match publication.materialization:
        case Materialization.VIEW:
            cursor.execute(f"CREATE OR REPLACE VIEW {relation} AS {publication.view_sql}")
            return 0
        case Materialization.TABLE:
            made = cursor.execute(f"CREATE OR REPLACE TABLE {relation} AS SELECT * FROM {staging}").fetchone()
            return int(made[0]) if made else 0
        case Materialization.INCREMENTAL:
            _clear_interval(cursor, publication)
        case Materialization.MERGE:
            _refuse_doubled(cursor, publication, staging)
            for replaced in filter(None, (staging, publication.gone)):
                _clear_keys(cursor, publication, replaced)
        case Materialization.APPEND:
            _refuse_moved_offset(cursor, publication, staging)
    made = cursor.execute(f"INSERT INTO {relation} BY NAME SELECT * FROM {staging}").fetchone()
    return int(made[0]) if made else 0


def newest(cursor: duckdb.DuckDBPyConnection, relation: str, column: str) -> object:
    """The largest value of a column; None where there is none, or no relation."""
    try:
        asked = cursor.execute(f"SELECT typeof({quote(column)}) FROM {relation} LIMIT 1").fetchone()
        zoned = asked is not None and asked[0] == "TIMESTAMP WITH TIME ZONE"  # which needs pytz to come as Python's own
        value = f"CAST(max({quote(column)}) AS TIMESTAMP)" if zoned else f"max({quote(column)})"
        row = cursor.execute(f"SELECT {value} FROM {relation}").fetchone()
    except duckdb.CatalogException:
        return None
    found = row[0] if row else None
    return found.replace(tzinfo=UTC) if zoned and isinstance(found, datetime) else found


def type_of(cursor: duckdb.DuckDBPyConnection, relation: str, column: str) -> str:
    """A column's type."""
    row = cursor.execute(f"SELECT column_type FROM (DESCRIBE SELECT {quote(column)} FROM {relation})").fetchone()
    return str(row[0]) if row else "VARCHAR"


def _clear_interval(cursor: duckdb.DuckDBPyConnection, publication: Publication) -> None:
    if publication.interval is None or publication.column is None:
        return
    column = quote(publication.column)
    bounds = (publication.interval.start.replace(tzinfo=None), publication.interval.end.replace(tzinfo=None))
    cursor.execute(
        f"DELETE FROM {publication.relation} WHERE {column} >= $1::TIMESTAMP AND {column} < $2::TIMESTAMP",
        list(bounds),
    )


def _refuse_doubled(cursor: duckdb.DuckDBPyConnection, publication: Publication, staging: str) -> None:
    columns = ", ".join(quote(column) for column in publication.key)
    doubled = cursor.execute(
        f"SELECT {columns}, count(*) FROM {staging} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 3"
    ).fetchall()
    if doubled:
        raise TaskError(
            Finding(
                code="engine.doubled_key",
                message=f"{publication.dataset}: several new rows have the same key",
                place=Place(dataset=publication.dataset, field=", ".join(publication.key)),
                found="; ".join(str(tuple(str(value) for value in row[:-1])) for row in doubled),
                expected="one row for each key, or nobody can say which of them stays",
                remedy="reduce the query's rows to the newest of each key",
            )
        )


def _clear_keys(cursor: duckdb.DuckDBPyConnection, publication: Publication, keys: str) -> None:
    """Remove the rows whose keys a relation holds. Keys that are NULL are equal to each other here."""
    same = " AND ".join(f"held.{quote(column)} IS NOT DISTINCT FROM new.{quote(column)}" for column in publication.key)
    cursor.execute(f"DELETE FROM {publication.relation} AS held USING {keys} AS new WHERE {same}")


def _refuse_moved_offset(cursor: duckdb.DuckDBPyConnection, publication: Publication, staging: str) -> None:
    """Rows may be added only after those that are there, and only if these are still the same."""
    if publication.offset is None:
        return
    column = quote(publication.offset)
    beyond = f"{column} IS NOT NULL" if publication.base is None else f"({column} > $1) IS TRUE"
    values = [] if publication.base is None else [publication.base]
    row = cursor.execute(f"SELECT count(*) FROM {staging} WHERE NOT ({beyond})", values).fetchone()
    if row and row[0]:
        raise TaskError(offset_findings.not_beyond(publication, row[0]))
    now = newest(cursor, publication.relation, publication.offset)
    if now != publication.base:
        raise TransientError(offset_findings.moved(publication, now))
