"""`NAME.export.yaml` to an export: which dataset goes where. What only shows across files is judged here as well."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.environments import PRODUCTION
from penstock.model.exports import EXPORT_SUFFIXES, Export, ExportFormat, ExportMode
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import NAME_PATTERN, Materialization
from penstock.project.database_file import read_connection
from penstock.project.source_file import template_problem
from penstock.sql.postgres_types import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.pipelines import Dataset

STATE_FOLDER = ".penstock"
_FILE_KEYS, _DATABASE_KEYS = ("path",), ("connection", "connection_file")


def read_export(name: str, text: str, file: str, findings: list[Finding]) -> Export | None:
    """One export; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, file), findings=findings)
    before = len(findings)
    description = fields.text("description") or ""
    dataset = fields.text("dataset") or name
    format_ = _format(fields)
    environment = fields.text("environment") or PRODUCTION
    if not NAME_PATTERN.fullmatch(environment):
        expected = "an environment: lower-case letters, digits and _, beginning with a letter"
        fields.note("project.bad_name", f"{environment!r} names no environment", at="environment", expected=expected)
    path, connection, connection_file = _where(fields, format_)
    table = _table(fields, format_)
    mode = _mode(fields, path)
    key = fields.texts("key")
    columns, personal = fields.texts("columns"), fields.texts("personal")
    fields.unknown()
    if key and format_ is not ExportFormat.POSTGRES:
        fields.note("export.key", "`key` is without use here", at="key", expected="`key` with format: postgres")
    for at, named in (("key", key), ("personal", personal), ("columns", columns)):
        _note_names(fields, at, named, columns)
    if len(findings) > before or format_ is None:
        return None
    return Export(
        name=name,
        file=file,
        description=description,
        dataset=dataset,
        format=format_,
        mode=mode,
        environment=environment,
        path=path,
        connection=connection,
        connection_file=connection_file,
        table=table,
        key=key,
        columns=columns,
        personal=personal,
    )


def format_of(path: str) -> ExportFormat | None:
    """The format that a file's name tells."""
    return EXPORT_SUFFIXES.get(PurePosixPath(path).suffix)


def table_problem(table: str) -> str | None:
    """What is wrong with a table's name, if anything."""
    parts = table.split(".")
    if len(parts) != 2 or not all(parts) or any(sign in table for sign in '"\0'):
        return f"{table!r} is no table"
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        return f"{table} is longer than {LONGEST_NAME} bytes"
    if parts[0].startswith(("_penstock", "pg_")):
        return f"the schema {parts[0]} is not for exports"
    return None


def path_problem(path: str, *, beneath: bool) -> str | None:
    """What is wrong with a file's path, if anything; `beneath` the project is where declared exports stay."""
    pure = PurePosixPath(path)
    if any(part == STATE_FOLDER for part in pure.parts):
        return f"{path} lies in {STATE_FOLDER}, which is Penstock's own"
    if beneath and (pure.is_absolute() or ".." in pure.parts):
        return f"path {path} leaves the project"
    if "*" in path or "\0" in path:
        return f"{path} is no file's name"
    return template_problem(path)


def export_findings(
    exports: Mapping[str, Export], datasets: Mapping[str, Dataset], unreadable: set[str]
) -> Iterator[Finding]:
    """Exports of what is not there, by intervals that are not there, and several that write to one place."""
    taken: dict[str, str] = {}
    for name, export in sorted(exports.items()):
        place = Place(file=export.file, line=1, dataset=export.dataset)
        dataset = datasets.get(export.dataset)
        if dataset is not None:
            yield from mode_findings(export, dataset)
        elif export.dataset not in unreadable:
            yield Finding(
                code="project.unknown_dataset",
                message=f"the export {name} is of {export.dataset}, which no file makes",
                place=place,
                found=export.dataset,
                expected="a dataset of this project",
                remedy="correct `dataset`, or add the file that makes it",
            )
        if (other := taken.setdefault(_one_spelling(export), name)) != name:
            yield Finding(
                code="export.same_target",
                message=f"the exports {other} and {name} both write {export.target}",
                place=place,
                found=export.target,
                expected="a target of its own for each export",
                remedy="change `path` or `table` of one of them",
            )


def _one_spelling(export: Export) -> str:
    """The target, the same for every way to write it. DuckDB does not tell cases of a table's name apart."""
    if not export.path:
        return export.target
    return f"{posixpath.normpath(export.path)} {export.table.casefold()}"


def mode_findings(export: Export, dataset: Dataset) -> Iterator[Finding]:
    """An export by intervals of a dataset whose rows cannot be told apart so, or without the column that tells them."""
    if export.mode is not ExportMode.INTERVAL:
        return
    place = Place(file=export.file or None, dataset=dataset.name)
    by = dataset.interval
    if by is None or dataset.materialization is not Materialization.INCREMENTAL:
        yield Finding(
            code="export.no_interval",
            message=f"{dataset.name} is not built interval by interval, so it cannot be exported so",
            place=place,
            found=f"materialize: {dataset.materialization}",
            expected="a dataset with materialize: incremental; of a merge, any interval may change any row",
            remedy="export it whole: one file, without {interval_start:…}, and mode: whole",
        )
    elif export.format.is_database and export.columns and by.column not in export.columns:
        yield Finding(
            code="export.no_interval",
            message=f"{by.column}, by which {dataset.name} is cut into intervals, is not among the columns exported",
            place=place,
            expected=f"`columns` with {by.column}: the target's rows are replaced by it",
            remedy=f"add {by.column} to `columns`, or write mode: whole",
        )


def _format(fields: Fields) -> ExportFormat | None:
    """`format`, or what the name of the file says."""
    given = fields.choice("format", tuple(ExportFormat))
    told = format_of(str(fields.values.get("path") or ""))
    if given is None and told is None and "format" not in fields:
        fields.note("export.format", "nothing says in which format", expected=" | ".join(ExportFormat), at=None)
    if given is not None:
        return ExportFormat(given)
    return told


def _where(fields: Fields, format_: ExportFormat | None) -> tuple[str, str, str]:
    """`path` for what is a file, `connection` or `connection_file` for Postgres."""
    if format_ is ExportFormat.POSTGRES:
        if "path" in fields:
            fields.raw("path")
            fields.note("export.where", "a table of Postgres has no `path`", at="path", expected="`connection`")
        return "", *read_connection(fields)
    for name in _DATABASE_KEYS:
        if name in fields:
            fields.raw(name)
            fields.note("export.where", f"`{name}` is without use here", at=name, expected="format: postgres")
    path = fields.text("path", required=True) or ""
    problem = path_problem(path, beneath=True) if path else None
    if problem:
        expected = "a path beneath the project, such as out/revenue/{interval_start:%Y-%m-%d}.parquet"
        fields.note("export.path", problem, at="path", found=path, expected=expected)
    elif format_ is ExportFormat.DUCKDB and "{" in path:
        fields.note("export.path", "a database has one path", at="path", found=path, expected="no braces")
    return posixpath.normpath(path) if path and not problem else path, "", ""


def _table(fields: Fields, format_: ExportFormat | None) -> str:
    is_database = format_ is not None and format_.is_database
    table = fields.text("table", required=is_database) or ""
    if table and format_ is not None and not is_database:
        fields.note("export.where", f"format: {format_} has no tables", at="table", expected="postgres or duckdb")
    problem = table_problem(table) if table else None
    if problem:
        fields.note("export.table", problem, at="table", found=table, expected="schema.name, without quotes")
    return table


def _mode(fields: Fields, path: str) -> ExportMode:
    """`mode`; by interval if the path has a place for it."""
    dated = "{interval_start" in path
    given = fields.choice("mode", tuple(ExportMode))
    mode = ExportMode(given) if given else ExportMode.INTERVAL if dated else ExportMode.WHOLE
    if path and not path.endswith(".duckdb") and dated != (mode is ExportMode.INTERVAL):
        expected = "both, for one file an interval, or neither"
        fields.note("export.mode", "mode: interval and {interval_start:…} go together", at="path", expected=expected)
    return mode


def _note_names(fields: Fields, at: str, names: tuple[str, ...], columns: tuple[str, ...]) -> None:
    absent = [name for name in names if columns and name not in columns]
    if absent:
        message = f"{absent[0]} is not among the columns exported"
        fields.note("export.columns", message, at=at, found=absent[0], expected=" | ".join(columns))
    if len({name.lower() for name in names}) < len(names):
        fields.note("export.columns", "a column is named twice", at=at, expected="each column once")
