"""What DuckDB says of a project's queries before anything runs: parsed, and bound over empty tables of the known types.

A query is bound if the columns of all it reads are known: what a source declares, what a contract promises of a Python
or command task, what DuckDB itself made of the queries before it. What reads a query that was refused is not judged.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.duckdb.masking import install_for_tests
from penstock.adapters.duckdb.parsing import refused, unparsable
from penstock.model.pipelines import Source, SqlTask
from penstock.plan.order import topological
from penstock.sql.identifiers import quote, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset, Project

_REFUSALS = (duckdb.BinderException, duckdb.CatalogException)
"""What is wrong whatever the rows are."""
_SOME_MOMENT = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_PARAMETERS = {"interval_start": _SOME_MOMENT, "interval_end": _SOME_MOMENT, "offset": None}
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET lock_configuration = true",
)


def refused_queries(project: Project) -> Iterator[Finding]:
    """A finding for each query that DuckDB cannot parse or bind. No query is run, and no file is looked at."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        install_for_tests(connection)
        for setting in _SETTINGS:
            connection.execute(setting)
        for pipeline in sorted({dataset.pipeline for dataset in project.datasets.values()}):
            connection.execute(f"CREATE SCHEMA {quote(pipeline)}")
        known: set[str] = set()
        for name in topological(project):
            dataset = project.datasets[name]
            if not isinstance(dataset.task, SqlTask):
                if _declare(connection, dataset):
                    known.add(name)
            elif known.issuperset(dataset.task.reads):
                yield from _bind(connection, dataset, dataset.task, known)
            else:
                yield from unparsable([dataset])


def _declare(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    """Make the empty table of a dataset whose columns are told by a file; False where none tells them."""
    types = dataset.task.row_types if isinstance(dataset.task, Source) else {}
    if dataset.contract is not None:
        types = {column.name: column.type for column in dataset.contract.columns}
    if not types:
        return False
    columns = ", ".join(f"{quote(column)} {type_}" for column, type_ in types.items())
    with suppress(duckdb.Error):  # a type of another system: what reads it is left to the run
        connection.execute(f"CREATE TABLE {_named(dataset)} ({columns})")
        return True
    return False


def _bind(connection: duckdb.DuckDBPyConnection, dataset: Dataset, task: SqlTask, known: set[str]) -> Iterator[Finding]:
    """Make the empty table of a query; a finding if DuckDB refuses it."""
    values = {name: _PARAMETERS[name] for name in sorted(task.params)}
    try:
        connection.execute(f"CREATE TABLE {_named(dataset)} AS {task.text}\nWITH NO DATA", values or None)
        known.add(dataset.name)
    except duckdb.ParserException:
        yield from unparsable([dataset])
    except _REFUSALS as error:
        yield refused(dataset, task.text, error)
    except duckdb.Error:  # whatever else it is, the rows may be to blame: it is left to the run
        return


def _named(dataset: Dataset) -> str:
    return table(*dataset.name.split(".", 1))
