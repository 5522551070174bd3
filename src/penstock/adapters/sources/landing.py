"""The SQL that reads files of one source, which may differ in header and dialect, into rows of one shape."""

from __future__ import annotations

import codecs
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.adapters.sources.opening import exact_path, opened
from penstock.adapters.sources.tables import sheet_as_csv
from penstock.model.sources import EXTRA, Drift, FileFormat
from penstock.quality.matching import match, path_keys, place_of
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.adapters.sources.inspection import Arrival
    from penstock.model.sources import FileSource
    from penstock.quality.matching import Match

_BLOCK = 1 << 20


def readable(source: FileSource, found: Sequence[Arrival], folder: Path) -> tuple[Arrival, ...]:
    """The same files where DuckDB can read them: what is not UTF-8, and workbooks, as CSV in `folder`."""
    return tuple(_readable(source, arrival, folder / f"{number}.csv") for number, arrival in enumerate(found))


def landing_query(source: FileSource, found: Sequence[Arrival], *, dated: bool) -> str:
    """SQL over the files: every declared column, `_file`, and `_interval_start` for a source with intervals."""
    if not found:
        types = {**source.row_types}
        if not dated:
            types.pop("_interval_start", None)
        return f"SELECT {', '.join(f'NULL::{type_} AS {quote(name)}' for name, type_ in types.items())} WHERE false"
    groups: dict[tuple[object, ...], list[Arrival]] = {}
    for arrival in found:
        native = tuple(sorted(arrival.dialect.items())) if source.format is FileFormat.PARQUET else ()
        key = (arrival.header, arrival.dialect.get("delimiter"), arrival.path.suffix == ".zst", native)
        groups.setdefault(key, []).append(arrival)
    return " UNION ALL ".join(_group(source, group, dated=dated) for group in groups.values())


def _readable(source: FileSource, arrival: Arrival, target: Path) -> Arrival:
    if source.format is FileFormat.EXCEL:
        sheet_as_csv(arrival.path, source.sheet, target)
        return replace(arrival, path=target)
    encoding = arrival.dialect.get("encoding", "utf-8")
    if encoding == "utf-8":
        return arrival
    with opened(arrival.path) as packed, target.open("wb") as stream:
        shutil.copyfileobj(codecs.EncodedFile(packed, "utf-8", encoding), stream, _BLOCK)
    return replace(arrival, path=target)


def _group(source: FileSource, found: Sequence[Arrival], *, dated: bool) -> str:
    """Files of one header and one dialect."""
    header, first = found[0].header, found[0]
    matched = match(source, header)
    if source.format in {FileFormat.JSON, FileFormat.NDJSON}:
        read, values, extra = _records(source, found), _json_values(source, header), _json_extra(header, matched)
    elif source.format is FileFormat.PARQUET:
        read = f"read_parquet([{_paths(found)}], filename = '_penstock_path', hive_partitioning = false)"
        values = [_cast(source, column, header, matched) for column in source.columns]
        extra = _extra([(header[place], f"CAST(lines.{quote(header[place])} AS VARCHAR)") for place in matched.extra])
    else:
        read = _csv(found, first.dialect.get("delimiter", ","), len(header))
        values = [
            f"lines.c{matched.found[name]}" if name in matched.found else "NULL::VARCHAR" for name in source.columns
        ]
        extra = _extra([(header[place], f"lines.c{place}") for place in matched.extra])
    columns = [f"{value} AS {quote(name)}" for value, name in zip(values, source.columns, strict=True)]
    if source.drift is Drift.EVOLVE:
        columns.append(f"{extra} AS {EXTRA}")
    start = ", arrived.start AS _interval_start" if dated else ""
    joined = f"{read} AS lines JOIN ({_arrived(found)}) AS arrived ON lines._penstock_path = arrived.path"
    return f"SELECT {', '.join(columns)}, arrived.name AS _file{start} FROM {joined}"


def _csv(found: Sequence[Arrival], delimiter: str, width: int) -> str:
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    return (
        f"read_csv([{_paths(found)}], header = true, all_varchar = true, auto_detect = false, quote = '\"', "
        f"escape = '\"', delim = {literal(delimiter)}, filename = '_penstock_path', hive_partitioning = false, "
        f"columns = {{{columns}}})"
    )


def _records(source: FileSource, found: Sequence[Arrival]) -> str:
    """Each record of JSON files as `record`, with the document that it stands in."""
    largest = max(1 << 24, *(2 * arrival.path.stat().st_size for arrival in found))
    format_ = "newline_delimited" if source.format is FileFormat.NDJSON else "unstructured"
    size = "" if source.format is FileFormat.NDJSON else f", maximum_object_size = {_document_size(found, largest)}"
    read = f"read_json_objects([{_paths(found)}], format = '{format_}', filename = '_penstock_path'{size})"
    if source.format is FileFormat.NDJSON:
        return f"(SELECT json AS record, json AS document, _penstock_path FROM {read})"
    where = _pointer(source.records) if source.records else "$"
    listed = f"CAST(json_extract(json, {literal(where)}) AS JSON[])"
    if source.no_records == "row":
        listed = f"CASE WHEN len({listed}) > 0 THEN {listed} ELSE [NULL::JSON] END"
    return f"(SELECT unnest({listed}) AS record, json AS document, _penstock_path FROM {read})"


def _document_size(found: Sequence[Arrival], largest: int) -> int:
    """Bytes that DuckDB is to expect in one document; packed ones are counted unpacked."""
    if all(arrival.path.suffix not in {".gz", ".zst"} for arrival in found):
        return largest
    return max(largest, max(_unpacked(arrival.path) for arrival in found) + 1024)


def _unpacked(path: Path) -> int:
    with opened(path) as stream:
        size = 0
        while block := stream.read(_BLOCK):
            size += len(block)
    return size


def _json_values(source: FileSource, header: Sequence[str]) -> list[str]:
    """Each column as the text of its value."""
    names = (place_of(source, column, header) for column in source.columns)
    return [_json_text("document", name[2:]) if name.startswith("$.") else _json_text("record", name) for name in names]


def _json_text(within: str, path: str) -> str:
    return f"json_extract_string(lines.{within}, {literal(_pointer(path))})"


def _json_extra(header: Sequence[str], matched: Match) -> str:
    return _extra([(header[place], _json_text("record", header[place])) for place in matched.extra])


def _pointer(path: str) -> str:
    """DuckDB's path to a value: keys quoted, numbers as positions."""
    keys = (key if key.startswith('"') else f"[{key}]" if key.isdecimal() else f'"{key}"' for key in path_keys(path))
    return "$" + "".join(key if key.startswith("[") else f".{key}" for key in keys)


def _cast(source: FileSource, column: str, header: Sequence[str], matched: Match) -> str:
    type_ = source.types.get(column, "VARCHAR")
    place = matched.found.get(column)
    return f"CAST({'NULL' if place is None else 'lines.' + quote(header[place])} AS {type_})"


def _extra(values: Sequence[tuple[str, str]]) -> str:
    """What nobody declared, as a JSON object; NULL where nothing of it has a value."""
    if not values:
        return "NULL::VARCHAR"
    pairs = ", ".join(f"{literal(name)}, {value}" for name, value in values)
    present = " OR ".join(f"{value} IS NOT NULL" for _, value in values)
    return f"CASE WHEN {present} THEN CAST(json_object({pairs}) AS VARCHAR) END"


def _paths(found: Sequence[Arrival]) -> str:
    return ", ".join(literal(exact_path(arrival.path)) for arrival in found)


def _arrived(found: Sequence[Arrival]) -> str:
    rows = ", ".join(
        f"({literal(str(arrival.path))}, {literal(arrival.name)}, "
        + (f"TIMESTAMP {literal(str(arrival.interval.start.replace(tzinfo=None)))}" if arrival.interval else "NULL")
        + ")"
        for arrival in found
    )
    return f"SELECT * FROM (VALUES {rows}) AS listed(path, name, start)"
