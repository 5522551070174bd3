"""How staged rows become a dataset's rows, within an open transaction: one function per materialization.

Invariant: rows that are replaced are deleted, never truncated, and a table that is shown is never dropped for another:
a reader's snapshot goes on seeing what it began with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.adapters import offset_findings
from penstock.adapters.postgres.asking import columns_of, kept
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from penstock.adapters.postgres.server import Connection
    from penstock.engine.ports.publishing import Publication


def apply(connection: Connection, publication: Publication, staging: str) -> int:
    """Apply the staged rows; how many were staged.

    Raises:
        TaskError: two staged rows have the same key.
        TransientError: an append no longer goes on from where its rows began.
    """
    relation = kept(publication.relation)
    match publication.materialization:
        case Materialization.TABLE:
            return fill(connection, relation, f"SELECT * FROM {staging}".encode())
        case Materialization.INCREMENTAL:
            _clear_interval(connection, publication, relation)
        case Materialization.MERGE:
            _one_at_a_time(connection, relation)
            _refuse_doubled(connection, publication, staging)
            for replaced in filter(None, (staging, publication.gone)):
                _clear_keys(connection, publication, relation, replaced)
        case Materialization.APPEND:
            _one_at_a_time(connection, relation)
            _refuse_moved_offset(connection, publication, relation, staging)
    return _insert(connection, relation, staging)


def fill(connection: Connection, relation: str, query: bytes, values: Sequence[object] = ()) -> int:
    """Make a table hold a query's rows and nothing else; how many.

    One that is there is emptied by DELETE; its name is what views hold on to, and snapshots what readers do.
    """
    if columns_of(connection, relation):
        _execute(connection, f"DELETE FROM {relation}".encode())
        made = connection.execute(f"INSERT INTO {relation} ".encode() + query, values or None)
    else:
        made = connection.execute(f"CREATE TABLE {relation} AS ".encode() + query, values or None)
    return max(made.rowcount, 0)


def newest(connection: Connection, relation: str, column: str) -> object:
    """The largest value of a column; None where there is none, or no relation."""
    if not columns_of(connection, relation):
        return None
    row = _row(connection, f"SELECT max({quote(column)}) FROM {kept(relation)}")
    return row[0] if row else None


def _insert(connection: Connection, relation: str, staging: str) -> int:
    """By name: a column that is not staged stays empty, one that the table lacks is an error."""
    names = ", ".join(quote(name) for name, _ in columns_of(connection, staging))
    made = _execute(connection, f"INSERT INTO {relation} ({names}) SELECT {names} FROM {staging}".encode())
    return max(made.rowcount, 0)


def _clear_interval(connection: Connection, publication: Publication, relation: str) -> None:
    if publication.interval is None or publication.column is None:
        return
    column = quote(publication.column)
    bounds = (publication.interval.start.replace(tzinfo=None), publication.interval.end.replace(tzinfo=None))
    _execute(
        connection,
        f"DELETE FROM {relation} WHERE {column} >= CAST($1 AS timestamp) AND {column} < CAST($2 AS timestamp)".encode(),
        bounds,
    )


def _one_at_a_time(connection: Connection, relation: str) -> None:
    """Two that look at what is there before they add to it would each miss the other's rows."""
    _execute(connection, f"LOCK TABLE {relation} IN SHARE ROW EXCLUSIVE MODE".encode())


def _refuse_doubled(connection: Connection, publication: Publication, staging: str) -> None:
    columns = ", ".join(quote(column) for column in publication.key)
    doubled = _execute(
        connection,
        f"SELECT {columns}, count(*) FROM {staging} GROUP BY {columns} HAVING count(*) > 1 "
        f"ORDER BY {columns} LIMIT 3".encode(),
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


def _clear_keys(connection: Connection, publication: Publication, relation: str, keys: str) -> None:
    """Remove the rows whose keys a relation holds. Keys that are NULL are equal to each other here."""
    # equal keys are found by hashing; those with a NULL in them one by one
    equal = " AND ".join(f"held.{quote(column)} = new.{quote(column)}" for column in publication.key)
    same = " AND ".join(f"held.{quote(column)} IS NOT DISTINCT FROM new.{quote(column)}" for column in publication.key)
    empty = " OR ".join(f"new.{quote(column)} IS NULL" for column in publication.key)
    for condition in (equal, f"({empty}) AND {same}"):
        _execute(connection, f"DELETE FROM {relation} AS held USING {keys} AS new WHERE {condition}".encode())


def _refuse_moved_offset(connection: Connection, publication: Publication, relation: str, staging: str) -> None:
    """Rows may be added only after those that are there, and only if these are still the same."""
    if publication.offset is None:
        return
    column = quote(publication.offset)
    if publication.base is None:
        outside = _row(connection, f"SELECT count(*) FROM {staging} WHERE {column} IS NULL")
    else:
        type_ = _row(
            connection, f"SELECT pg_typeof({column}) FROM (SELECT max({column}) AS {column} FROM {relation}) AS held"
        )
        beyond = f"({column} > CAST($1 AS {type_[0] if type_ else 'text'})) IS TRUE"
        outside = _row(connection, f"SELECT count(*) FROM {staging} WHERE NOT ({beyond})", [publication.base])
    if outside and outside[0]:
        raise TaskError(offset_findings.not_beyond(publication, outside[0]))
    now = newest(connection, publication.relation, publication.offset)
    if now != publication.base:
        raise TransientError(offset_findings.moved(publication, now))


def _execute(
    connection: Connection, statement: bytes, values: Sequence[object] = ()
) -> psycopg.Cursor[tuple[Any, ...]]:
    return connection.execute(statement, values or None)


def _row(connection: Connection, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = connection.execute(sql.encode(), values or None).fetchone()
    return row
