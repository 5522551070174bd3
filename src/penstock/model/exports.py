"""Exports: which dataset goes where, in which form, and which of its personal columns may leave with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from penstock.model.databases import DatabaseEngine
from penstock.model.environments import PRODUCTION


class ExportFormat(StrEnum):
    """What an export is written as."""

    PARQUET = "parquet"
    CSV = "csv"
    POSTGRES = "postgres"
    DUCKDB = "duckdb"

    @property
    def is_database(self) -> bool:
        """Whether it is a table of a database, and no file."""
        return self in {ExportFormat.POSTGRES, ExportFormat.DUCKDB}


class ExportMode(StrEnum):
    """What an export is renewed by: all of it, or each interval for itself."""

    WHOLE = "whole"
    INTERVAL = "interval"


EXPORT_SUFFIXES: dict[str, ExportFormat] = {
    ".parquet": ExportFormat.PARQUET,
    ".csv": ExportFormat.CSV,
    ".duckdb": ExportFormat.DUCKDB,
}
"""What the names of files say of their format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export: rows of `dataset`, as `environment` shows them, kept at one target.

    `path` is a file's, with `{interval_start:…}` where each interval has its own; or the DuckDB database's. A table of
    Postgres has its address in the environment variable `connection`, or in the file `connection_file`. `table` is
    `schema.name`. `columns` are those that leave (all, if none are named), `personal` those of them that may although
    they hold personal data. `name` and `file` are empty for an export that no file declares.
    """

    dataset: str
    format: ExportFormat
    mode: ExportMode = ExportMode.WHOLE
    name: str = ""
    file: str = ""
    description: str = ""
    environment: str = PRODUCTION
    path: str = ""
    connection: str = ""
    connection_file: str = ""
    table: str = ""
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()

    @property
    def engine(self) -> DatabaseEngine:
        """Which database its address is of."""
        return DatabaseEngine.POSTGRES

    @property
    def target(self) -> str:
        """Where it goes, as people and the ledger call it: nothing of it is secret."""
        where = self.path if not self.connection and not self.connection_file else f"${self.connection}"
        if self.connection_file:
            where = self.connection_file
        return f"{where} {self.table}" if self.table else where
