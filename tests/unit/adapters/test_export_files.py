"""Files as targets: whose they are, what a broken disk leaves, and what no manifest may name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.exports.files import FileSink
from penstock.adapters.exports.manifest import read_manifest
from penstock.adapters.exports.types import carried
from penstock.engine.exporting import Renewal
from penstock.model.errors import InputError, RefusedError, RunError
from penstock.model.exports import ExportFormat, ExportMode
from penstock.plan.exporting import HeldPiece, Piece, Stamp

if TYPE_CHECKING:
    from pathlib import Path

STAMP = Stamp(
    project="p", environment="prod", dataset="s.d", version="v", mode=ExportMode.WHOLE, columns=(("a", "VARCHAR"),)
)
ALL = Piece(interval=None, publishes=("one",))


def _sink(folder: Path, *, replace: bool = False, format_: ExportFormat = ExportFormat.PARQUET) -> FileSink:
    return FileSink(path=f"{folder}/out/x.{format_}", format=format_, stamp=STAMP, replace=replace)


def _rows(folder: Path, sql: str = "SELECT 'x' AS a") -> Path:
    path = folder / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path


def _shown(sink: FileSink, rows: Path) -> None:
    count = sink.take(ALL, rows)
    pieces = {"": HeldPiece(publishes=ALL.publishes, rows=count)}
    sink.show(Renewal(stamp=STAMP, pieces=pieces, written=(ALL,), removed=(), anew=False))


def test_what_was_shown_is_held_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    assert _sink(tmp_path).held((ALL,)) is None
    _shown(_sink(tmp_path), _rows(tmp_path))
    held = _sink(tmp_path).held((ALL,))
    assert held is not None
    assert (held.stamp, held.pieces, held.settled) == (STAMP, {"": HeldPiece(publishes=("one",), rows=1)}, True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".x.parquet.penstock-export.json",
        "x.parquet",
    ]


def test_a_copy_that_only_got_other_times_is_still_ours(tmp_path: Path) -> None:
    _shown(_sink(tmp_path), _rows(tmp_path))
    (tmp_path / "out/x.parquet").touch()
    held = _sink(tmp_path).held((ALL,))
    assert held is not None
    assert held.pieces


def test_a_file_that_holds_as_many_other_bytes_is_not_ours(tmp_path: Path) -> None:
    _shown(_sink(tmp_path), _rows(tmp_path))
    path = tmp_path / "out/x.parquet"
    path.write_bytes(bytes(reversed(path.read_bytes())))
    with pytest.raises(RefusedError, match="not written by this export"):
        _sink(tmp_path).held((ALL,))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"edition": 99}', '{"edition": 1, "of": {}}', "\ufffd" * 5])
def test_a_manifest_that_cannot_be_read_is_nobodys(tmp_path: Path, text: str) -> None:
    _shown(_sink(tmp_path), _rows(tmp_path))
    _sink(tmp_path).manifest.write_text(text)
    with pytest.raises(RefusedError) as caught:
        _sink(tmp_path).held((ALL,))
    assert caught.value.findings[0].code == "export.unreadable_record"
    sink = _sink(tmp_path, replace=True)
    assert sink.held((ALL,)) is None
    _shown(sink, _rows(tmp_path))
    assert _sink(tmp_path).held((ALL,)) is not None


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/hostname", "a/../../mine.txt"])
def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path, name: str) -> None:
    _shown(_sink(tmp_path), _rows(tmp_path))
    manifest = _sink(tmp_path).manifest
    found = json.loads(manifest.read_text())
    found["files"][0]["file"] = name
    manifest.write_text(json.dumps(found))
    with pytest.raises(ValueError, match="elsewhere"):
        read_manifest(manifest)
    with pytest.raises(RefusedError):
        _sink(tmp_path).held((ALL,))


def test_a_link_where_the_file_is_to_be_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out/x.parquet").symlink_to(tmp_path / "mine")
    with pytest.raises(RefusedError):
        _sink(tmp_path).held((ALL,))
    sink = _sink(tmp_path, replace=True)
    sink.held((ALL,))
    _shown(sink, _rows(tmp_path))
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "out/x.parquet").is_symlink()


def test_a_folder_that_cannot_be_made_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunError) as caught:
        _sink(tmp_path).take(ALL, _rows(tmp_path))
    assert caught.value.findings[0].code == "export.not_written"
    assert (tmp_path / "out").read_text() == "a file"


def test_one_column_with_null_is_no_csv(tmp_path: Path) -> None:
    rows = _rows(tmp_path, "SELECT unnest(['', NULL, 'x']) AS a")
    with pytest.raises(InputError) as caught:
        _sink(tmp_path, format_=ExportFormat.CSV).take(ALL, rows)
    assert caught.value.findings[0].code == "export.blank_lines"
    assert _sink(tmp_path, format_=ExportFormat.CSV).take(ALL, _rows(tmp_path, "SELECT '' AS a")) == 1


@pytest.mark.parametrize(
    ("type_", "parquet", "text", "postgres"),
    [
        ("INTEGER", "INTEGER", "INTEGER", "INTEGER"),
        ("HUGEINT", "DECIMAL(38,0)", "DECIMAL(38,0)", "DECIMAL(38,0)"),
        ("ENUM('a', 'b')", "VARCHAR", "VARCHAR", "VARCHAR"),
        ("TIMESTAMP_NS", "TIMESTAMP_NS", "TIMESTAMP_NS", None),
        ("BLOB", "BLOB", None, "BLOB"),
        ("INTEGER[]", "INTEGER[]", None, None),
        ("INTEGER[3]", "INTEGER[3]", None, None),
        ("STRUCT(a HUGEINT)", None, None, None),
        ('STRUCT("size" HUGEINT[])', None, None, None),
        ("MAP(VARCHAR, STRUCT(a UUID))", "MAP(VARCHAR, STRUCT(a UUID))", None, None),
        ("INTERVAL", None, None, None),
        ("TIME WITH TIME ZONE", None, None, None),
        ("UNION(a INTEGER, b VARCHAR)", None, None, None),
        ("BIT", None, None, None),
    ],
)
def test_a_type_leaves_as_it_arrives_or_not_at_all(
    type_: str, parquet: str | None, text: str | None, postgres: str | None
) -> None:
    for format_, leaves in (
        (ExportFormat.PARQUET, parquet),
        (ExportFormat.DUCKDB, parquet),
        (ExportFormat.CSV, text),
        (ExportFormat.POSTGRES, postgres),
    ):
        if leaves is None:
            with pytest.raises(InputError, match="do not arrive as they are"):
                carried((("a", type_),), format_, "s.d")
        else:
            assert carried((("a", type_),), format_, "s.d") == (("a", leaves),)


KEYED = replace(STAMP, columns=(("b", "VARCHAR"), ("n", "DOUBLE"), ("a", "INTEGER")))


def _csv(folder: Path, rows: str, *order: str) -> str:
    """What stands in the CSV file of these rows."""
    sink = FileSink(path=f"{folder}/out/x.csv", format=ExportFormat.CSV, stamp=KEYED, replace=True, order=order)
    sink.held((ALL,))
    _shown(sink, _rows(folder, f"SELECT b, CAST(n AS DOUBLE) AS n, a FROM (VALUES {rows}) AS t(b, n, a)"))
    return (folder / "out/x.csv").read_text()


ROWS = ["('x', '0.0', 2)", "('y', '1.0', 1)", "('x', '-0.0', 2)", "(NULL, '3.0', 1)", "('x', NULL, 1)"]


def test_the_same_rows_make_the_same_csv_however_they_were_stored(tmp_path: Path) -> None:
    stored = (ROWS, ROWS[::-1], ROWS[2:] + ROWS[:2], ROWS[::2] + ROWS[1::2])
    texts = {_csv(tmp_path, ", ".join(rows), "A") for rows in stored}
    (text,) = texts
    assert text.splitlines()[1:] == ['"x",,1', '"y",1.0,1', ",3.0,1", '"x",-0.0,2', '"x",0.0,2']


def test_what_does_not_leave_sorts_nothing_and_without_an_order_columns_sort_as_they_stand(tmp_path: Path) -> None:
    assert _csv(tmp_path, ", ".join(ROWS), "gone") == _csv(tmp_path, ", ".join(reversed(ROWS)))
