"""SQL databases as sources: which table or query is read, as what, and how much of it each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.tasks import TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

DATABASE = "database"
"""The `format` of a source file that describes a `DatabaseSource`."""
WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
"""DuckDB types by which a cursor may count."""
MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
"""DuckDB types by which rows are cut into intervals, or a cursor may tell the time."""


class DatabaseEngine(StrEnum):
    """Which databases are spoken to."""

    POSTGRES = "postgres"
    SQLITE = "sqlite"
    MYSQL = "mysql"


class Refresh(StrEnum):
    """How often what has no intervals is read again: at every run, or once in each of these of UTC."""

    ALWAYS = "always"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Read on from the newest value of `column` that is held already, less `overlap`, in the unit of the column."""

    column: str
    overlap: timedelta | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Read on from the last change that is held already, by the database's own stream of them.

    `publication` names what the stream shows, `slot` what the names of the slots begin with that keep it, one for each
    version; ours, where they say nothing.
    """

    publication: str = ""
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource:
    """A table or a query of a database, whose rows land typed.

    `connection` names the environment variable that holds the database's address, `connection_file` a file of the
    project that does: one of them is given, and the address itself is nowhere. `table` is a name with dots between
    its parts, `query` one SELECT in the database's own dialect: one of them is given. `types` are DuckDB's by column,
    in order. Another `reload` is another version, which begins anew.
    """

    engine: DatabaseEngine
    types: Mapping[str, str]
    connection: str = ""
    connection_file: str = ""
    table: str = ""
    query: str = ""
    query_digest: str = ""
    cursor: Cursor | None = None
    changes: Changes | None = None
    reload: int | None = None
    refresh: Refresh = Refresh.ALWAYS
    reads: tuple[str, ...] = ()
    kind: TaskKind = field(default=TaskKind.SOURCE, init=False)

    @property
    def row(self) -> tuple[str, ...]:
        """Every column of its rows."""
        return tuple(self.types)

    @property
    def row_types(self) -> dict[str, str]:
        """The same with their types."""
        return dict(self.types)

    @property
    def parts(self) -> dict[str, object]:
        """What decides its rows. `overlap` and `refresh` say how often they are looked at, and are not among it."""
        where = {"connection": self.connection, "connection_file": self.connection_file}
        what = {"table": self.table, "query": self.query_digest}
        cursor = {"cursor": self.cursor.column} if self.cursor else {}
        changes: dict[str, object] = {"changes": self.changes.publication} if self.changes else {}
        if self.reload is not None:
            changes["reload"] = self.reload
        columns = [[name, type_] for name, type_ in self.types.items()]
        return {"engine": str(self.engine), **where, **what, **cursor, **changes, "columns": columns}

    @property
    def place(self) -> str:
        """What people call it: its table, or that it is a query."""
        return self.table or "a query"
