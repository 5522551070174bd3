"""Files of every format land as rows of one shape; those that drift land too, and nothing of them is lost."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import openpyxl
import pytest
import zstandard

from penstock.adapters.sources import forms, inspection, local
from penstock.adapters.sources.local import LocalFiles
from penstock.model.errors import TaskError
from penstock.model.intervals import Grain, Interval
from penstock.model.sources import Drift, FileFormat, FileSource
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.engine.ports.arrivals import Landing
    from penstock.model.findings import Finding

START = datetime(2020, 3, 1, tzinfo=UTC)
COLUMNS = ("region", "updated", "count")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


def _days(count: int) -> tuple[Interval, ...]:
    return tuple(Interval(START, START + timedelta(days=count)).split(Grain.DAY))


def _source(**changes: Any) -> FileSource:
    return FileSource(**{"path": "data/in.csv", "columns": COLUMNS, **changes})


def _land(
    root: Path, source: FileSource, days: Sequence[Interval] | None = None
) -> tuple[list[dict[str, Any]], Landing]:
    with LocalFiles(root, root / ".spool").land(source, "shop.raw", days) as landing:
        cursor = duckdb.execute(f"SELECT * FROM read_parquet('{landing.path}') ORDER BY ALL")
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return rows, landing


def _values(rows: Sequence[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names or COLUMNS) for row in rows]


def _refused(root: Path, source: FileSource, days: Sequence[Interval] | None = None) -> tuple[Finding, ...]:
    with pytest.raises(TaskError) as caught:
        _land(root, source, days)
    return caught.value.findings


# -- formats ----------------------------------------------------------------------------------------------------------

RECORDS = [{"region": "Ubåt", "updated": "2020-03-01", "count": 1}, {"region": None, "count": 2.5, "updated": ""}]
EXPECTED = [("Ubåt", "2020-03-01", "1"), (None, "", "2.5")]


def _written(root: Path, name: str) -> str:
    path = root / "data" / name
    text = json.dumps(RECORDS, ensure_ascii=False)
    if ".ndjson" in name or ".jsonl" in name:
        text = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
    content = text.encode()
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = zstandard.compress(content)
    path.write_bytes(content)
    return f"data/{name}"


@pytest.mark.parametrize("name", ["in.json", "in.json.gz", "in.json.zst"])
def test_a_list_of_records_lands_as_text(root: Path, name: str) -> None:
    rows, landing = _land(root, _source(path=_written(root, name), format=FileFormat.JSON))
    assert sorted(_values(rows), key=str) == sorted(EXPECTED, key=str)
    assert landing.files[0].rows == 2


@pytest.mark.parametrize("name", ["in.ndjson", "in.jsonl.gz", "in.ndjson.zst"])
def test_lines_of_json_land_as_text(root: Path, name: str) -> None:
    rows, _ = _land(root, _source(path=_written(root, name), format=FileFormat.NDJSON))
    assert sorted(_values(rows), key=str) == sorted(EXPECTED, key=str)


def test_records_lie_within_a_document_and_columns_within_records(root: Path) -> None:
    event = {"id": "a", "properties": {"mag": 1.5, "place": "5 km W"}, "geometry": {"coordinates": [-117.8, 35.3, 8]}}
    document = {"metadata": {"generated": 1746366777000}, "features": [event, {**event, "id": "b", "geometry": None}]}
    (root / "data" / "in.json").write_text(json.dumps(document))
    source = FileSource(
        path="data/in.json",
        format=FileFormat.JSON,
        records="features",
        columns=("id", "mag", "depth", "shape", "generated"),
        paths={
            "mag": "properties.mag",
            "depth": "geometry.coordinates.2",
            "shape": "geometry",
            "generated": "$.metadata.generated",
        },
        drift=Drift.EVOLVE,
    )
    rows, _ = _land(root, source)
    assert _values(rows, "id", "mag", "depth", "generated", "_extra") == [
        ("a", "1.5", "8", "1746366777000", '{"properties.place":"5 km W"}'),
        ("b", "1.5", None, "1746366777000", '{"properties.place":"5 km W"}'),
    ]
    assert json.loads(rows[0]["shape"]) == {"coordinates": [-117.8, 35.3, 8]}
    assert rows[1]["shape"] is None


def test_keys_that_are_no_words_are_kept_too(root: Path) -> None:
    """A dot in a key, a number, and objects whose keys are data and so have no end."""
    many = {str(number): number for number in range(600)}
    records = [{"a.b": 1, "0": 2, "odd": {'"': 3}, "region": "x"}, {"by_id": many, "region": "y"}]
    (root / "data" / "in.json").write_text(json.dumps(records[:1]))
    source = FileSource(
        path="data/*.json", format=FileFormat.JSON, columns=("region", "ab"), paths={"ab": '"a.b"'}, drift=Drift.EVOLVE
    )
    (row,), _ = _land(root, source)
    assert (row["region"], row["ab"]) == ("x", "1")
    assert json.loads(row["_extra"]) == {'"0"': "2", "odd": '{"\\"":3}'}
    (root / "data" / "in.json").write_text(json.dumps(records))
    rows, landing = _land(root, source)
    assert [row["region"] for row in rows] == ["x", "y"]
    assert len(landing.files[0].header) < 10
    assert json.loads(json.loads(rows[1]["_extra"])["by_id"]) == many


def test_a_document_without_records_is_no_fault(root: Path) -> None:
    (root / "data" / "in.json").write_text("[]")
    rows, landing = _land(root, _source(path="data/in.json", format=FileFormat.JSON))
    assert rows == []
    assert landing.files[0].rows == 0


@pytest.mark.parametrize(("alone", "expected"), [("skip", [("a", "1")]), ("row", [("a", "1"), (None, "2")])])
@pytest.mark.parametrize("drift", [Drift.FREEZE, Drift.EVOLVE])
def test_a_document_without_records_may_land_as_a_row_of_its_own(
    root: Path, alone: str, expected: list[tuple[str | None, str]], drift: Drift
) -> None:
    """That nothing is listed any more is told by such a document alone."""
    for number, records in enumerate(([{"region": "a"}], []), 1):
        (root / "data" / f"{number}.json").write_text(json.dumps({"at": number, "items": records}))
    layout = {"format": FileFormat.JSON, "records": "items", "no_records": alone, "drift": drift}
    source = _source(path="data/*.json", columns=("region", "at"), paths={"at": "$.at"}, **layout)
    rows, landing = _land(root, source)
    assert _values(rows, "region", "at") == expected
    assert [file.rows for file in landing.files] == [1, 0]


@pytest.mark.parametrize(
    ("content", "says", "line"),
    [
        ('[{"region": 1},\n{"region": }]', "is no JSON", 2),
        ('{"items": []}', "holds an object at its root", 1),
        ("[1]", "holds a number as its record 1", 1),
        ('[{"region": NaN}]', "NaN is no JSON number", 1),
        ("[" * 100_000, "is no JSON", 1),
    ],
)
def test_what_is_no_list_of_records_is_named_with_its_line(root: Path, content: str, says: str, line: int) -> None:
    (root / "data" / "in.json").write_text(content)
    (finding,) = _refused(root, _source(path="data/in.json", format=FileFormat.JSON))
    assert says in finding.message
    assert finding.place.line == line


def test_a_broken_line_of_json_is_named(root: Path) -> None:
    (root / "data" / "in.ndjson").write_text('{"region": 1, "updated": 1, "count": 1}\n\n{"region"\n[1]\n')
    (finding,) = _refused(root, _source(path="data/in.ndjson", format=FileFormat.NDJSON))
    assert finding.place.line == 3


def test_parquet_lands_with_the_types_that_are_declared(root: Path) -> None:
    duckdb.sql(
        "COPY (SELECT 'x' AS region, DATE '2020-03-01' AS updated, 12345678901.5::DECIMAL(18,2) AS count) "
        f"TO '{root}/data/in.parquet'"
    )
    source = _source(path="data/in.parquet", format=FileFormat.PARQUET, types={"count": "DECIMAL(18,2)"})
    rows, landing = _land(root, source)
    assert str(rows[0]["count"]) == "12345678901.50"
    assert rows[0]["updated"] == "2020-03-01"
    assert landing.files[0].dialect["type of updated"] == "DATE"


def test_damaged_parquet_is_refused_before_anything_is_read_in(root: Path) -> None:
    path = root / "data" / "in.parquet"
    duckdb.sql(f"COPY (SELECT range AS region, range AS updated, range AS count FROM range(9000)) TO '{path}'")
    path.write_bytes(path.read_bytes()[:-30])
    (finding,) = _refused(root, _source(path="data/in.parquet", format=FileFormat.PARQUET))
    assert finding.code == "source.broken_file"


def test_a_sheet_lands_as_it_is_shown(root: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Numbers")
    sheet.append(COLUMNS)
    sheet.append(['a;"b"\nc', datetime(2020, 3, 1, 12, 30), 7])  # noqa: DTZ001 - as a sheet has it
    sheet.append([None, None, 2.5])
    book.save(root / "data" / "in.xlsx")
    rows, _ = _land(root, _source(path="data/in.xlsx", format=FileFormat.EXCEL, sheet="Numbers"))
    assert sorted(_values(rows), key=str) == [('a;"b"\nc', "2020-03-01 12:30:00", "7"), (None, None, "2.5")]
    (finding,) = _refused(root, _source(path="data/in.xlsx", format=FileFormat.EXCEL, sheet="Nowhere"))
    assert "cannot be read" in finding.message


def test_several_files_of_one_interval_land_together(root: Path) -> None:
    for name in ("2020-03-01T01", "2020-03-01T02", "2020-03-02T05"):
        (root / "data" / f"{name}.csv").write_text(f"region,updated,count\n{name},,1\n")
    source = _source(path="data/{interval_start:%Y-%m-%d}T*.csv")
    rows, landing = _land(root, source, _days(2))
    assert [row["region"] for row in rows] == ["2020-03-01T01", "2020-03-01T02", "2020-03-02T05"]
    assert [file.start for file in landing.files] == ["2020-03-01", "2020-03-01", "2020-03-02"]


NAMES = (
    "name",
    "path",
    "start",
    "lines",
    "record",
    "file",
    "step",
    "rows",
    "hash",
    "v0",
    "c0",
    "seen",
    "select",
    'a"b',
)


@pytest.mark.parametrize("drift", list(Drift))
@pytest.mark.parametrize("format_", [FileFormat.CSV, FileFormat.PARQUET, FileFormat.NDJSON])
def test_columns_may_be_called_whatever_our_own_are(root: Path, format_: FileFormat, drift: Drift) -> None:
    names = NAMES if format_ is not FileFormat.NDJSON else NAMES[:-1]
    declared = names if drift is Drift.FREEZE else names[::2]
    path = root / "data" / f"in.{format_}"
    if format_ is FileFormat.CSV:
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([names, range(len(names))])
    elif format_ is FileFormat.NDJSON:
        path.write_text(json.dumps(dict(zip(names, range(len(names)), strict=True))))
    else:
        values = ", ".join(f"{number} AS {quote(name)}" for number, name in enumerate(names))
        duckdb.sql(f"COPY (SELECT {values}) TO '{path}'")
    (row,), landing = _land(root, FileSource(path=f"data/in.{format_}", columns=declared, format=format_, drift=drift))
    assert [row[name] for name in declared] == [str(names.index(name)) for name in declared]
    form = "number" if format_ is FileFormat.NDJSON else "whole number"
    assert landing.files[0].forms == dict.fromkeys(declared, form)
    if drift is Drift.EVOLVE:
        assert len(json.loads(row["_extra"])) == len(names) - len(declared)


# -- drift ------------------------------------------------------------------------------------------------------------

EVOLVING = {"drift": Drift.EVOLVE, "also": {"count": ("Confirmed",)}}


def test_columns_are_found_under_other_names_and_in_another_order_and_the_rest_is_kept(root: Path) -> None:
    (root / "data" / "2020-03-01.csv").write_text("region,updated,count\na,1,2\n")
    (root / "data" / "2020-03-02.csv").write_text("Confirmed,Re/gion,Lat,UPDATED\n3,b,1.5,4\n5,c,,6\n")
    (root / "data" / "2020-03-03.csv").write_text("updated,region\n7,d\n")
    rows, _ = _land(root, _source(path="data/{interval_start:%Y-%m-%d}.csv", **EVOLVING), _days(3))
    assert sorted(_values(rows, *COLUMNS, "_extra"), key=str) == sorted(
        [
            ("a", "1", "2", None),
            (None, "4", "3", '{"Re/gion":"b","Lat":"1.5"}'),
            (None, "6", "5", '{"Re/gion":"c","Lat":null}'),
            ("d", "7", None, None),
        ],
        key=str,
    )


def test_names_that_differ_in_signs_alone_are_one_column(root: Path) -> None:
    source = FileSource(path="data/in.csv", columns=("Province/State", "Case-Fatality_Ratio"), drift=Drift.EVOLVE)
    (root / "data" / "in.csv").write_text("Case_Fatality_Ratio,Province_State\n1.5,Hubei\n")
    rows, _ = _land(root, source)
    assert _values(rows, *source.columns) == [("Hubei", "1.5")]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_told_from_the_header(root: Path, delimiter: str) -> None:
    with (root / "data" / "in.csv").open("w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([COLUMNS, ("a, b", "1", "2")])
    rows, landing = _land(root, _source(**EVOLVING))
    assert _values(rows) == [("a, b", "1", "2")]
    assert landing.files[0].dialect["delimiter"] == delimiter
    (finding,) = _refused(root, _source())
    assert finding.code == "source.other_header"


@pytest.mark.parametrize(("encoding", "told"), [("cp1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8-sig", "utf-8")])
def test_another_encoding_is_told_from_the_bytes(root: Path, encoding: str, told: str) -> None:
    (root / "data" / "in.csv").write_bytes("region,updated,count\nCuraçao – Łódź,1,2\n".encode(encoding, "replace"))
    rows, landing = _land(root, _source(**EVOLVING))
    assert str(rows[0]["region"]).startswith("Curaçao –")
    assert landing.files[0].dialect["encoding"] == told


def test_an_encoding_that_is_declared_is_no_drift(root: Path) -> None:
    (root / "data" / "in.csv").write_bytes("region,updated,count\nCuraçao,1,2\n".encode("cp1252"))
    (finding,) = _refused(root, _source())
    assert "is not UTF-8 text" in finding.message
    rows, _ = _land(root, _source(encoding="cp1252"))
    assert rows[0]["region"] == "Curaçao"


def test_bytes_that_are_text_late_in_a_file_are_taken_too(root: Path) -> None:
    filler = b"a,1,2\n" * 300_000
    (root / "data" / "in.csv").write_bytes(b"region,updated,count\n" + filler + "Curaçao,1,2\n".encode("cp1252"))
    rows, landing = _land(root, _source(**EVOLVING))
    assert landing.files[0].dialect["encoding"] == "cp1252"
    assert {row["region"] for row in rows} == {"a", "Curaçao"}


def test_a_file_of_which_no_column_is_known_is_refused(root: Path) -> None:
    (root / "data" / "in.csv").write_text("a,b\n1,2\n")
    (finding,) = _refused(root, _source(**EVOLVING))
    assert finding.code == "source.other_header"


def test_a_row_of_another_width_is_refused_though_files_may_drift(root: Path) -> None:
    (root / "data" / "in.csv").write_text("region,updated,count\na,1,2\nb,1\n")
    (finding,) = _refused(root, _source(**EVOLVING))
    assert finding.place.line == 3


def test_what_values_look_like_is_told_where_all_look_alike(root: Path) -> None:
    (root / "data" / "in.csv").write_text("region,updated,count\na,1/22/2020 17:00,1.25\nb,2/1/2020 7:05,\nc,,2.50\n")
    _, landing = _land(root, _source())
    assert landing.files[0].forms == {"updated": "time 1/31/2020 23:59", "count": "number with 2 decimals"}
    (root / "data" / "in.csv").write_text("region,updated,count\na,1/22/2020 17:00,1.25\nb,2020-01-02,2\n")
    _, landing = _land(root, _source())
    assert landing.files[0].forms == {}


@pytest.mark.parametrize(
    ("counts", "told"),
    [((1, 2), "number"), ((1.5, 2.5), "number"), ((1.25, 2.125), "number"), ((1, 2.5), None)],
)
def test_json_numbers_look_alike_however_many_decimals_they_have(
    root: Path, counts: tuple[float, float], told: str | None
) -> None:
    records = [{"region": "a", "updated": "2020-01-31", "count": count} for count in counts]
    (root / "data" / "in.json").write_text(json.dumps(records))
    _, landing = _land(root, _source(path="data/in.json", format=FileFormat.JSON))
    forms = landing.files[0].forms
    assert (forms["updated"], forms.get("count")) == ("date 2020-01-31", told)


# -- what a second look found -----------------------------------------------------------------------------------------


def test_parquet_files_of_other_types_are_each_cast_by_their_own(root: Path) -> None:
    for number, value in enumerate(("1::BIGINT", "2.5::DOUBLE", "'3.25'")):
        duckdb.sql(f"COPY (SELECT {value} AS amount) TO '{root}/data/{number}.parquet'")
    source = FileSource(
        path="data/*.parquet", columns=("amount",), format=FileFormat.PARQUET, types={"amount": "DOUBLE"}
    )
    rows, _ = _land(root, source)
    assert sorted(row["amount"] for row in rows) == [1.0, 2.5, 3.25]


@pytest.mark.parametrize("other", ["r[1]", "r?", "r*"])
def test_signs_that_stand_for_several_files_stand_for_themselves_in_names(root: Path, other: str) -> None:
    (root / "data" / "r1.csv").write_text("region,updated,count\nplain,,1\n")
    (root / "data" / f"{other}.csv").write_text("region,updated,count\nodd,,2\n")
    rows, _ = _land(root, _source(path="data/*.csv"))
    assert sorted(row["region"] for row in rows) == ["odd", "plain"]


def test_folders_that_look_like_columns_are_folders(root: Path) -> None:
    (root / "data" / "count=7").mkdir()
    duckdb.sql(f"COPY (SELECT 'x' AS region, '' AS updated, 1 AS count) TO '{root}/data/count=7/in.parquet'")
    (row,), _ = _land(root, _source(path="data/count=7/in.parquet", format=FileFormat.PARQUET))
    assert row["count"] == "1"


def test_a_name_that_is_written_alike_goes_before_one_that_is_nearly_so(root: Path) -> None:
    (root / "data" / "in.csv").write_text("deaths %,deaths\n9,1\n")
    source = FileSource(path="data/in.csv", columns=("Deaths", "Deaths %"), drift=Drift.EVOLVE)
    (row,), _ = _land(root, source)
    assert (row["Deaths"], row["Deaths %"]) == ("1", "9")


def test_another_path_of_a_column_may_lead_into_a_list_and_the_rest_of_the_list_is_kept(root: Path) -> None:
    (root / "data" / "in.json").write_text(json.dumps([{"g": {"coords": [1, 2, 3]}}]))
    source = FileSource(
        path="data/in.json",
        format=FileFormat.JSON,
        columns=("depth",),
        paths={"depth": "g.coordinates.2"},
        also={"depth": ("g.coords.2",)},
        drift=Drift.EVOLVE,
    )
    (row,), _ = _land(root, source)
    assert row["depth"] == "3"
    assert json.loads(row["_extra"]) == {"g.coords": "[1,2,3]"}


def test_two_documents_that_list_nothing_are_no_copies_of_each_other(root: Path) -> None:
    for day in ("2020-03-01", "2020-03-02"):
        (root / "data" / f"{day}.json").write_text("[]")
    rows, _ = _land(root, _source(path="data/{interval_start:%Y-%m-%d}.json", format=FileFormat.JSON), _days(2))
    assert rows == []


def test_a_file_that_changes_between_two_looks_is_not_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "data" / "in.csv"
    path.write_text("region,updated,count\na,,1\n")
    looked = inspection.arrivals

    def replaced(*arguments: Any) -> Any:
        found = looked(*arguments)
        path.write_text("region,updated,count\nb,,2\n")
        return found

    monkeypatch.setattr(local, "arrivals", replaced)
    (finding,) = _refused(root, _source())
    assert finding.code == "source.changed_meanwhile"


def test_a_file_that_goes_away_between_two_looks_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "data" / "in.csv"
    path.write_text("region,updated,count\na,,1\n")
    looked = inspection.arrivals

    def removed(*arguments: Any) -> Any:
        found = looked(*arguments)
        path.unlink()
        return found

    monkeypatch.setattr(local, "arrivals", removed)
    assert _refused(root, _source())[0].code in {"source.changed_meanwhile", "source.unreadable_rows"}


def test_a_blank_line_of_a_file_of_one_column_is_a_row(root: Path) -> None:
    (root / "data" / "in.csv").write_text("region\na\n\nb\n")
    rows, landing = _land(root, FileSource(path="data/in.csv", columns=("region",)))
    assert len(rows) == landing.files[0].rows == 3


def test_one_column_of_a_file_is_one_declared_column_alone(root: Path) -> None:
    (root / "data" / "in.csv").write_text("a_b\n1\n")
    source = FileSource(path="data/in.csv", columns=("a b", "a_b"), drift=Drift.EVOLVE)
    (row,), _ = _land(root, source)
    assert (row["a b"], row["a_b"]) == (None, "1")


def test_of_a_large_file_some_rows_are_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So one odd value among very many is overlooked, and a form that half of them have is not."""
    rows = "".join(f"r,,{number}\n" for number in range(3_000))
    (root / "data" / "in.csv").write_text("region,updated,count\n" + rows + "r,,x\n")
    monkeypatch.setattr(forms, "MOST_ROWS", 3)
    _, landing = _land(root, _source())
    assert landing.files[0].forms == {"count": "whole number"}
    monkeypatch.setattr(forms, "MOST_ROWS", 10_000)
    _, landing = _land(root, _source())
    assert landing.files[0].forms == {}
