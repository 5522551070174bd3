"""A database in memory for made-up rows: see `quality.witness.Laboratory`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.duckdb.masking import install_for_tests
from penstock.quality.witness import Answer
from penstock.sql.identifiers import literal, quote, table

if TYPE_CHECKING:
    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import MadeUp, World


_NEEDLESS = frozenset(
    {"compressed_materialization", "distinct_aggregate_rewrite", "join_order", "statistics_propagation"}
)
"""What DuckDB does to a query only to answer it faster. Over a few rows it takes longer than the answer; without it a
query still reads and casts what it would, and no more."""


class MemoryLaboratory:
    """A `Laboratory` over one DuckDB in memory, without access to anything outside."""

    settings: tuple[str, ...] = ("SET TimeZone = 'UTC'", "SET enable_external_access = false")

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        for setting in self.settings:
            self._connection.execute(setting)
        plan_for_few_rows(self._connection)
        install_for_tests(self._connection)
        self._connection.execute("SET lock_configuration = true")
        self._made: dict[str, tuple[tuple[str, str], ...]] = {}
        self._held: dict[str, MadeUp] = {}
        self._parsed: dict[str, duckdb.Statement] = {}

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def fill(self, world: World) -> None:
        """Hold exactly these rows in the tables that a world has; tables of earlier worlds stay.

        What is held already is not filled again.
        """
        for made in world:
            if self._held.get(made.dataset) != made:
                self._held.pop(made.dataset, None)
                self._fill(made)
                self._held[made.dataset] = made

    def _fill(self, made: MadeUp) -> None:
        pipeline, name = made.dataset.split(".", 1)
        relation = table(pipeline, name)
        if self._made.get(made.dataset) != made.columns:
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(pipeline)}")
            columns = ", ".join(f"{quote(column)} {kind}" for column, kind in made.columns)
            self._connection.execute(f"CREATE OR REPLACE TABLE {relation} ({columns})")
            self._made[made.dataset] = made.columns
        else:
            self._ask(f"DELETE FROM {relation}")
        if made.rows:
            casts = ", ".join(
                f"TRY_CAST(unnest($c{at}::VARCHAR[]) AS {kind})" for at, (_, kind) in enumerate(made.columns)
            )
            values = {f"c{at}": [row[at] for row in made.rows] for at in range(len(made.columns))}
            self._ask(f"INSERT INTO {relation} SELECT {casts}", values)

    def answer(self, text: str, interval: Interval | None) -> Answer | None:
        """What a query gives; None if it fails."""
        try:
            found = self._ask(text, bound(text, interval) or None)
            columns = tuple(str(column[0]) for column in found.description or ())
            rows = found.fetchall()
        except duckdb.Error:
            return None
        return Answer(columns=columns, rows=tuple(tuple(map(self.seen, row)) for row in rows))

    @staticmethod
    def seen(value: object) -> str | None:
        """A value of an answer as text, so that values that count as the same are the same text."""
        if value is None:
            return None
        return repr(round(value, 9) + 0.0) if isinstance(value, float) else str(value)

    def _ask(self, text: str, values: dict[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Execute one statement, parsed when it comes for the first time: each is asked again and again."""
        if text not in self._parsed:
            (self._parsed[text],) = self._connection.extract_statements(text)
        return self._connection.execute(self._parsed[text], values)


def plan_for_few_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave out of DuckDB's planning what does not pay where tables have a few rows."""
    known = {str(name) for (name,) in connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()}
    connection.execute(f"SET disabled_optimizers = {literal(','.join(sorted(_NEEDLESS & known)))}")


def bound(text: str, interval: Interval | None) -> dict[str, Any]:
    """The values of the parameters that a query uses."""
    values: dict[str, Any] = {"offset": None}
    if interval is not None:
        values["interval_start"] = interval.start.replace(tzinfo=None)
        values["interval_end"] = interval.end.replace(tzinfo=None)
    return {name: value for name, value in values.items() if f"${name}" in text}
