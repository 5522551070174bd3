"""Where many queries are asked about the same few rows: the given rows of one data test, kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.duckdb import scratch
from penstock.adapters.duckdb.laboratory import MemoryLaboratory, bound, plan_for_few_rows
from penstock.adapters.duckdb.masking import install_for_tests
from penstock.model.errors import PenstockError
from penstock.sql.identifiers import table

if TYPE_CHECKING:
    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Project
    from penstock.quality.synthesis import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query makes of the given rows: its columns with their types, and its rows as text."""

    types: dict[str, str]
    rows: tuple[tuple[str | None, ...], ...]

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return list(self.types)


class MutantBench:
    """The given rows of one data test, for asking queries over datasets in place of the dataset's own.

    Raises:
        InputError: the given rows do not fit the datasets they are given for.
    """

    def __init__(self, test: DataTest, project: Project) -> None:
        self.test = test
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_external_access = false")
        plan_for_few_rows(self._connection)
        install_for_tests(self._connection)
        try:
            for upstream in project.datasets[test.dataset].reads:
                scratch.give(self._connection, project.datasets[upstream], test.given.get(upstream, ()), test)
        except PenstockError:
            self.close()
            raise

    def close(self) -> None:
        """Forget the rows."""
        self._connection.close()

    def refuses(self, text: str) -> bool:
        """Whether the database would not even begin with a query."""
        try:
            self._connection.execute(f"EXPLAIN {text}", bound(text, self.test.interval) or None)
        except duckdb.Error:
            return True
        return False

    def passes(self, text: str) -> bool:
        """Whether the test passes with this query; one that fails does not pass."""
        try:
            self._make(text)
            return not scratch.compare(self._connection, "_result", self.test)
        except (PenstockError, duckdb.Error):
            return False

    def result(self, text: str) -> Result | None:
        """What the query makes of the rows; None if it fails."""
        try:
            self._make(text)
            types = {str(row[0]): str(row[1]) for row in self._connection.execute("DESCRIBE _result").fetchall()}
            found = self._connection.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM _result").fetchall()
        except duckdb.Error:
            return None
        return Result(types=types, rows=tuple(tuple(row) for row in found))

    def _make(self, text: str) -> None:
        params = bound(text, self.test.interval) or None
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE _result AS {text}", params)


class TestsLaboratory(MemoryLaboratory):
    """A `Laboratory` with the eyes of data tests: 12.5, 12.50 and 12.500 are the same number.

    Its tables are so small that to optimise a query takes longer than to answer it.
    """

    __test__ = False
    settings = (*MemoryLaboratory.settings, "PRAGMA disable_optimizer")

    @staticmethod
    def seen(value: object) -> str | None:
        """A value of an answer as text: numbers without the zeros that their type gives them."""
        if isinstance(value, float):
            value = round(value, 9) + 0.0
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            number = Decimal(str(value))
            return f"{number.normalize() + 0:f}" if number.is_finite() else str(number)
        return None if value is None else str(value)

    def held(self, world: World) -> World:
        """The tables as the database holds them: values as their types write them, NULL where they fit none."""
        self.fill(world)
        return tuple(replace(made, rows=self._rows(made.dataset)) for made in world)

    def _rows(self, dataset: str) -> tuple[tuple[str | None, ...], ...]:
        relation = table(*dataset.split(".", 1))
        found = self._connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {relation}").fetchall()
        return tuple(tuple(row) for row in found)
