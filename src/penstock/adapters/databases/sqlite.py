"""SQLite as a source, through ADBC. A column of SQLite holds values of any type: each is looked at before it is taken.

ADBC takes the type of a column from its first values. So a first row of made-up ones goes ahead, and is left out here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote as percent
from urllib.parse import unquote, urlsplit

from penstock.adapters.databases.arrow import ArrowConnection
from penstock.adapters.databases.portions import as_moment, condition
from penstock.adapters.databases.postgres import relation
from penstock.adapters.databases.texts import from_text
from penstock.model.databases import WHOLE_NUMBERS
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.databases.addresses import Address
    from penstock.adapters.databases.pulling import Pull
    from penstock.engine.ports.arrivals import Portion
    from penstock.model.databases import DatabaseSource

MODULE = "adbc_driver_sqlite"
_EXACT = 2**53
_FIRST, _ODD = "_first", "_odd"


class SqliteDatabase:
    """A SQLite file that rows are read from, and never written to."""

    def __init__(self, address: Address, dataset: str | None, root: Path) -> None:
        path = file_of(address, root)
        if not path.is_file():
            raise InputError(
                Finding(
                    code="source.no_database",
                    message="there is no SQLite file at the address",
                    place=Place(dataset=dataset),
                    expected="the path of a file that is there",
                    remedy="correct the address, or put the file there",
                )
            )
        self.connection = ArrowConnection(MODULE, address, f"file:{percent(str(path))}?mode=ro", dataset)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def columns(self, source: DatabaseSource) -> dict[str, str]:
        """The columns of the table or query; SQLite has no types that values keep to."""
        names = self.connection.names(f"SELECT * FROM {relation(source)} AS q LIMIT 0")
        return dict.fromkeys(names, "")

    def pull(self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull) -> int:
        """Write the portion's rows to the pull's file; how many."""
        del native
        first, sent, odd, here = [], [], [], {}
        for name, type_ in source.types.items():
            column = f"q.{quote(name)}"
            fits, form, example = _way(column, type_)
            first.append(f"{example} AS {quote(name)}")
            sent.append(f"CASE WHEN {fits} THEN {form} END")
            said = f"{literal(name + ' is ')} || typeof({column})"
            odd.append(f"WHEN {column} IS NOT NULL AND NOT ({fits}) THEN {said}")
            here[name] = _arriving(name, type_)
        where = _where(source, portion)
        rows = f"SELECT 0, CASE {' '.join(odd)} END, {', '.join(sent)} FROM {relation(source)} AS q"
        sql = (
            f"SELECT 1 AS {quote(_FIRST)}, '' AS {quote(_ODD)}, {', '.join(first)} UNION ALL "
            f"{rows}{f' WHERE {where}' if where else ''}"
        )
        message = f"error({literal('a value is of another type than declared: ')} || {quote(_ODD)})"
        is_real = f"{quote(_FIRST)} = 0"
        kept = f"{is_real} AND CASE WHEN {is_real} AND {quote(_ODD)} IS NOT NULL THEN {message} ELSE true END"
        return self.connection.pull(pull, sql, here, where=kept)


def file_of(address: Address, root: Path) -> Path:
    """The path of an address: plain, or in a URL; relative ones are beneath the project."""
    text = address.text
    if "://" in text:
        path = unquote(urlsplit(text).path)
        text = path.removeprefix("/") if path.startswith("/") and not path.startswith("//") else path[1:]
    return root / Path(text)


def _way(column: str, type_: str) -> tuple[str, str, str]:  # noqa: PLR0911 - a table of cases
    """Which values of SQLite are of a declared type, the form they are sent in, and an example of that form."""
    kind = f"typeof({column})"
    if type_ in WHOLE_NUMBERS:
        return f"{kind} = 'integer'", column, "0"
    if type_ in {"FLOAT", "DOUBLE"}:
        small = f"({kind} = 'integer' AND {column} BETWEEN -{_EXACT} AND {_EXACT})"
        return f"{kind} = 'real' OR {small}", f"CAST({column} AS REAL)", "0.0"
    if type_.startswith("DECIMAL"):
        exact = f"({kind} = 'real' AND CAST(CAST({column} AS TEXT) AS REAL) = {column})"
        return f"{kind} IN ('integer', 'text') OR {exact}", f"CAST({column} AS TEXT)", "'0'"
    if type_ == "BOOLEAN":
        return f"{kind} = 'integer' AND {column} IN (0, 1)", column, "0"
    if type_ == "BLOB":
        return f"{kind} = 'blob'", column, "x''"
    if type_ == "DATE":
        return f"{kind} = 'text' AND length({column}) = 10", column, "''"
    if type_ == "VARCHAR":
        return f"{kind} IN ('text', 'integer')", f"CAST({column} AS TEXT)", "''"
    return f"{kind} = 'text'", column, "''"


def _arriving(name: str, type_: str) -> str:
    here = quote(name)
    if type_ in {"VARCHAR", "BLOB", "DOUBLE"}:
        return here
    if type_ in {*WHOLE_NUMBERS, "BOOLEAN", "FLOAT"}:
        return f"CAST({here} AS {type_})"
    return from_text(here, type_, name)


def _where(source: DatabaseSource, portion: Portion) -> str:
    """The condition, which lets values pass that cannot be compared: nothing is left out unseen."""
    by = portion.column if portion.interval is not None else source.cursor.column if source.cursor else None
    said = condition(
        source, portion, lambda name: _comparable(source, name), lambda name, value: _written(source, name, value)
    )
    if by is None or not said:
        return ""
    column = f"q.{quote(by)}"
    fits = _way(column, source.types[by])[0]
    return f"({said}) OR ({column} IS NOT NULL AND (NOT ({fits}) OR {_comparable(source, by)} IS NULL))"


def _comparable(source: DatabaseSource, name: str) -> str:
    """A column as it is compared: moments are text, written in several ways, and compare as seconds."""
    column = f"q.{quote(name)}"
    return f"CAST(strftime('%s', {column}) AS INTEGER)" if source.types[name].startswith("TIMESTAMP") else column


def _written(source: DatabaseSource, name: str, value: object) -> str:
    """A value as it is compared with a column."""
    moment = as_moment(value)
    if moment is None:
        return literal(int(str(value)))
    if source.types[name] == "DATE":
        return literal(moment.date().isoformat())
    return literal(math.floor(moment.timestamp()))
