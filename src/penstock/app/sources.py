"""`source`: which tables a database has, what a connector has, files that read them, and how a sample looks."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.adapters.databases.addresses import parse_address
from penstock.model.connectors import ConnectorSource
from penstock.model.databases import MOMENTS, DatabaseEngine, DatabaseSource
from penstock.model.errors import InputError, TaskError, TransientError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.databases.discovery import Table
    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Dataset

_CHANGED = re.compile(r"(?i)(updated|modified|changed|last_?(update|modif|change)\w*)(_?(at|on|time|date))?")
_MOST_NAME = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written for a table, and the dataset that it makes."""

    table: str
    dataset: str
    file: str


def discover(place: Workplace, engine: DatabaseEngine, variable: str, only: Sequence[str]) -> tuple[Table, ...]:
    """The tables that a database shows, or those of them that are named.

    Raises:
        InputError: there is no address, the database does not answer or refuses, or a name is none of its tables.
    """
    from penstock.adapters.databases.discovery import discover as look  # noqa: PLC0415 - loads what reads databases

    text = os.environ.get(variable, "").strip()
    if not text:
        raise InputError(_no_address(variable))
    try:
        found = look(engine, parse_address(text, engine, variable), place.root)
    except (TaskError, TransientError) as error:
        raise InputError(error.findings) from None
    unknown = sorted(set(only) - {table.name for table in found})
    if unknown:
        raise InputError(_unknown(unknown[0], [table.name for table in found]))
    return tuple(table for table in found if not only or table.name in only)


def behind(place: Workplace, path: str, only: Sequence[str]) -> tuple[tuple[Table, ...], Callable[[Table], str]]:
    """What the connector has that a file describes, or those of it that are named; and how a source file reads one.

    Raises:
        InputError: the file describes none, it cannot be run, or a name is nothing that it has.
    """
    from penstock.adapters.databases.discovery import Column, Table  # noqa: PLC0415 - loads what reads databases
    from penstock.app import connectors  # noqa: PLC0415 - loads what runs connectors

    said, resources = connectors.discover(place, path)
    named = {resource.name: resource for resource in resources}
    unknown = sorted(set(only) - set(named))
    if unknown:
        raise InputError(_unknown(unknown[0], list(named)))
    tables = tuple(
        Table(
            name=resource.name,
            columns=tuple(
                Column(name=name, native=type_, type=type_, required=False) for name, type_ in resource.columns
            ),
            key=resource.key,
            rows=None,
        )
        for resource in resources
        if not only or resource.name in only
    )
    return tables, lambda table: connectors.source_text(said, named[table.name])


def write(
    place: Workplace, pipeline: str, tables: Sequence[Table], text_of: Callable[[Table], str]
) -> tuple[Written, ...]:
    """Write a source file for each table into a pipeline's folder; nothing if one of them is there already.

    Raises:
        InputError: there is no such pipeline, or a file would be written over.
    """
    folder = place.root / "pipelines" / pipeline
    if not (folder / "pipeline.yaml").is_file():
        raise InputError(_no_pipeline(pipeline))
    names = dataset_names(tables)
    files = {table.name: folder / f"{names[table.name]}.source.yaml" for table in tables}
    taken = [path for path in files.values() if path.exists()]
    if taken:
        raise InputError(tuple(_taken(path, place.root) for path in taken))
    for table in tables:
        files[table.name].write_text(text_of(table), encoding="utf-8")
    return tuple(
        Written(table=name, dataset=f"{pipeline}.{names[name]}", file=str(path.relative_to(place.root)))
        for name, path in files.items()
    )


def dataset_names(tables: Sequence[Table]) -> dict[str, str]:
    """A name for each table's dataset: the table's, with its schema before it where two tables share one."""
    short = {table.name: _plain(table.name.rpartition(".")[2]) for table in tables}
    names: dict[str, str] = {}
    for table in tables:
        shared = sum(name == short[table.name] for name in short.values()) > 1
        wanted = _plain(table.name.replace(".", "_")) if shared else short[table.name]
        number, name = 2, wanted
        while name in names.values():
            name, number = f"{wanted[: _MOST_NAME - 4]}_{number}", number + 1
        names[table.name] = name
    return names


def source_text(table: Table, engine: DatabaseEngine, variable: str) -> str:
    """A source file that reads a table whole, with a remark where it could be read by a cursor."""
    from penstock.documents import to_yaml  # noqa: PLC0415 - pulls in YAML

    types = {column.name: column.type for column in table.columns}
    body = to_yaml(
        {
            "description": f"{table.name} as the database holds it.",
            "format": "database",
            "engine": str(engine),
            "connection": variable,
            "table": table.name,
            "columns": types,
        }
    )
    cursor = next((name for name, type_ in types.items() if type_ in MOMENTS and _CHANGED.fullmatch(name)), None)
    if cursor is None or not table.key:
        return body
    remark = "# all rows are read each time; these would read what changed alone, and not see what was deleted:"
    key = ", ".join(table.key)
    return f"{body}{remark}\n# cursor: {cursor}\n# overlap: 1h\n# key: [{key}]\n"


def profile(place: Workplace, name: str, rows: int) -> dict[str, Any]:
    """What the first rows of a source look like, without the values of columns that look personal.

    Raises:
        InputError: there is no such source, or what it asks does not answer or refuses.
    """
    import duckdb  # noqa: PLC0415 - only a profile needs it here

    from penstock.quality.personal import guess_personal  # noqa: PLC0415 - as above
    from penstock.quality.profiling import profile_query, read_profile  # noqa: PLC0415 - as above
    from penstock.sql.identifiers import literal  # noqa: PLC0415 - as above

    dataset, source = _source(place, name)
    names = list(source.row)
    with _sampled(place, dataset, source, rows) as path:
        connection = duckdb.connect(":memory:", config={"threads": 2})
        try:
            relation = f"read_parquet({literal(str(path))})"
            row = connection.execute(profile_query(relation, names)).fetchall()[0]
        finally:
            connection.close()
    found = read_profile(names, row)
    guesses = {column.name: guess for column in found.columns if (guess := guess_personal(column.name, column))}
    columns = []
    for column in found.masked(frozenset(guesses)).columns:
        guess = guesses.get(column.name)
        columns.append(
            {
                "name": column.name,
                "type": source.row_types[column.name],
                "nulls": column.nulls,
                "empty": column.empty,
                "distinct": column.distinct,
                "minimum": column.minimum,
                "maximum": column.maximum,
                "personal": f"{guess.kind}: {guess.reason}" if guess else None,
            }
        )
    return {"dataset": name, "rows": found.rows, "columns": columns}


def _source(place: Workplace, name: str) -> tuple[Dataset, DatabaseSource | ConnectorSource]:
    dataset = place.project.datasets.get(name)
    source = dataset.task if dataset is not None else None
    if dataset is None or not isinstance(source, DatabaseSource | ConnectorSource):
        kinds = (DatabaseSource, ConnectorSource)
        known = [known for known, one in place.project.datasets.items() if isinstance(one.task, kinds)]
        raise InputError(_no_source(name, known))
    return dataset, source


@contextmanager
def _sampled(place: Workplace, dataset: Dataset, source: DatabaseSource | ConnectorSource, rows: int) -> Iterator[Path]:
    """The first rows of a source as a Parquet file, for the time of a block.

    Raises:
        InputError: what it asks does not answer or refuses.
    """
    if isinstance(source, ConnectorSource):
        from penstock.app import connectors  # noqa: PLC0415 - loads what runs connectors

        with connectors.sampled(place, dataset, rows) as path:
            yield path
        return
    from penstock.adapters.databases.landing import DatabaseReader  # noqa: PLC0415 - loads what reads databases
    from penstock.engine.ports.arrivals import Portion  # noqa: PLC0415 - as above

    samples = place.state / "samples"  # not the spool, which whoever executes meanwhile may empty
    try:
        with DatabaseReader(place.root, samples).land(
            _first_of(dataset, source, rows), Portion(), is_unwanted=lambda: False, tell=lambda _line: None
        ) as landing:
            yield landing.path
    except (TaskError, TransientError) as error:
        raise InputError(error.findings) from None


def _first_of(dataset: Dataset, source: DatabaseSource, rows: int) -> Dataset:
    """The dataset with a query that ends after so many rows."""
    from penstock.adapters.databases import mysql, postgres  # noqa: PLC0415 - loads what reads databases

    relation = mysql.relation if source.engine is DatabaseEngine.MYSQL else postgres.relation
    query = f"SELECT * FROM {relation(source)} AS q LIMIT {int(rows)}"
    return replace(dataset, task=replace(source, table="", query=query, cursor=None, changes=None))


def _plain(name: str) -> str:
    """A name as those of datasets are: lower-case letters, digits and `_`, beginning with a letter."""
    text = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    return (text if text[:1].isalpha() else f"t_{text}".rstrip("_"))[:_MOST_NAME]


def _no_address(variable: str) -> Finding:
    return Finding(
        code="source.no_address",
        message=f"the environment variable {variable} holds no address",
        expected="the address of a database, such as postgresql://user:password@host/database",
        remedy=f"set {variable}",
    )


def _unknown(name: str, known: list[str]) -> Finding:
    return Finding(
        code="source.unknown_table",
        message=f"there is no table or resource {name}",
        found=name,
        expected=", ".join(known[:20]) or "a table that its account may read, or a resource that the connector has",
        remedy="correct the name, or let the account read it",
    )


def _no_pipeline(pipeline: str) -> Finding:
    return Finding(
        code="project.unknown_pipeline",
        message=f"there is no pipeline {pipeline}",
        found=pipeline,
        expected=f"pipelines/{pipeline}/pipeline.yaml",
        remedy="write that file first, or name another pipeline",
    )


def _taken(path: Path, root: Path) -> Finding:
    file = str(path.relative_to(root))
    return Finding(
        code="source.file_exists",
        message=f"{file} is there already; nothing was written",
        place=Place(file=file),
        expected="a name that is free",
        remedy="move it away, or choose other tables with --table",
    )


def _no_source(name: str, known: list[str]) -> Finding:
    return Finding(
        code="source.unknown",
        message=f"{name} is no source that reads a database or that a connector brings",
        found=name,
        expected=", ".join(known)
        or "a dataset with `format: database`, `dlt`, `airbyte` or `python`; the project has none",
        remedy="correct the name",
    )
