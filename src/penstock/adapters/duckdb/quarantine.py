"""Rows that are put aside: sifted out of the staging, kept by the publish, read back and dropped with their version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb import applying
from penstock.adapters.quarantine_rows import COLUMNS, SHOWN, row_of, sum_of
from penstock.model.pipelines import Materialization
from penstock.quality.sifting import ROW
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from penstock.adapters.quarantine_rows import Texts
    from penstock.engine.ports.publishing import Publication, QuarantinedRow, QuarantineSum
    from penstock.model.intervals import Interval
    from penstock.plan.versions import Version

SETUP = """
CREATE TABLE IF NOT EXISTS _penstock.quarantine (
    publish_id VARCHAR, dataset VARCHAR, version VARCHAR, interval_start TIMESTAMP, interval_end TIMESTAMP,
    moment TIMESTAMP, row_key VARCHAR, row_offset VARCHAR, reasons VARCHAR, row_json VARCHAR, recorded_at VARCHAR
);
"""
_THERE = (
    "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
    "AND schema_name = '_penstock' AND table_name = 'quarantine'"
)
_CAUGHT, _ASIDE = "temp.main._caught", "temp.main._quarantined"
_OF = "dataset = $dataset AND version = $version"


class Bowl:
    """A session's staging while it is sifted; see `quarantine_rows.Bowl`.

    Its rows are told apart by DuckDB's own number, or where a column bears that name, by one that is added.
    """

    caught = _CAUGHT

    def __init__(self, cursor: duckdb.DuckDBPyConnection, staging: str, columns: Sequence[str]) -> None:
        self._cursor, self._staging = cursor, staging
        self._numbered = "rowid" in {name.casefold() for name in columns}
        self.row = quote(ROW) if self._numbered else "rowid"
        if self._numbered:
            numbered = f"SELECT *, row_number() OVER () AS {quote(ROW)} FROM {staging}"
            self._cursor.execute(f"CREATE OR REPLACE TEMP TABLE _staging AS {numbered}")
        self._cursor.execute(
            "CREATE OR REPLACE TEMP TABLE _quarantined "
            "(moment TIMESTAMP, row_key VARCHAR, row_offset VARCHAR, reasons VARCHAR, row_json VARCHAR);"
            'CREATE OR REPLACE TEMP TABLE _caught ("_penstock_row" BIGINT, "_penstock_reasons" VARCHAR)'
        )

    def ask(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        row = self._cursor.execute(sql).fetchone()
        assert row is not None  # noqa: S101 - it counts
        return row

    def catch(self, sql: str) -> int:
        """Note the rows that a query numbers."""
        made = self._cursor.execute(f"INSERT INTO {_CAUGHT} {sql}").fetchone()
        return int(made[0]) if made else 0

    def set_aside(self, texts: Texts, publication: Publication) -> None:
        """Copy what is noted, each value as its text, and take it out of the staging."""
        said = {name: f"CAST(held.{quote(name)} AS VARCHAR)" for name in texts.columns}
        said |= {name: f"coalesce(held.{quote(text)}, {said[name]})" for name, text in texts.raw.items()}
        pairs = ", ".join(f"{literal(name)}, {text}" for name, text in said.items())
        moment = f"CAST(held.{quote(texts.moment)} AS TIMESTAMP)" if texts.moment else "NULL"
        offset = f"CAST(held.{quote(publication.offset)} AS VARCHAR)" if publication.offset else "NULL"
        self._cursor.execute(
            f"INSERT INTO {_ASIDE} SELECT {moment}, {_key('held', publication.key)}, {offset}, "
            f"'[' || substr(caught._penstock_reasons, 3) || ']', CAST(json_object({pairs}) AS VARCHAR) "
            f"FROM {self._staging} AS held JOIN {_CAUGHT} AS caught ON held.{self.row} = caught._penstock_row"
        )
        noted = f"SELECT caught._penstock_row FROM {_CAUGHT} AS caught"
        self._cursor.execute(f"DELETE FROM {self._staging} AS held WHERE held.{self.row} IN ({noted})")

    def clear_values(self, columns: Mapping[str, str]) -> None:
        """Make columns NULL where a condition holds: all at once, so that each sees the rows as they were staged."""
        said = ", ".join(
            f"{quote(name)} = CASE WHEN {where} THEN NULL ELSE {quote(name)} END" for name, where in columns.items()
        )
        if said:
            self._cursor.execute(f"UPDATE {self._staging} SET {said} WHERE {' OR '.join(columns.values())}")

    def drop_columns(self, columns: Sequence[str]) -> None:
        """Take columns out of the staging."""
        for name in (*columns, *([ROW] if self._numbered else [])):
            self._cursor.execute(f"ALTER TABLE {self._staging} DROP COLUMN {quote(name)}")


def keep(cursor: duckdb.DuckDBPyConnection, publication: Publication, staging: str) -> None:
    """In the publish's transaction: what was put aside, in the place of what was before of the same rows."""
    where, values = _replaced(cursor, publication, staging)
    owner = {"dataset": publication.dataset, "version": publication.version}
    cursor.execute(f"DELETE FROM _penstock.quarantine WHERE {_OF} AND ({where})", {**owner, **values})
    interval = publication.interval
    cursor.execute(
        f"INSERT INTO _penstock.quarantine ({', '.join(COLUMNS)}) SELECT $id, $dataset, $version, "
        f"$start::TIMESTAMP, $end::TIMESTAMP, moment, row_key, row_offset, reasons, row_json, $at FROM {_ASIDE}",
        {
            **owner,
            "id": publication.publish_id,
            "start": interval.start.replace(tzinfo=None) if interval else None,
            "end": interval.end.replace(tzinfo=None) if interval else None,
            "at": publication.at,
        },
    )


def forget(cursor: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    """Drop what was put aside of versions that are dropped."""
    cursor.execute(
        "DELETE FROM _penstock.quarantine AS held "
        "USING (SELECT unnest($datasets) AS dataset, unnest($versions) AS version) AS gone "
        "WHERE held.dataset = gone.dataset AND held.version = gone.version",
        {
            "datasets": [version.dataset for version in versions],
            "versions": [version.fingerprint for version in versions],
        },
    )


def is_there(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether there is a place for rows that are put aside; a file of an older Penstock that is only read has none."""
    return cursor.execute(_THERE).fetchone() is not None


def rows(
    cursor: duckdb.DuckDBPyConnection, dataset: str, version: str, interval: Interval | None, limit: int | None
) -> tuple[QuarantinedRow, ...]:
    """The rows of a version; none in a file that an older Penstock made."""
    if not is_there(cursor):
        return ()
    values: dict[str, object] = {"dataset": dataset, "version": version}
    within = ""
    if interval is not None:
        within = " AND moment >= $start::TIMESTAMP AND moment < $end::TIMESTAMP"
        values |= {"start": interval.start.replace(tzinfo=None), "end": interval.end.replace(tzinfo=None)}
    bound = f" LIMIT {int(limit)}" if limit is not None else ""
    sql = f"SELECT {SHOWN} FROM _penstock.quarantine WHERE {_OF}{within} ORDER BY moment, row_json, reasons{bound}"
    return tuple(row_of(row) for row in cursor.execute(sql, values).fetchall())


def sums(cursor: duckdb.DuckDBPyConnection) -> tuple[QuarantineSum, ...]:
    """How many rows there are of each version, by day and reasons."""
    if not is_there(cursor):
        return ()
    found = cursor.execute(
        "SELECT dataset, version, CAST(moment AS DATE), reasons, count(*) FROM _penstock.quarantine "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return tuple(sum_of(*row) for row in found)


def _replaced(
    cursor: duckdb.DuckDBPyConnection, publication: Publication, staging: str
) -> tuple[str, dict[str, object]]:
    """The condition on rows put aside before that this publish made anew."""
    interval = publication.interval
    bounds = (
        {"start": interval.start.replace(tzinfo=None), "end": interval.end.replace(tzinfo=None)} if interval else {}
    )
    if publication.state is not None and publication.state.replaces_all:  # all there was is read again
        return "true", {}
    match publication.materialization:
        case Materialization.INCREMENTAL if interval is not None:
            return "moment >= $start::TIMESTAMP AND moment < $end::TIMESTAMP", dict(bounds)
        case Materialization.MERGE:
            keys = f"SELECT {_key('new', publication.key)} FROM {staging} AS new UNION SELECT row_key FROM {_ASIDE}"
            if publication.gone is not None:
                keys += f" UNION SELECT {_key('gone', publication.key)} FROM {publication.gone} AS gone"
            again = f"row_key IS NULL AND row_json IN (SELECT row_json FROM {_ASIDE} WHERE row_key IS NULL)"
            same = f"(row_key IN ({keys}) OR {again})"
            built = " OR (interval_start >= $start::TIMESTAMP AND interval_end <= $end::TIMESTAMP)" if bounds else ""
            return same + built, dict(bounds)
        case Materialization.APPEND if publication.state is not None:
            return "false", {}
        case Materialization.APPEND if publication.offset is not None and publication.base is not None:
            type_ = applying.type_of(cursor, staging, publication.offset)
            return f"(CAST(row_offset AS {type_}) > $base) IS TRUE", {"base": publication.base}
        case _:
            return "true", {}


def _key(row: str, key: Sequence[str]) -> str:
    """A row's key as the text of a JSON list; NULL where a part is NULL: nobody can say that it is the same row."""
    if not key:
        return "NULL"
    values = ", ".join(f"CAST({row}.{quote(name)} AS VARCHAR)" for name in key)
    whole = " AND ".join(f"{row}.{quote(name)} IS NOT NULL" for name in key)
    return f"CASE WHEN {whole} THEN CAST(json_array({values}) AS VARCHAR) END"
