"""Rows that are put aside in Postgres: as in the file, with staged rows told apart by a number of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.adapters.quarantine_rows import COLUMNS, SHOWN, row_of, sum_of
from penstock.model.pipelines import Materialization
from penstock.quality.sifting import REASONS, ROW
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.postgres.asking import Translator
    from penstock.adapters.postgres.server import Connection
    from penstock.adapters.quarantine_rows import Texts
    from penstock.engine.ports.publishing import Publication, QuarantinedRow, QuarantineSum
    from penstock.model.intervals import Interval
    from penstock.plan.versions import Version

SETUP = """
CREATE TABLE IF NOT EXISTS _penstock.quarantine (
    publish_id text, dataset text, version text, interval_start timestamp, interval_end timestamp, moment timestamp,
    row_key text, row_offset text, reasons text, row_json text, recorded_at text
);
CREATE INDEX IF NOT EXISTS quarantine_by_version ON _penstock.quarantine (dataset, version);
"""
THERE = "SELECT to_regclass('_penstock.quarantine') IS NOT NULL"
_KEPT = "moment timestamp, row_key text, row_offset text, reasons text, row_json text"
_CAUGHT, _ASIDE = 'pg_temp."_caught"', 'pg_temp."_quarantined"'


class Bowl:
    """A session's staging while it is sifted; see `quarantine_rows.Bowl`."""

    row, caught = quote(ROW), _CAUGHT

    def __init__(self, connection: Connection, translator: Translator, staging: str) -> None:
        self._connection, self._translator, self._staging = connection, translator, staging
        for statement in (
            f"DROP TABLE IF EXISTS {_CAUGHT}, {_ASIDE}",
            f"CREATE TEMP TABLE _caught ({quote(ROW)} bigint, {quote(REASONS)} text)",
            f"CREATE TEMP TABLE _quarantined ({_KEPT})",
            f"ALTER TABLE {staging} ADD COLUMN {quote(ROW)} bigint GENERATED ALWAYS AS IDENTITY",
        ):
            connection.execute(statement.encode())

    def ask(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        asked = self._translator.question(self._connection, sql, named=False)
        return asked.rows(self._connection.execute(asked.text, asked.values or None).fetchall())[0]

    def catch(self, sql: str) -> int:
        """Note the rows that a query numbers."""
        asked = self._translator.question(self._connection, sql)
        made = self._connection.execute(f"INSERT INTO {_CAUGHT} ".encode() + asked.text, asked.values or None)
        return max(made.rowcount, 0)

    def set_aside(self, texts: Texts, publication: Publication) -> None:
        """Copy what is noted, each value as its text, and take it out of the staging."""
        said = {name: f"held.{quote(name)}::text" for name in texts.columns}
        said |= {name: f"coalesce(held.{quote(text)}, {said[name]})" for name, text in texts.raw.items()}
        values = ", ".join(f"{text} AS {quote(name)}" for name, text in said.items())
        moment = f"CAST(held.{quote(texts.moment)} AS timestamp)" if texts.moment else "NULL::timestamp"
        offset = f"held.{quote(publication.offset)}::text" if publication.offset else "NULL"
        joined = f"{self._staging} AS held JOIN {_CAUGHT} AS caught USING ({quote(ROW)})"
        self._run(
            f"INSERT INTO {_ASIDE} SELECT {moment}, {_key('held', publication.key)}, {offset}, "
            f"'[' || substr(caught.{quote(REASONS)}, 3) || ']', "
            f"(SELECT to_json(texts)::text FROM (SELECT {values}) AS texts) FROM {joined}"
        )
        self._run(f"DELETE FROM {self._staging} AS held USING {_CAUGHT} AS c WHERE held.{self.row} = c.{self.row}")

    def clear_values(self, columns: Mapping[str, str]) -> None:
        """Make columns NULL where a condition holds; the conditions are DuckDB's, so a query of them is carried."""
        if not columns:
            return
        kept = ", ".join(
            f"CASE WHEN {where} THEN NULL ELSE {quote(name)} END AS {quote(name)}" for name, where in columns.items()
        )
        where = " OR ".join(columns.values())
        sql = f"SELECT {self.row}, {kept} FROM {self._staging} WHERE {where}"
        asked = self._translator.question(self._connection, sql)
        values = ", ".join(f"{quote(name)} = made.{quote(name)}" for name in columns)
        start = f"UPDATE {self._staging} AS held SET {values} FROM (".encode()
        end = f") AS made WHERE held.{self.row} = made.{self.row}".encode()
        self._connection.execute(start + asked.text + end, asked.values or None)

    def drop_columns(self, columns: Sequence[str]) -> None:
        """Take columns out of the staging, and the numbers of its rows."""
        dropped = ", ".join(f"DROP COLUMN {quote(name)}" for name in (*columns, ROW))
        self._run(f"ALTER TABLE {self._staging} {dropped}")

    def _run(self, statement: str) -> None:
        self._connection.execute(statement.encode())


def end(connection: Connection) -> None:
    """Leave nothing of a sieve behind on a connection."""
    connection.execute(f"DROP TABLE IF EXISTS {_CAUGHT}, {_ASIDE}".encode())


def keep(connection: Connection, publication: Publication, staging: str) -> None:
    """In the publish's transaction: what was put aside, in the place of what was before of the same rows."""
    where, values = _replaced(connection, publication, staging)
    connection.execute(
        f"DELETE FROM _penstock.quarantine WHERE dataset = $1 AND version = $2 AND ({where})".encode(),
        [publication.dataset, publication.version, *values],
    )
    interval = publication.interval
    connection.execute(
        f"INSERT INTO _penstock.quarantine ({', '.join(COLUMNS)}) SELECT $1::text, $2::text, $3::text, $4::timestamp, "
        f"$5::timestamp, moment, row_key, row_offset, reasons, row_json, $6::text FROM {_ASIDE}".encode(),
        [
            publication.publish_id,
            publication.dataset,
            publication.version,
            interval.start.replace(tzinfo=None) if interval else None,
            interval.end.replace(tzinfo=None) if interval else None,
            publication.at,
        ],
    )


def forget(connection: Connection, versions: Sequence[Version]) -> None:
    """Drop what was put aside of versions that are dropped."""
    connection.execute(
        b"DELETE FROM _penstock.quarantine AS held USING unnest($1::text[], $2::text[]) AS gone (dataset, version) "
        b"WHERE held.dataset = gone.dataset AND held.version = gone.version",
        [[version.dataset for version in versions], [version.fingerprint for version in versions]],
    )


def rows(
    connection: Connection, dataset: str, version: str, interval: Interval | None, limit: int | None
) -> tuple[QuarantinedRow, ...]:
    """The rows of a version; none in a database that only an older Penstock wrote to."""
    if not is_there(connection):
        return ()
    values: list[object] = [dataset, version]
    within = ""
    if interval is not None:
        within = " AND moment >= $3 AND moment < $4"
        values += [interval.start.replace(tzinfo=None), interval.end.replace(tzinfo=None)]
    bound = f" LIMIT {int(limit)}" if limit is not None else ""
    sql = (
        f"SELECT {SHOWN} FROM _penstock.quarantine WHERE dataset = $1 AND version = $2{within} "
        f'ORDER BY moment, row_json COLLATE "C", reasons COLLATE "C"{bound}'
    )
    return tuple(row_of(row) for row in connection.execute(sql.encode(), values).fetchall())


def sums(connection: Connection) -> tuple[QuarantineSum, ...]:
    """How many rows there are of each version, by day and reasons."""
    if not is_there(connection):
        return ()
    found = connection.execute(
        b"SELECT dataset, version, moment::date, reasons, count(*) FROM _penstock.quarantine "
        b"GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    ).fetchall()
    return tuple(sum_of(*row) for row in found)


def is_there(connection: Connection) -> bool:
    """Whether there is a place for rows that are put aside."""
    row = connection.execute(THERE.encode()).fetchone()
    return bool(row and row[0])


def _replaced(connection: Connection, publication: Publication, staging: str) -> tuple[str, list[object]]:
    """The condition on rows put aside before that this publish made anew; its values come after two others."""
    interval = publication.interval
    bounds: list[object] = [interval.start.replace(tzinfo=None), interval.end.replace(tzinfo=None)] if interval else []
    if publication.state is not None and publication.state.replaces_all:  # all there was is read again
        return "true", []
    match publication.materialization:
        case Materialization.INCREMENTAL if bounds:
            return "moment >= $3 AND moment < $4", bounds
        case Materialization.MERGE:
            keys = f"SELECT {_key('new', publication.key)} FROM {staging} AS new UNION SELECT row_key FROM {_ASIDE}"
            if publication.gone is not None:
                keys += f" UNION SELECT {_key('gone', publication.key)} FROM {publication.gone} AS gone"
            built = " OR (interval_start >= $3 AND interval_end <= $4)" if bounds else ""
            again = f"row_key IS NULL AND row_json IN (SELECT row_json FROM {_ASIDE} WHERE row_key IS NULL)"
            return f"(row_key IN ({keys}) OR {again}){built}", bounds
        case Materialization.APPEND if publication.state is not None:
            return "false", []
        case Materialization.APPEND if publication.offset is not None and publication.base is not None:
            found = connection.execute(
                f"SELECT format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute "
                f"WHERE attrelid = '{staging}'::regclass AND attname = $1".encode(),
                [publication.offset],
            ).fetchone()
            type_ = found[0] if found else "text"
            return f"(CAST(row_offset AS {type_}) > CAST($3 AS {type_})) IS TRUE", [publication.base]
        case _:
            return "true", []


def _key(row: str, key: Sequence[str]) -> str:
    """A row's key as the text of a JSON list; NULL where a part is NULL: nobody can say that it is the same row."""
    values = ", ".join(f"{row}.{quote(name)}::text" for name in key)
    whole = " AND ".join(f"{row}.{quote(name)} IS NOT NULL" for name in key)
    return f"CASE WHEN {whole} THEN to_json(ARRAY[{values}])::text END" if key else "NULL"
