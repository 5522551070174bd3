"""Throw-away databases in memory: evaluating expressions over made-up rows, and unit tests on data."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.duckdb.errors import translated
from penstock.adapters.duckdb.masking import give_key, install, install_for_tests
from penstock.engine.ports.processes import Order
from penstock.model.errors import InputError, PenstockError
from penstock.model.findings import Finding, Place
from penstock.model.masking import TEST_KEY, MaskingSecret
from penstock.model.pipelines import CommandTask, PythonTask, Source, SqlTask
from penstock.sql.identifiers import literal, quote, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from penstock.engine.ports.processes import Processes
    from penstock.model.datatests import DataTest
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """How one case came out; `findings` say what was missing and what was too much."""

    dataset: str
    name: str
    file: str
    passed: bool
    findings: tuple[Finding, ...] = ()


class MemoryEvaluator:
    """A `RowEvaluator` over one database in memory, opened on first use; equal questions are answered once."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._answers: dict[object, tuple[tuple[str | None, ...], ...]] = {}

    def __call__(
        self, select: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]
    ) -> tuple[tuple[str | None, ...], ...]:
        """The answer of a query over the relation `given`, as text; see `RowEvaluator`."""
        question = (select, tuple(columns), tuple(tuple(row) for row in rows))
        if question not in self._answers:
            with translated(dataset=None, as_input=True):
                self._answers[question] = self._ask(*question)
        return self._answers[question]

    def _ask(
        self, select: str, columns: tuple[tuple[str, str], ...], rows: tuple[tuple[str | None, ...], ...]
    ) -> tuple[tuple[str | None, ...], ...]:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config={"threads": 1})
            self._connection.execute("SET TimeZone = 'UTC'")
            install_for_tests(self._connection)
        listed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns)
        self._connection.execute(f"CREATE OR REPLACE TABLE given ({listed})")
        if rows:
            marks = ", ".join(f"CAST(? AS {kind})" for _, kind in columns)
            held = ", ".join(f"({marks})" for _ in rows)
            self._connection.execute(f"INSERT INTO given VALUES {held}", [value for row in rows for value in row])
        found = self._connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({select})").fetchall()
        return tuple(tuple(row) for row in found)


def run_datatests(tests: Iterable[DataTest], project: Project, processes: Processes) -> tuple[TestOutcome, ...]:
    """Give each case's rows to its task and compare what it returns with what is expected."""
    with closing(duckdb.connect(":memory:", config={"threads": 1})) as database:
        install(database)
        return tuple(_outcome(test, project, processes, database) for test in tests)


def _outcome(test: DataTest, project: Project, processes: Processes, database: DuckDBPyConnection) -> TestOutcome:
    dataset = project.datasets[test.dataset]
    try:
        with _nothing_kept(database) as connection:
            for upstream in dataset.reads:
                give(connection, project.datasets[upstream], test.given.get(upstream, ()), test)
            relation = _result(connection, dataset, test, processes)
            findings = compare(connection, relation, test)
    except PenstockError as error:
        findings = tuple(_placed(finding, test) for finding in error.findings)
    return TestOutcome(dataset=test.dataset, name=test.name, file=test.file, passed=not findings, findings=findings)


@contextmanager
def _nothing_kept(database: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """A session of its own, in a transaction that is undone: to open a database takes longer than most cases."""
    with closing(database.cursor()) as session:
        session.execute("SET TimeZone = 'UTC'")
        give_key(session, MaskingSecret.of(TEST_KEY))
        session.execute("BEGIN")
        try:
            yield session
        finally:
            session.execute("ROLLBACK")


def give(
    connection: duckdb.DuckDBPyConnection, upstream: Dataset, rows: Sequence[Mapping[str, object]], test: DataTest
) -> None:
    """A table of the upstream's columns holding the given rows."""
    types = column_types(upstream, rows)
    pipeline, name = upstream.name.split(".", 1)
    unknown = sorted({column for row in rows for column in row} - set(types))
    if unknown:
        raise InputError(
            Finding(
                code="test.unknown_column",
                message=f"the case gives {upstream.name} a column {unknown[0]!r} that it does not have",
                place=Place(file=test.file, line=test.line, dataset=upstream.name),
                found=unknown[0],
                expected=", ".join(types),
                remedy="correct the column's name",
            )
        )
    with translated(dataset=upstream.name, as_input=True):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(pipeline)}")
        columns = ", ".join(f"{quote(column)} {kind}" for column, kind in types.items())
        connection.execute(f"CREATE TABLE {table(pipeline, name)} ({columns})")
        for row in rows:
            marks = ", ".join(f"CAST(? AS {types[column]})" for column in row)
            names = ", ".join(quote(column) for column in row)
            values = [_as_text(value) for value in row.values()]
            connection.execute(f"INSERT INTO {table(pipeline, name)} ({names}) VALUES ({marks})", values)


def column_types(dataset: Dataset, rows: Sequence[Mapping[str, object]] = ()) -> dict[str, str]:
    """A dataset's columns and types: its contract's, a source's own, or, without either, text named as in `rows`."""
    if dataset.contract is not None:
        return {column.name: column.type for column in dataset.contract.columns}
    if isinstance(dataset.task, Source):
        return dataset.task.row_types
    return dict.fromkeys((column for row in rows for column in row), "VARCHAR")


def _result(connection: duckdb.DuckDBPyConnection, dataset: Dataset, test: DataTest, processes: Processes) -> str:
    """Run the task; the name of a table with what it returned."""
    task = dataset.task
    if isinstance(task, SqlTask):
        params = _params(test.interval, task.params)
        with translated(dataset=dataset.name):
            connection.execute(f"CREATE TEMP TABLE _result AS {task.text}", params or None)
        return "_result"
    if not isinstance(task, PythonTask | CommandTask):
        raise InputError(
            Finding(
                code="test.of_source",
                message=f"{dataset.name} is a source and cannot be tested on given rows",
                place=Place(file=test.file, line=test.line, dataset=dataset.name),
                expected="a SQL, Python or command dataset",
                remedy="test the dataset that reads it",
            )
        )
    with processes.scratch() as folder:
        inputs = {}
        for parameter, upstream in task.reads_by_parameter.items():
            inputs[parameter] = folder / f"{parameter}.parquet"
            source = table(*upstream.split(".", 1))
            connection.execute(f"COPY {source} TO {literal(str(inputs[parameter]))} (FORMAT parquet)")
        output = folder / "_output.parquet"
        processes.run(
            Order(run="test", log=dataset.name, dataset=dataset, inputs=inputs, output=output, interval=test.interval)
        )
        connection.execute(f"CREATE TEMP TABLE _result AS SELECT * FROM read_parquet({literal(str(output))})")
    return "_result"


def _params(interval: Interval | None, names: frozenset[str]) -> dict[str, Any]:
    if interval is None:
        return {}
    values = {"interval_start": interval.start, "interval_end": interval.end}
    return {name: values[name].replace(tzinfo=None) for name in sorted(names)}


def compare(connection: duckdb.DuckDBPyConnection, relation: str, test: DataTest) -> tuple[Finding, ...]:
    """Expected rows against actual ones, as multisets, on the columns that the case names."""
    described = connection.execute(f"DESCRIBE {relation}").fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    named = [name for name in types if any(name in row for row in test.expect)] or list(types)
    strange = sorted({column for row in test.expect for column in row} - set(types))
    if strange:
        return (_missing_column(test, strange[0], types),)
    columns = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in named)
    actual = Counter(tuple(row) for row in connection.execute(f"SELECT {columns} FROM {relation}").fetchall())
    wanted = _wanted(connection, test, {name: types[name] for name in named})
    missing, extra = list((wanted - actual).elements()), list((actual - wanted).elements())
    if not missing and not extra:
        return ()
    return (_different(test, named, missing, extra),)


def _wanted(
    connection: duckdb.DuckDBPyConnection, test: DataTest, types: Mapping[str, str]
) -> Counter[tuple[Any, ...]]:
    marks = ", ".join(f"CAST(CAST(? AS {kind}) AS VARCHAR)" for kind in types.values())
    wanted: Counter[tuple[Any, ...]] = Counter()
    with translated(dataset=test.dataset, as_input=True):
        for row in test.expect:
            values = [_as_text(row.get(name)) for name in types]
            wanted[tuple(connection.execute(f"SELECT {marks}", values).fetchall()[0])] += 1
    return wanted


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _missing_column(test: DataTest, column: str, types: Mapping[str, str]) -> Finding:
    return Finding(
        code="test.unknown_column",
        message=f"{test.dataset} returns no column {column!r}",
        place=Place(file=test.file, line=test.line, dataset=test.dataset, field=column),
        found=", ".join(types),
        expected=f"a column {column}",
        remedy="correct the test or the task",
    )


def _different(
    test: DataTest, named: Sequence[str], missing: Sequence[tuple[Any, ...]], extra: Sequence[tuple[Any, ...]]
) -> Finding:
    def shown(rows: Sequence[tuple[Any, ...]]) -> str:
        texts = [", ".join(f"{name}={value}" for name, value in zip(named, row, strict=True)) for row in rows[:5]]
        return " | ".join(texts) or "nothing"

    return Finding(
        code="test.different_rows",
        message=f"{test.dataset}: {test.name}: {len(missing)} expected row(s) missing, {len(extra)} not expected",
        place=Place(file=test.file, line=test.line, dataset=test.dataset),
        found=f"not expected: {shown(extra)}",
        expected=f"missing: {shown(missing)}",
        remedy="correct the task, or the test if the rule has changed",
    )


def _placed(finding: Finding, test: DataTest) -> Finding:
    """The finding at the test's place, if it has none of its own."""
    if finding.place.file:
        return finding
    return Finding(
        code=finding.code,
        message=f"{test.dataset}: {test.name}: {finding.message}",
        place=Place(file=test.file, line=test.line, dataset=test.dataset),
        found=finding.found,
        expected=finding.expected,
        remedy=finding.remedy,
    )
