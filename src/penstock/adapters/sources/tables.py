"""Reads Parquet and Excel files before anything is built from them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from penstock.adapters.sources.opening import exact_path
from penstock.adapters.sources.scanning import Fault, Scan
from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def scan_parquet(path: Path) -> Scan:
    """A Parquet file's columns with their types, and its rows; every value is read once, so that damage shows here."""
    import duckdb  # noqa: PLC0415 - only such files need it

    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    connection = duckdb.connect(":memory:", config={"threads": 2})
    try:
        read = f"read_parquet({literal(exact_path(path))}, hive_partitioning = false)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
        columns = [(str(name), str(type_)) for name, type_, *_ in described]
        counted = connection.execute(
            f"SELECT count(*), {_touched([name for name, _ in columns])} FROM {read}"
        ).fetchone()
    except duckdb.Error as error:
        what = f"is no Parquet file: {str(error).splitlines()[0]}"[:200].replace(f"{path.parent}/", "")
        return Scan(header=(), rows=0, sha256=sha256, fault=Fault(line=1, what=what, expected="a whole Parquet file"))
    finally:
        connection.close()
    rows = int(counted[0]) if counted else 0
    types = {f"type of {name}": type_ for name, type_ in columns}
    return Scan(header=tuple(name for name, _ in columns), rows=rows, sha256=sha256, dialect=types)


def _touched(names: list[str]) -> str:
    return ", ".join(f"bit_xor(hash({quote(name)}))" for name in names) or "NULL"


def scan_excel(path: Path, sheet: str) -> Scan:
    """An Excel sheet's header and rows."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        rows = list(sheet_rows(path, sheet))
    except ValueError as error:
        fault = Fault(line=1, what=f"cannot be read: {error}"[:200], expected="an Excel workbook (.xlsx)")
        return Scan(header=(), rows=0, sha256=sha256, fault=fault)
    header = tuple(cell.strip() for cell in rows[0]) if rows else ()
    return Scan(header=header, rows=max(len(rows) - 1, 0), sha256=sha256, dialect={"sheet": sheet} if sheet else {})


def sheet_as_csv(path: Path, sheet: str, target: Path) -> None:
    """Write a sheet as CSV in UTF-8."""
    with target.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(sheet_rows(path, sheet))


def sheet_rows(path: Path, sheet: str) -> Iterator[list[str]]:
    """The rows of a sheet (the first if none is named) as text: whole numbers without a point, moments as ISO.

    Raises:
        InputError: what reads Excel is not installed.
        ValueError: it is no workbook, or has no such sheet.
    """
    try:
        import python_calamine  # noqa: PLC0415 - only such files need it
    except ImportError as error:
        finding = Finding(
            code="source.extra",
            message=f"{path.name} is an Excel workbook, and python-calamine is not installed",
            place=Place(file=path.name),
            expected="the extra files",
            remedy=how_to_install("files"),
        )
        raise InputError(finding) from error
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        found = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
        rows = found.to_python(skip_empty_area=True)
    except (python_calamine.CalamineError, OSError) as error:
        raise ValueError(str(error)) from error
    for row in rows:
        if any(value != "" for value in row):
            yield [_text(value) for value in row]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return str(value)
