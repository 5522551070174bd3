"""Postgres as a source: one SELECT in a read-only transaction, which is one snapshot, through ADBC.

What ADBC would carry wrongly does not travel in its own form: infinite and very late moments wrap around (they are
put right here, value by value), lists lose their dimensions and numerics are text anyway (both travel as text).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from penstock.adapters.databases.arrow import ArrowConnection
from penstock.adapters.databases.portions import as_moment, condition
from penstock.adapters.databases.texts import from_text, list_from_json
from penstock.model.databases import WHOLE_NUMBERS
from penstock.model.errors import PenstockError
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.adapters.databases.addresses import Address
    from penstock.adapters.databases.pulling import Pull
    from penstock.engine.ports.arrivals import Portion, Stream
    from penstock.model.databases import DatabaseSource

MODULE = "adbc_driver_postgresql"
_SETTINGS = (
    "SET default_transaction_read_only = on",
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO'",
    "SET IntervalStyle = 'postgres'",
    "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
)
_PATIENCE = 15
"""Seconds until a server that does not answer counts as not there."""
_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_TEXTS = frozenset({"text", "character varying", "character", "bpchar", "name", '"char"'})
_NATIVE: Mapping[str, frozenset[str]] = {
    "BOOLEAN": frozenset({"boolean"}),
    "FLOAT": frozenset({"real"}),
    "DOUBLE": frozenset({"real", "double precision"}),
    "VARCHAR": _TEXTS,
    "BLOB": frozenset({"bytea"}),
    "UUID": frozenset({"uuid"}),
    "JSON": frozenset({"json", "jsonb"}),
    "TIME": frozenset({"time without time zone"}),
    **dict.fromkeys(WHOLE_NUMBERS, _INTEGERS),
}
"""Types of Postgres that arrive as they are, and then at most become narrower, which DuckDB checks."""
_MOMENTS: Mapping[tuple[str, str], str] = {
    ("DATE", "date"): "{0}",
    ("TIMESTAMP", "timestamp without time zone"): "{0}",
    ("TIMESTAMP", "timestamp with time zone"): "{0} AT TIME ZONE 'UTC'",
    ("TIMESTAMP WITH TIME ZONE", "timestamp with time zone"): "{0}",
}
_WRAPPED: Mapping[str, tuple[str, str, str]] = {
    "DATE": ("5877612-06-21 (BC)", "5877612-06-22 (BC)", "5000-01-01 (BC)"),
    "TIMESTAMP": ("290279-12-22 (BC) 19:59:05.224191", "290279-12-22 (BC) 19:59:05.224192", "5000-01-01 (BC)"),
}
"""Where infinity and -infinity come out, and what no moment of Postgres is before."""
BY_NATIVE: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "oid": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "bytea": "BLOB",
    "uuid": "UUID",
    "json": "JSON",
    "jsonb": "JSON",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
}
"""What a column is declared as when nobody says otherwise; everything else as text."""


class PostgresDatabase:
    """A connection to a Postgres database that rows are read from."""

    def __init__(self, address: Address, dataset: str | None) -> None:
        self._address, self._dataset = address, dataset
        self.connection = self._connect()

    def _connect(self) -> ArrowConnection:
        text = self._address.text
        sign = "&" if "?" in text else "?"
        uri = text if "connect_timeout=" in text else f"{text}{sign}connect_timeout={_PATIENCE}"
        connection = ArrowConnection(MODULE, self._address, uri, self._dataset)
        try:
            for setting in _SETTINGS:
                connection.run(setting)
        except PenstockError:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Give the connection back."""
        self.connection.close()

    def columns(self, source: DatabaseSource) -> dict[str, str]:
        """The columns of the table or query, with Postgres's names of their types; a domain's is what it is over."""
        rows = f"SELECT * FROM {relation(source)} AS q LIMIT 0"
        names = self.connection.names(rows)
        kinds = ", ".join(f"{_kind(name)} AS k{number}" for number, name in enumerate(names))
        found = self.connection.rows(f"SELECT {kinds} FROM (VALUES (1)) AS one (n) LEFT JOIN ({rows}) AS q ON true")
        return dict(zip(names, map(str, found[0]), strict=True)) if names else {}

    def pull(self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull) -> int:
        """Write the portion's rows to the pull's file; how many."""
        sql, here = self._asked(source, native, portion)
        with _Progress(self) as progress:
            return self.connection.pull(pull, sql, here, rows=progress)

    @contextmanager
    def stream(
        self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull
    ) -> Iterator[Stream]:
        """The portion's rows as they come, for the time of a block."""
        sql, here = self._asked(source, native, portion)
        with _Progress(self) as progress, self.connection.stream(pull, sql, here, progress) as stream:
            yield stream

    def _asked(self, source: DatabaseSource, native: Mapping[str, str], portion: Portion) -> tuple[str, dict[str, str]]:
        """The query that is sent, and what becomes of each of its columns here."""
        remote, here = {}, {}
        for name, type_ in source.types.items():
            way = carried(native[name], type_)
            assert way is not None  # noqa: S101 - whoever calls has asked
            remote[name], here[name] = way[0].format(f"q.{quote(name)}"), _arriving(name, type_, way[1])
        columns = ", ".join(f"{expression} AS {quote(name)}" for name, expression in remote.items())
        where = condition(
            source, portion, lambda name: f"q.{quote(name)}", lambda name, value: written(native[name], value)
        )
        return f"SELECT {columns} FROM {relation(source)} AS q{f' WHERE {where}' if where else ''}", here

    def second(self) -> ArrowConnection:
        """Another connection to the same database."""
        return self._connect()


class _Progress:
    """How many rows a running COPY has sent, asked on a connection of its own once there is something to tell."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._asking: ArrowConnection | None = None
        self._process = int(database.connection.rows("SELECT pg_backend_pid()")[0][0])

    def __enter__(self) -> Callable[[], int | None]:
        return self._rows

    def __exit__(self, *_error: object) -> None:
        if self._asking is not None:
            self._asking.close()

    def _rows(self) -> int | None:
        if self._asking is None:
            self._asking = self._database.second()
        sql = f"SELECT tuples_processed FROM pg_catalog.pg_stat_progress_copy WHERE pid = {self._process}"
        with suppress(PenstockError):
            found = self._asking.rows(sql)
            return int(found[0][0]) if found else None
        return None


def relation(source: DatabaseSource) -> str:
    """What is read, for after FROM."""
    return f"(\n{source.query}\n)" if source.query else ".".join(map(quote, source.table.split(".")))


def carried(native: str, type_: str) -> tuple[str, str] | None:  # noqa: PLR0911 - a table of cases
    """How a column of Postgres comes to be of a declared type: the form it is sent in, and what it is then.

    The form is one of `as it is`, `text`, `list`, `moment`; None if it cannot without losing something.
    """
    if type_.endswith("[]"):
        element = native.removesuffix("[]")
        if native == element or carried(element, type_.removesuffix("[]").removesuffix("[]")) is None:
            return None
        return "array_to_json({0}::text[])::text", "list"
    if native in _NATIVE.get(type_, ()):
        return "{0}", "as it is"
    if (type_, native) in _MOMENTS:
        return _MOMENTS[type_, native], "moment"
    if type_ == "VARCHAR":
        return "{0}::text", "text"
    if type_ == "DOUBLE" and native in {"smallint", "integer", "numeric"}:
        return "{0}::float8", "as it is"
    if native in {"numeric", "oid", *_INTEGERS} and (type_.startswith("DECIMAL") or type_ in WHOLE_NUMBERS):
        return "{0}::text", "text"
    return None


def _arriving(name: str, type_: str, form: str) -> str:
    here = quote(name)
    match form:
        case "list":
            return list_from_json(here, type_, name)
        case "text":
            return from_text(here, type_, name)
        case "moment":
            return _unwrapped(here, type_, name)
    return here if type_ in {"VARCHAR", "JSON", "UUID", "BLOB", "BOOLEAN", "TIME"} else f"CAST({here} AS {type_})"


def _unwrapped(here: str, type_: str, name: str) -> str:
    """A date or moment as Postgres meant it: ADBC adds thirty years without looking for the end of the numbers."""
    late, early, first = _WRAPPED["DATE" if type_ == "DATE" else "TIMESTAMP"]
    zone = "+00" if type_ == "TIMESTAMP WITH TIME ZONE" else ""
    dated = [f"CAST({literal(text + (zone if ':' in text else ''))} AS {type_})" for text in (late, early, first)]
    return (
        f"CASE WHEN {here} > {dated[2]} THEN {here} WHEN {here} IS NULL THEN NULL "
        f"WHEN {here} = {dated[0]} THEN CAST('infinity' AS {type_}) "
        f"WHEN {here} = {dated[1]} THEN CAST('-infinity' AS {type_}) "
        f"ELSE error({literal(f'{name} holds a moment that DuckDB has no {type_} for')}) END"
    )


def _kind(name: str) -> str:
    """The type of a column, of a domain that which it restricts."""
    base = "CASE WHEN t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END"
    return f"(SELECT format_type({base}, NULL) FROM pg_catalog.pg_type t WHERE t.oid = pg_typeof(q.{quote(name)}))"


def written(native: str, value: object) -> str:
    """A value as it is compared with a column of a type of Postgres."""
    moment = as_moment(value)
    if moment is None:
        return literal(int(str(value)))
    if native == "date":
        return f"DATE '{moment.date().isoformat()}'"
    bare = datetime.isoformat(moment.replace(tzinfo=None), sep=" ")
    return f"TIMESTAMPTZ '{bare}+00'" if native == "timestamp with time zone" else f"TIMESTAMP '{bare}'"


def declared(native: str) -> str:
    """The DuckDB type that a column of Postgres is declared as when nobody says otherwise.

    `native` is as `format_type` writes it, with precision and scale where it has them.
    """
    head, _, arguments = native.partition("(")
    if native.endswith("[]"):
        element = declared(native.removesuffix("[]"))
        return "VARCHAR[]" if element in {"BLOB", "JSON"} else f"{element}[]"
    if head == "numeric" and arguments:
        precision, _, scale = arguments.rstrip(")").partition(",")
        fits = 0 < int(precision) <= 38 and 0 <= int(scale or 0) <= int(precision)
        return f"DECIMAL({int(precision)},{int(scale or 0)})" if fits else "VARCHAR"
    plain = head + native.partition(")")[2] if arguments else native
    return BY_NATIVE.get(plain.strip(), "VARCHAR")
