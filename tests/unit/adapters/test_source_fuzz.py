"""Whatever lies in a source's folder lands or is refused with a finding; what lands is all that the file holds."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock.adapters.sources.local import LocalFiles
from penstock.model.errors import TaskError
from penstock.model.sources import SUFFIXES, Drift, FileFormat, FileSource

COLUMNS = ("a", "b")
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _landed(content: bytes, format_: FileFormat, drift: Drift, **changes: Any) -> list[dict[str, Any]] | None:
    """The rows of a file of these bytes; None if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / f"in{SUFFIXES[format_][0]}"
        path.write_bytes(content)
        source = FileSource(**{"path": path.name, "columns": COLUMNS, "format": format_, "drift": drift, **changes})
        try:
            with LocalFiles(root, root / ".spool").land(source, "s.raw", None) as landing:
                cursor = duckdb.execute(f"SELECT * FROM read_parquet('{landing.path}')")
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except TaskError as error:
            if not all(finding.message and finding.remedy for finding in error.findings):
                pytest.fail(str(error))
            return None


def _workbook() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.append(COLUMNS)  # type: ignore[union-attr] # a new book has a sheet
    book.active.append((1, "x"))  # type: ignore[union-attr]
    book.save(stream)
    return stream.getvalue()


def _parquet() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        duckdb.execute(f"COPY (SELECT range AS a, 'x' AS b FROM range(50)) TO '{folder}/in.parquet'")
        return (Path(folder) / "in.parquet").read_bytes()


WHOLE = {
    FileFormat.CSV: b"a,b\n1,x\n",
    FileFormat.JSON: b'[{"a": 1, "b": "x"}]',
    FileFormat.NDJSON: b'{"a": 1, "b": "x"}\n',
    FileFormat.PARQUET: _parquet(),
    FileFormat.EXCEL: _workbook(),
}


@pytest.mark.parametrize("drift", list(Drift))
@pytest.mark.parametrize("format_", list(FileFormat))
def test_a_whole_file_lands(format_: FileFormat, drift: Drift) -> None:
    rows = _landed(WHOLE[format_], format_, drift)
    assert rows is not None
    assert rows[-1]["b"] == "x"


@QUIET
@given(st.sampled_from(list(FileFormat)), st.sampled_from(list(Drift)), st.binary(max_size=300))
@example(FileFormat.CSV, Drift.EVOLVE, b"\xff\xfea\x00,\x00b\x00\n\x00")
@example(FileFormat.CSV, Drift.EVOLVE, b"a;b\n\x81;1\n")
@example(FileFormat.JSON, Drift.EVOLVE, b'{"a": 1}')
@example(FileFormat.JSON, Drift.EVOLVE, b"[{}]")
@example(FileFormat.NDJSON, Drift.EVOLVE, b"{}")
def test_any_bytes_land_or_are_refused(format_: FileFormat, drift: Drift, content: bytes) -> None:
    _landed(content, format_, drift)


@QUIET
@given(st.sampled_from(list(FileFormat)), st.integers(0, 10_000), st.binary(min_size=1, max_size=4), st.booleans())
def test_a_damaged_file_lands_or_is_refused(format_: FileFormat, at: int, bytes_: bytes, cut: bool) -> None:
    whole = WHOLE[format_]
    at %= len(whole)
    damaged = whole[:at] if cut else whole[:at] + bytes_ + whole[at + len(bytes_) :]
    _landed(damaged, format_, Drift.EVOLVE)


_cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _cells
_keys = st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters='\\"'), min_size=1, max_size=6)
_objects = st.dictionaries(_keys, _values, max_size=3)


@QUIET
@given(
    st.lists(st.dictionaries(_keys | st.sampled_from(COLUMNS), _values | st.dictionaries(_keys, _values, max_size=3)))
)
def test_every_value_of_json_is_in_a_column_or_kept(records: list[dict[str, Any]]) -> None:
    records.append({"a": "1"})
    for format_, text in (
        (FileFormat.JSON, json.dumps(records)),
        (FileFormat.NDJSON, "\n".join(json.dumps(record) for record in records)),
    ):
        rows = _landed(text.encode(), format_, Drift.EVOLVE)
        assert rows is not None
        assert len(rows) == len(records)
        kept = sorted(sum(_is_told(value) for value in _leaves(record)) for record in records)
        held = [[row["a"], row["b"], *json.loads(row["_extra"] or "{}").values()] for row in rows]
        assert sorted(sum(value is not None for value in values) for values in held) == kept


def _leaves(record: dict[str, Any]) -> list[Any]:
    """The values that count one by one: those in columns and, apart from these, those within objects."""
    found: list[Any] = []
    for key, value in record.items():
        found += [value] if key in COLUMNS or not isinstance(value, dict) or not value else _leaves(value)
    return found


def _is_told(value: object) -> bool:
    return value is not None


@QUIET
@given(
    st.lists(st.tuples(_cells, _cells, _cells), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_cell_of_a_csv_file_is_in_a_column_or_kept(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str
) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("b", "new", "a"), *rows])
    landed = _landed(stream.getvalue().encode(encoding), FileFormat.CSV, Drift.EVOLVE)
    assert landed is not None
    extra = [json.loads(row["_extra"])["new"] if row["_extra"] else "" for row in landed]
    held = [(row["b"] or "", new, row["a"] or "") for row, new in zip(landed, extra, strict=True)]
    assert sorted(held) == sorted(rows)
