"""MySQL and MariaDB as a source, through PyMySQL: there is no ADBC driver for them on the package index.

Rows come in batches as the text that the server sends, in one consistent snapshot, and become typed here.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb

from penstock.adapters.databases.arrow import driver
from penstock.adapters.databases.portions import as_moment, condition
from penstock.adapters.databases.pulling import fault, scratch, stoppable, write
from penstock.adapters.databases.texts import from_text
from penstock.model.databases import WHOLE_NUMBERS
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal
from penstock.sql.identifiers import quote as quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.databases.addresses import Address
    from penstock.adapters.databases.pulling import Pull
    from penstock.engine.ports.arrivals import Portion
    from penstock.model.databases import DatabaseSource

MODULE = "pymysql"
BATCH = 5000
"""Rows that are in memory as Python values at once."""
_PATIENCE = 15
_SETTINGS = (
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
_SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
KINDS: Mapping[int, str] = {
    0: "decimal",
    1: "tinyint",
    2: "smallint",
    3: "int",
    4: "float",
    5: "double",
    7: "timestamp",
    8: "bigint",
    9: "mediumint",
    10: "date",
    11: "time",
    12: "datetime",
    13: "year",
    15: "text",
    16: "bit",
    245: "json",
    246: "decimal",
    247: "enum",
    248: "set",
    249: "text",
    250: "text",
    251: "text",
    252: "text",
    253: "text",
    254: "text",
    255: "geometry",
}
"""What the protocol's numbers of types stand for; `text` may be bytes, which each value says."""
_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint", "mediumint", "year"})
_CARRIED: Mapping[str, frozenset[str]] = {
    "BOOLEAN": frozenset({"tinyint"}),
    "FLOAT": frozenset({"float"}),
    "DOUBLE": frozenset({"float", "double", "decimal", "tinyint", "smallint", "int", "mediumint"}),
    "DECIMAL": frozenset({"decimal", *_INTEGERS}),
    "BLOB": frozenset({"text", "bit", "geometry"}),
    "DATE": frozenset({"date"}),
    "TIME": frozenset({"time"}),
    "TIMESTAMP": frozenset({"datetime", "timestamp"}),
    "TIMESTAMP WITH TIME ZONE": frozenset({"timestamp"}),
    "UUID": frozenset({"text"}),
    "JSON": frozenset({"json", "text"}),
    **dict.fromkeys(WHOLE_NUMBERS, frozenset({"decimal", *_INTEGERS})),
}


class MysqlDatabase:
    """A connection to a MySQL or MariaDB database that rows are read from."""

    def __init__(self, address: Address, dataset: str | None) -> None:
        self._address, self._dataset = address, dataset
        self._driver = driver(MODULE)
        self._connection = self._connect()

    def _connect(self) -> Any:
        parts = urlsplit(self._address.text)
        options = dict(parse_qsl(parts.query))
        secure = {name: options[name] for name in ("ssl_ca", "ssl_cert", "ssl_key") if name in options}
        try:
            connection = self._driver.connect(
                host=parts.hostname or "localhost",
                port=parts.port or 3306,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=unquote(parts.path.lstrip("/")) or None,
                charset="utf8mb4",
                connect_timeout=_PATIENCE,
                conv=self._driver.converters.encoders,  # and no decoders: what is read stays text
                cursorclass=self._driver.cursors.SSCursor,
                **secure,
            )
            with connection.cursor() as cursor:
                for setting in _SETTINGS:
                    cursor.execute(setting)
        except (self._driver.MySQLError, OSError) as error:
            raise fault(self._dataset, self._address, error) from None
        return connection

    def close(self) -> None:
        """Give the connection back."""
        with suppress(self._driver.MySQLError, OSError):
            self._connection.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A few rows of a query, as text."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except (self._driver.MySQLError, OSError) as error:
            raise fault(self._dataset, self._address, error) from None

    def columns(self, source: DatabaseSource) -> dict[str, str]:
        """The columns of the table or query, with the names of their types as the protocol tells them apart."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation(source)} AS q LIMIT 0")
                return {str(one[0]): KINDS.get(int(one[1]), "unknown") for one in cursor.description}
        except (self._driver.MySQLError, OSError) as error:
            raise fault(self._dataset, self._address, error) from None

    def pull(self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull) -> int:
        """Write the portion's rows to the pull's file; how many."""
        columns = ", ".join(_sent(f"q.{quote(name)}", type_) for name, type_ in source.types.items())
        where = condition(source, portion, lambda name: f"q.{quote(name)}", _written)
        sql = f"SELECT {columns} FROM {relation(source)} AS q{f' WHERE {where}' if where else ''}"
        stopped, count = threading.Event(), [0]

        def stop() -> None:
            if not stopped.is_set():
                stopped.set()
                self._kill()

        del native
        with scratch(pull.path.parent) as connection, stoppable(pull, stop, lambda: count[0]):
            try:
                self._spool(connection, sql, source, stopped, count)
                select = {name: from_text(quoted(name), type_, name) for name, type_ in source.types.items()}
                blobs = {name: f"unhex({quoted(name)})" for name, type_ in source.types.items() if type_ == "BLOB"}
                return write(connection, "_rows", {**select, **blobs}, pull.path)
            except (self._driver.MySQLError, OSError, duckdb.Error) as error:
                raise fault(self._dataset, self._address, error) from None

    def _spool(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        source: DatabaseSource,
        stopped: threading.Event,
        count: list[int],
    ) -> None:
        """Rows as text into a table of the scratch database, batch by batch."""
        names = list(source.types)
        connection.execute(f"CREATE TABLE _rows ({', '.join(f'{quoted(name)} VARCHAR' for name in names)})")
        taken = ", ".join(f"r[{number}]" for number in range(1, len(names) + 1))
        insert = f"INSERT INTO _rows SELECT {taken} FROM (SELECT unnest(from_json($1, '[[\"VARCHAR\"]]')) AS r)"
        with self._connection.cursor() as cursor:
            cursor.execute(_SNAPSHOT)
            cursor.execute(sql)
            while not stopped.is_set() and (rows := cursor.fetchmany(BATCH)):
                connection.execute(insert, [json.dumps([_texts(row, source) for row in rows])])
                count[0] += len(rows)
        if stopped.is_set():
            raise self._driver.OperationalError("the reading was stopped")

    def _kill(self) -> None:
        """End what the connection waits for, by another one."""
        other = self._connect()
        try:
            with other.cursor() as cursor:
                cursor.execute(f"KILL QUERY {int(self._connection.thread_id())}")
        finally:
            other.close()


def quote(name: str) -> str:
    """The name as MySQL quotes it."""
    return "`" + name.replace("`", "``") + "`"


def relation(source: DatabaseSource) -> str:
    """What is read, for after FROM."""
    return f"(\n{source.query}\n)" if source.query else ".".join(map(quote, source.table.split(".")))


def carried(native: str, type_: str) -> bool:
    """Whether a column of MySQL can be of a declared type without losing something."""
    return type_ == "VARCHAR" or native in _CARRIED.get(type_.partition("(")[0], ())


def declared(column_type: str) -> str:
    """The DuckDB type of a column as `information_schema` writes it, such as `int(10) unsigned`."""
    head = column_type.partition("(")[0].partition(" ")[0].lower()
    unsigned = "U" if "unsigned" in column_type.lower() else ""
    if head == "tinyint" and column_type.startswith("tinyint(1)"):
        return "BOOLEAN" if not unsigned else "UTINYINT"
    whole = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
    if head in whole:
        return f"{unsigned}{whole[head]}"
    if head == "decimal":
        precision, _, scale = column_type.partition("(")[2].partition(")")[0].partition(",")
        return f"DECIMAL({int(precision)},{int(scale or 0)})" if int(precision) <= 38 else "VARCHAR"
    if head in {"binary", "varbinary", "bit"} or head.endswith("blob"):
        return "BLOB"
    other = {"float": "FLOAT", "double": "DOUBLE", "date": "DATE", "datetime": "TIMESTAMP", "json": "JSON"}
    return {**other, "timestamp": "TIMESTAMP WITH TIME ZONE", "year": "SMALLINT"}.get(head, "VARCHAR")


def _sent(column: str, type_: str) -> str:
    """A column as it is asked for: as text a FLOAT would come with six digits."""
    return f"{column} + 0e0" if type_ in {"FLOAT", "DOUBLE"} else column


def _texts(row: Sequence[object], source: DatabaseSource) -> list[str | None]:
    found: list[str | None] = []
    for value, (name, type_) in zip(row, source.types.items(), strict=True):
        if isinstance(value, bytes) != (type_ == "BLOB") and value is not None:
            raise TaskError(
                Finding(
                    code="source.refused",
                    message=f"{name} holds {'bytes' if isinstance(value, bytes) else 'text'}, declared as {type_}",
                    place=Place(field=name),
                    expected="BLOB for bytes, another type for text",
                    remedy="correct the type in the source's file",
                )
            )
        found.append(value.hex() if isinstance(value, bytes) else None if value is None else str(value))
    return found


def _written(_name: str, value: object) -> str:
    """A value as it is compared with a column, in UTC, which is the session's zone."""
    moment = as_moment(value)
    return literal(int(str(value))) if moment is None else literal(moment.replace(tzinfo=None).isoformat(sep=" "))
