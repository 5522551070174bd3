"""`NAME.source.yaml` with `format: database` to a source dataset."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.contract.column_types import normal_type
from penstock.model.databases import MOMENTS, WHOLE_NUMBERS, Cursor, DatabaseEngine, DatabaseSource
from penstock.model.findings import Finding
from penstock.model.intervals import Grain
from penstock.model.pipelines import Materialization
from penstock.project.asked_source import asked_dataset, read_asking
from penstock.project.database_changes import read_changes
from penstock.project.durations import parse_duration
from penstock.project.task_options import read_keeping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from penstock.documents import Fields
    from penstock.model.pipelines import Dataset
    from penstock.project.task_options import Keeping

CARRIED = frozenset(
    (*WHOLE_NUMBERS, *MOMENTS, "BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "TIME", "UUID", "JSON")
)
"""Heads of the DuckDB types that values of a database may land as."""
_LISTED = CARRIED - {"BLOB", "JSON"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_MOST_PARTS = 3


def read_database(name: str, fields: Fields, file: str) -> Dataset | None:
    """One source that is a database's table or query; what is wrong is noted."""
    findings = fields.findings
    before = len(findings)
    fields.text("format")
    description = fields.text("description") or ""
    engine = fields.choice("engine", tuple(DatabaseEngine), required=True)
    connection, connection_file = read_connection(fields)
    table, query, digest = _what(fields, engine)
    types = _types(fields, engine)
    cursor = _cursor(fields, types)
    changes = read_changes(fields)
    keeping = _keeping(fields, types, merged_by="read: changes" if changes else "cursor" if cursor else "")
    reload = fields.integer("reload", low=1) if changes else None
    asking = read_asking(fields, "what is read whole or by a cursor")
    fields.unknown()
    if len(findings) > before or engine is None or keeping is None:
        return None
    task = DatabaseSource(
        engine=DatabaseEngine(engine),
        types=types,
        connection=connection,
        connection_file=connection_file,
        table=table,
        query=query,
        query_digest=digest,
        cursor=cursor,
        changes=changes,
        reload=reload,
        refresh=asking.refresh,
    )
    return asked_dataset(name, file, task, keeping, asking, description)


def read_connection(fields: Fields) -> tuple[str, str]:
    """`connection` or `connection_file`; never the address: what looks like one is refused without repeating it."""
    variable, path = fields.text("connection") or "", fields.text("connection_file") or ""
    if ("connection" in fields) == ("connection_file" in fields):
        expected = "connection: NAME of an environment variable, or connection_file: a path beneath the project"
        at = "connection" if "connection" in fields else None
        message = "exactly one of `connection` and `connection_file` says where the database's address is"
        fields.note("source.connection", message, at=at, expected=expected, remedy="write one of the two")
    if variable and not _VARIABLE.fullmatch(variable):
        _note_secret(fields, "connection", "the name of an environment variable, such as SHOP_DATABASE")
    pure = PurePosixPath(path)
    if path and ("://" in path or "@" in path or "\0" in path):
        _note_secret(
            fields, "connection_file", "the path of a file beneath the project, such as .penstock/shop.address"
        )
    elif path and (pure.is_absolute() or ".." in pure.parts):
        expected = "a path beneath the project's folder"
        fields.note("project.outside", f"{path} leaves the project", at="connection_file", expected=expected)
    return variable, path


def _note_secret(fields: Fields, at: str, expected: str) -> None:
    """Without the line as it stands: it may hold a password."""
    place = fields.document.place(*fields.path, at)
    fields.findings.append(
        Finding(
            code="source.address_in_project",
            message=f"`{at}` holds something that is no {'name' if at == 'connection' else 'path'}",
            place=replace(place, excerpt=None),
            expected=f"{expected}; never the address itself",
            remedy="write where the address is; if a password stood here, change it: it is known",
        )
    )


def _what(fields: Fields, engine: str | None) -> tuple[str, str, str]:
    """`table` or `query`: the table's name, the query as it is sent, and its digest."""
    table, query = fields.text("table") or "", fields.text("query") or ""
    if ("table" in fields) == ("query" in fields):
        expected = "table: schema.table, or query: SELECT …"
        at = "table" if "table" in fields else None
        fields.note(
            "source.table_or_query", "exactly one of `table` and `query` says what is read", at=at, expected=expected
        )
    parts = table.split(".")
    if table and (not all(parts) or len(parts) > _MOST_PARTS or "\0" in table or '"' in table or "`" in table):
        expected = "table, or schema.table, as the database writes them, without quotes"
        fields.note("source.bad_table", f"{table!r} is no table's name", at="table", found=table, expected=expected)
    if not query or engine is None:
        return table, "", ""
    from penstock.sql.foreign import read_foreign  # noqa: PLC0415 - a project without such a query needs no parser for it

    read = read_foreign(query, engine)
    for code, message in read.wrong:
        expected = f"one SELECT in the language of {engine} that reads tables and changes nothing"
        fields.note(code, message, at="query", expected=expected)
    return table, read.text, read.digest


def _types(fields: Fields, engine: str | None) -> dict[str, str]:
    """`columns`: each with its DuckDB type, in the normal spelling."""
    child = fields.child("columns", required=True)
    if child is None:
        return {}
    types: dict[str, str] = {}
    for name in child.values:
        text = child.text(name, required=True)
        normal = normal_type(text) if text is not None else None
        if not name or "\0" in name:
            fields.note("project.bad_column", f"{name!r} cannot be a column", at="columns", expected="a name")
        elif text is not None and (normal is None or not _is_carried(normal, engine)):
            _note_type(child, name, text, engine)
        elif normal is not None:
            types[name] = normal
    if not child.values:
        expected = "name: type, such as id: BIGINT"
        fields.note("project.no_columns", "columns is empty", at="columns", expected=expected)
    if len({name.casefold() for name in types}) < len(types):
        expected = "each column once, whatever its case"
        fields.note("project.repeated_column", "columns lists a column twice", at="columns", expected=expected)
    return types


def _is_carried(normal: str, engine: str | None) -> bool:
    element = normal.rstrip("[]")
    if element == normal:
        return normal.partition("(")[0] in CARRIED
    return engine in {None, DatabaseEngine.POSTGRES} and element.partition("(")[0] in _LISTED and normal.endswith("[]")


def _note_type(child: Fields, name: str, text: str, engine: str | None) -> None:
    lists = ", and lists of most" if engine in {None, DatabaseEngine.POSTGRES} else "; no lists"
    child.note(
        "source.bad_type",
        f"{name} is {text!r}, as which no value of {engine or 'a database'} lands",
        at=name,
        found=text,
        expected=f"one of {', '.join(sorted(CARRIED))}{lists}",
        remedy="declare VARCHAR for intervals, enums, times with a zone; JSON for what is nested",
    )


def _cursor(fields: Fields, types: Mapping[str, str]) -> Cursor | None:
    column, overlap = fields.text("cursor"), fields.text("overlap")
    if column is None:
        if overlap is not None:
            fields.note("source.overlap", "`overlap` is without `cursor`", at="overlap", expected="cursor: updated_at")
        return None
    type_ = types.get(column)
    if types and (type_ is None or type_ not in {*MOMENTS, *WHOLE_NUMBERS}):
        expected = f"one of `columns`, of type {', '.join(MOMENTS)} or a whole number"
        fields.note("source.bad_cursor", f"cursor {column} is {type_ or 'not listed'}", at="cursor", expected=expected)
    return Cursor(column=column, overlap=_overlap(fields, overlap, type_))


def _overlap(fields: Fields, text: str | None, type_: str | None) -> timedelta | int | None:
    if text is None:
        return None
    if type_ in WHOLE_NUMBERS:
        if text.isascii() and text.isdigit():
            return int(text)
        fields.note("source.overlap", f"overlap is {text!r}", at="overlap", expected="a whole number, as the cursor is")
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        fields.note("project.bad_duration", str(error), at="overlap", expected="90s, 10m, 2h or 3d")
    return None


def _keeping(fields: Fields, types: Mapping[str, str], *, merged_by: str) -> Keeping | None:
    """How rows are kept follows from what is read: all, those of an interval, those after a cursor, or changes."""
    for taken in ("materialize", "offset"):
        if taken in fields:
            message = f"a source of a database has no use for `{taken}`"
            expected = "`interval`, or `cursor` or `read: changes` with `key`, or none of them for all rows"
            fields.note("source.mode", message, at=taken, expected=expected, remedy=f"remove `{taken}`")
            fields.raw(taken)
            return None
    if merged_by and "interval" in fields:
        expected = f"one of them: slices by `interval`, or what is new by `{merged_by}`"
        fields.note("source.mode", f"`{merged_by}` and `interval` exclude each other", at="interval", expected=expected)
    if bool(merged_by) != ("key" in fields):
        message = (
            f"`{merged_by}` and `key` go together" if merged_by else "`key` is without `cursor` or `read: changes`"
        )
        expected = "cursor: updated_at or read: changes, and key: [id] by which newer rows take the place of older ones"
        fields.note("source.mode", message, at=merged_by.partition(":")[0] or "key", expected=expected)
        fields.raw("key")
        return None
    mode = Materialization.TABLE
    if merged_by:
        mode = Materialization.MERGE
    elif "interval" in fields:
        mode = Materialization.INCREMENTAL
    keeping = read_keeping(fields, (mode,), default=mode)
    by = keeping.interval if keeping else None
    if by is not None and types and types.get(by.column) not in MOMENTS:
        expected = f"one of `columns`, of type {', '.join(MOMENTS)}"
        fields.note("source.bad_interval", f"interval goes by {by.column}", at="interval", expected=expected)
    if by is not None and by.grain is Grain.HOUR and types.get(by.column) == "DATE":
        message, expected = f"{by.column} has no hours", "day(column) or month(column) for a DATE"
        fields.note("source.bad_interval", message, at="interval", expected=expected)
    unknown = [name for name in keeping.key if types and name not in types] if keeping else []
    if unknown:
        fields.note("source.bad_key", f"{unknown[0]} is not listed", at="key", expected="columns of `columns`")
    return keeping
