"""Source files: whole, what was declared, and within the project, or not read at all; then landed as they stand."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.adapters.sources.inspection import arrivals, read_header
from penstock.adapters.sources.local import LocalFiles
from penstock.model.errors import TaskError
from penstock.model.intervals import Grain, Interval
from penstock.model.sources import Closed, FileSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from penstock.model.findings import Finding

START = datetime(2011, 1, 3, tzinfo=UTC)  # a Monday
PATH = "data/{interval_start:%Y-%m-%d}.csv"
HEADER = b"day,value\n"


def _days(count: int) -> tuple[Interval, ...]:
    return tuple(Interval(START, START + timedelta(days=count)).split(Grain.DAY))


def _source(**changes: Any) -> FileSource:
    return FileSource(**{"path": PATH, "columns": ("day", "value"), **changes})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project" / "data").mkdir(parents=True)
    return tmp_path / "project"


def _write(root: Path, content: bytes, number: int = 0, suffix: str = "") -> Path:
    path = root / "data" / f"{(START + timedelta(days=number)).date()}.csv{suffix}"
    path.write_bytes(content)
    return path


def _land(root: Path, source: FileSource, intervals: Sequence[Interval] | None) -> list[tuple[Any, ...]]:
    with LocalFiles(root, root / ".spool").land(source, "shop.raw", intervals) as landing:
        rows = duckdb.execute(f"SELECT * FROM read_parquet('{landing.path}') ORDER BY ALL").fetchall()
    assert not landing.path.exists()
    return rows


def _refused(root: Path, source: FileSource | None = None, intervals: Sequence[Interval] | None = _days(1)) -> Finding:
    with pytest.raises(TaskError) as caught:
        _land(root, source or _source(), intervals)
    (finding,) = caught.value.findings
    assert finding.remedy
    return finding


def test_every_column_lands_as_text_with_its_file_and_interval(root: Path) -> None:
    _write(root, HEADER + b"2011-01-03, 007 \n,\n")
    at = START.replace(tzinfo=None)
    assert _land(root, _source(), _days(1)) == [
        ("2011-01-03", " 007 ", "data/2011-01-03.csv", at),
        (None, None, "data/2011-01-03.csv", at),
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfday,value\n1,a\n2,b\n", id="byte order mark"),
        pytest.param(b"day,value\r\n1,a\r\n2,b\r\n", id="CRLF"),
        pytest.param(b"\xef\xbb\xbfday,value\r\n1,a\r\n2,b", id="both, no last newline"),
        pytest.param(b'"day","value"\n"1","a"\n"2","b"\n', id="quoted"),
    ],
)
def test_the_same_rows_however_they_are_written(root: Path, content: bytes) -> None:
    _write(root, content)
    assert [row[:2] for row in _land(root, _source(), _days(1))] == [("1", "a"), ("2", "b")]


def test_quotes_keep_delimiters_quotes_and_line_breaks(root: Path) -> None:
    _write(root, HEADER + b'1,"a, ""b""\nc"\n')
    assert [row[:2] for row in _land(root, _source(), _days(1))] == [("1", 'a, "b"\nc')]


def test_packed_files_are_read_as_plain_ones(root: Path) -> None:
    _write(root, gzip.compress(HEADER + b"1,a\n"), suffix=".gz")
    assert [row[:2] for row in _land(root, _source(path=PATH + ".gz"), _days(1))] == [("1", "a")]


def test_another_delimiter_is_another_format(root: Path) -> None:
    _write(root, b"day;value\n1;a,b\n")
    assert [row[:2] for row in _land(root, _source(delimiter=";"), _days(1))] == [("1", "a,b")]
    assert _refused(root).code == "source.other_header"


def test_files_of_several_intervals_keep_their_own(root: Path) -> None:
    for number in range(3):
        _write(root, HEADER + f"{number},a\n".encode(), number)
    rows = _land(root, _source(), _days(3))
    assert [(row[0], row[2], row[3].day) for row in rows] == [
        ("0", "data/2011-01-03.csv", 3),
        ("1", "data/2011-01-04.csv", 4),
        ("2", "data/2011-01-05.csv", 5),
    ]


def test_a_truncated_packed_file_is_refused(root: Path) -> None:
    packed = gzip.compress(HEADER + b"1,a\n" * 1000)
    _write(root, packed[: len(packed) - 12], suffix=".gz")
    finding = _refused(root, _source(path=PATH + ".gz"))
    assert (finding.code, "cannot be unpacked" in finding.message) == ("source.broken_file", True)


@pytest.mark.parametrize("position", [0, 12, -6])
def test_a_damaged_packed_file_is_refused(root: Path, position: int) -> None:
    packed = bytearray(gzip.compress(HEADER + b"1,a\n" * 1000))
    packed[position] ^= 0xFF
    _write(root, bytes(packed), suffix=".gz")
    assert _refused(root, _source(path=PATH + ".gz")).code == "source.broken_file"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (HEADER, "no line of data"),
        (b"day,value", "no line of data"),
        (b"\xff\xfe,x\n1,2\n", "UTF-8"),
    ],
)
def test_a_file_without_rows_or_text_is_refused(root: Path, content: bytes, what: str) -> None:
    _write(root, content)
    finding = _refused(root)
    assert (finding.code, what in finding.message) == ("source.broken_file", True)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (b"day\n", "missing value"),
        (b"day,value,vat\n", "unexpected vat"),
        (b"value,day\n", "the same columns in another order"),
        (b"Day,value\n", "missing day; unexpected Day"),
    ],
)
def test_another_header_is_refused_and_shown(root: Path, header: bytes, what: str) -> None:
    _write(root, header + b"1,a\n")
    finding = _refused(root)
    assert finding.code == "source.other_header"
    assert what in finding.message
    assert (finding.place.line, finding.place.excerpt) == (1, header.decode().strip())
    assert finding.expected == "day, value"


def test_the_same_bytes_for_two_days_are_one_file_delivered_twice(root: Path) -> None:
    for number in range(2):
        _write(root, HEADER + b"1,a\n", number)
    finding = _refused(root, intervals=_days(2))
    assert finding.code == "source.repeated_file"
    assert "data/2011-01-04.csv holds exactly the bytes of data/2011-01-03.csv" in finding.message


def test_a_file_repeated_under_another_packing_is_found_too(root: Path) -> None:
    for number, level in enumerate((1, 9)):
        _write(root, gzip.compress(HEADER + b"1,a\n", level), number, ".gz")
    assert _refused(root, _source(path=PATH + ".gz"), _days(2)).code == "source.repeated_file"


def test_a_missing_file_is_refused(root: Path) -> None:
    finding = _refused(root)
    assert (finding.code, finding.place.file) == ("source.missing_file", "data/2011-01-03.csv")


@pytest.mark.parametrize("closed", [Closed(weekdays=frozenset({0})), Closed(dates=frozenset({date(2011, 1, 3)}))])
def test_a_closed_day_needs_no_file(root: Path, closed: Closed) -> None:
    _write(root, HEADER + b"1,a\n", 1)
    rows = _land(root, _source(closed=closed), _days(2))
    assert [row[2] for row in rows] == ["data/2011-01-04.csv"]
    assert _land(root, _source(closed=closed), _days(1)) == []


def test_a_file_of_a_closed_day_is_read_all_the_same(root: Path) -> None:
    _write(root, HEADER + b"1,a\n")
    assert len(_land(root, _source(closed=Closed(weekdays=frozenset({0}))), _days(1))) == 1


def test_a_source_may_say_that_a_missing_file_means_no_rows(root: Path) -> None:
    assert _land(root, _source(missing="empty"), _days(2)) == []


@pytest.mark.parametrize("path", ["../outside.csv", "data/../../outside.csv"])
def test_a_path_outside_the_project_is_refused(root: Path, path: str) -> None:
    (root.parent / "outside.csv").write_bytes(HEADER + b"1,secret\n")
    assert _refused(root, _source(path=path), None).code == "source.outside_project"


def test_a_link_that_leads_outside_the_project_is_refused(root: Path) -> None:
    (root.parent / "outside.csv").write_bytes(HEADER + b"1,secret\n")
    (root / "data" / "2011-01-03.csv").symlink_to(root.parent / "outside.csv")
    assert _refused(root).code == "source.outside_project"


def test_rows_that_do_not_fit_the_header_are_refused_with_their_line(root: Path) -> None:
    _write(root, HEADER + b"1,a\n2,b,c\n3,d\n")
    finding = _refused(root)
    assert (finding.code, finding.place.line) == ("source.broken_file", 3)
    assert str(root) not in f"{finding.message}{finding.found}{finding.place}"


def test_every_mistake_of_every_file_is_reported_at_once(root: Path) -> None:
    _write(root, b"day\n1\n", 0)
    _write(root, b"", 2)
    found, findings = arrivals(_source(), "shop.raw", root, _days(3))
    assert found == ()
    codes = sorted(finding.code for finding in findings)
    assert codes == ["source.broken_file", "source.missing_file", "source.other_header"]


def test_a_source_without_intervals_reads_all_that_its_pattern_matches(root: Path) -> None:
    for number in range(2):
        _write(root, HEADER + f"{number},a\n".encode(), number)
    rows = _land(root, _source(path="data/*.csv"), None)
    assert [row[0] for row in rows] == ["0", "1"]
    assert len(rows[0]) == 3


def test_a_pattern_that_matches_nothing_is_a_missing_file(root: Path) -> None:
    finding = _refused(root, _source(path="data/*.csv"), None)
    assert (finding.code, finding.place.file) == ("source.missing_file", "data/*.csv")


@pytest.mark.parametrize("name", ["my [new] project", "it's mine", "größe"])
def test_a_projects_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    (root / "data").mkdir(parents=True)
    _write(root, HEADER + b"1,a\n")
    found, findings = arrivals(_source(), "shop.raw", root, _days(1))
    assert (len(found), findings) == (1, ())
    with LocalFiles(root, tmp_path / "spool").land(_source(), "shop.raw", _days(1)) as landing:
        assert duckdb.execute(f"SELECT day, _file FROM read_parquet('{landing.path}')").fetchall() == [
            ("1", "data/2011-01-03.csv")
        ]


def test_counts_and_digest_of_a_file_are_of_its_unpacked_rows(root: Path) -> None:
    for number, content in enumerate((HEADER + b"1,a\n2,b", HEADER + b"1,a\n2,b\n")):
        _write(root, content, number)
    first, second = arrivals(_source(), "shop.raw", root, _days(2))[0]
    assert (first.lines, second.lines) == (2, 2)
    assert first.sha256 != second.sha256


def test_a_header_is_read_without_the_rest_of_the_file(root: Path) -> None:
    assert read_header(_write(root, b"\xef\xbb\xbfday;value\r\n1;2\r\n"), ";") == ("day", "value")
    assert read_header(_write(root, gzip.compress(HEADER), suffix=".gz"), ",") == ("day", "value")
    assert read_header(_write(root, b"no gzip", 1, ".gz"), ",") is None
    assert read_header(root / "nowhere.csv", ",") is None
