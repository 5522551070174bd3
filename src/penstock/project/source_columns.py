"""The columns of a source: names alone, or mappings of what else they are called, where they are, and their type."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import normal_type
from penstock.documents import Fields
from penstock.model.sources import EXTRA, LANDED, FileFormat, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAKEN = (*LANDED, EXTRA)
_JSON_PATH = re.compile(r"(\$\.)?[^.$\s][^.$]*(\.[^.$]+)*")


@dataclass(slots=True, kw_only=True)
class SourceColumns:
    """Columns in order, and what is said of some of them; see `FileSource`."""

    columns: list[str] = field(default_factory=list)
    also: dict[str, tuple[str, ...]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, Any]:
        """The same as arguments of a `FileSource`."""
        return {"columns": tuple(self.columns), "also": self.also, "paths": self.paths, "types": self.types}


def read_columns(fields: Fields, format_: FileFormat) -> SourceColumns:
    """The list under `columns`; what is wrong is noted."""
    found = SourceColumns()
    entries = fields.raw("columns")
    if entries is None or not isinstance(entries, list):
        fields.texts("columns", required=True)
        return found
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            _described(Fields(fields.document, (*fields.path, "columns", index), fields.findings), format_, found)
        elif isinstance(entry, str | int | float) and not isinstance(entry, bool):
            found.columns.append(str(entry))
        else:
            expected = "a name, or {name: …, also: [other names]}"
            fields.note("kind", f"a column is {entry!r}", at="columns", found=repr(entry)[:80], expected=expected)
    _check(fields, found)
    return found


def _described(entry: Fields, format_: FileFormat, found: SourceColumns) -> None:
    name = entry.text("name", required=True)
    also, path, type_ = entry.texts("also"), None, None
    if format_ in {FileFormat.JSON, FileFormat.NDJSON}:
        path = entry.text("path")
    elif format_ is FileFormat.PARQUET:
        type_ = entry.text("type")
    entry.unknown()
    if path is not None and not _JSON_PATH.fullmatch(path):
        expected = "keys with dots between them, such as properties.mag, coordinates.0 or $.metadata.at"
        entry.note("project.bad_json_path", f"path {path!r} is no path", at="path", found=path, expected=expected)
    normal = normal_type(type_) if type_ is not None else None
    if type_ is not None and normal is None:
        expected = "a DuckDB type, such as BIGINT, DECIMAL(18,2), DATE or TIMESTAMP"
        entry.note(
            "project.unknown_type", f"{type_!r} is not a type of DuckDB", at="type", found=type_, expected=expected
        )
    if name is None:
        return
    found.columns.append(name)
    if also:
        found.also[name] = also
    if path:
        found.paths[name] = path
    if normal:
        found.types[name] = normal


def _check(fields: Fields, found: SourceColumns) -> None:
    """Names as the database compares them: whatever their case, and none of its own two."""
    if not found.columns:
        fields.note("project.no_columns", "columns is empty", at="columns", expected="the header's columns, in order")
    taken = [column for column in found.columns if column.strip().lower() in {"", *_TAKEN}]
    if taken:
        fields.note(
            "project.bad_column",
            f"{taken[0]!r} cannot be a column of a file",
            at="columns",
            found=taken[0],
            expected=f"a name, and none of {', '.join(_TAKEN)}, which landing adds",
        )
    twice = _twice(column.strip().lower() for column in found.columns)
    if twice is not None:
        fields.note(
            "project.repeated_column",
            f"{twice} is listed twice",
            at="columns",
            found=twice,
            expected="each column once, whatever its case",
        )
        return
    ambiguous = _twice(
        name for column in found.columns for name in {plain(column), *map(plain, found.also.get(column, ()))}
    )
    if found.also and ambiguous is not None:
        fields.note(
            "project.ambiguous_column",
            f"two columns may be called {ambiguous!r} in a file",
            at="columns",
            found=ambiguous,
            expected="names under `also` that belong to one column each",
        )


def _twice(names: Iterator[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
