"""Where an export's rows come from: one version in the project's warehouse, whichever that is, as Parquet files."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from penstock.adapters.expired_texts import ASIDE
from penstock.adapters.exports.types import selected
from penstock.plan.versions import relation_of
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from penstock.engine.ports.warehouse import Session
    from penstock.model.intervals import Interval
    from penstock.plan.exporting import Piece

_IDS = f"""
SELECT publish_id FROM _penstock.ledger WHERE dataset = $dataset AND version = $version
AND publish_id <> run AND publish_id <> run || {literal(ASIDE)}
"""
"""Without the ids of expiries, which stand there as their own run."""


class Readable(Protocol):
    """What of a warehouse an export needs."""

    def session(self) -> AbstractContextManager[Session]:
        """A connection."""
        ...

    def query(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows of a query."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRows:
    """An `Origin`. `columns` are the version's own, `leaving` those of the export with the types they leave as.

    `column` is the one by which intervals are cut; `stands_on` the versions whose publishes make its rows. Files lie
    in the `spool`, which the warehouse may write.
    """

    warehouse: Readable
    spool: Path
    dataset: str
    version: str
    columns: tuple[tuple[str, str], ...]
    leaving: tuple[tuple[str, str], ...]
    column: str | None
    stands_on: Sequence[tuple[str, str]]

    @contextmanager
    def rows(self, piece: Piece) -> Iterator[Path]:
        """A piece's rows as a Parquet file; see `Origin.rows`."""
        sql = f"SELECT {selected(self.columns, self.leaving)} FROM {relation_of(self.dataset, self.version)}"
        if piece.interval is not None and self.column is not None:
            sql += f" WHERE {within(self.column, piece.interval)}"
        self.spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.spool, prefix="export-") as folder:
            path = Path(folder) / "rows.parquet"
            with self.warehouse.session() as session:
                session.export(sql, {}, path)
            yield path

    def published(self) -> frozenset[str]:
        """The publish ids in the warehouse; see `Origin.published`."""
        found: set[str] = set()
        for dataset, version in self.stands_on:
            _, rows = self.warehouse.query(_IDS, {"dataset": dataset, "version": version})
            found |= {str(publish) for (publish,) in rows}
        return frozenset(found)


def within(column: str, interval: Interval) -> str:
    """The condition that a row lies in an interval, in the SQL of DuckDB and of Postgres; sessions are in UTC."""
    bounds = (literal(moment.replace(tzinfo=None)) for moment in (interval.start, interval.end))
    start, end = bounds
    return f"{quote(column)} >= {start} AND {quote(column)} < {end}"
