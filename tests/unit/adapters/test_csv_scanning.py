from __future__ import annotations

import contextlib
import gzip
import hashlib
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.adapters.sources.inspection import Arrival
from penstock.adapters.sources.landing import landing_query
from penstock.adapters.sources.scanning import Scan, scan
from penstock.model.sources import FileSource

if TYPE_CHECKING:
    from pathlib import Path

HEADER = b"id,name,price\n"


def scanned(tmp_path: Path, data: bytes, delimiter: str = ",") -> Scan:
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    return scan(path, delimiter)


def fault(tmp_path: Path, data: bytes) -> tuple[int, str]:
    found = scanned(tmp_path, data).fault
    assert found is not None
    assert found.expected
    return found.line, found.what


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (HEADER, 0),
        (HEADER + b"1,tea,2\n", 1),
        (HEADER + b"1,tea,2\n2,cake,3", 2),
        (HEADER.replace(b"\n", b"\r\n") + b"1,tea,2\r\n2,cake,3\r\n", 2),
        (b"\xef\xbb\xbf" + HEADER + b"1,tea,2\n", 1),
        (HEADER + b"\n1,tea,2\n\n", 1),
        (HEADER + b'1,"tea, green\nand black",2\n', 1),
        (HEADER + b'1,"a ""quoted"" word",2\n', 1),
        (HEADER + b'1,5" nails,2\n', 1),
        (HEADER + b",,\n", 1),
    ],
)
def test_whole_files_are_counted(tmp_path: Path, data: bytes, rows: int) -> None:
    found = scanned(tmp_path, data)
    assert (found.header, found.rows, found.fault) == (("id", "name", "price"), rows, None)


def test_the_digest_is_of_the_unpacked_bytes(tmp_path: Path) -> None:
    data = HEADER + b"1,tea,2\n" * 200_000
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(data))
    assert scan(packed, ",") == scanned(tmp_path, data)
    assert scan(packed, ",").sha256 == hashlib.sha256(data).hexdigest()


def test_the_digest_is_of_the_whole_file_also_behind_a_fault(tmp_path: Path) -> None:
    data = HEADER + b"1\n" + b"1,tea,2\n" * 200_000
    found = scanned(tmp_path, data)
    assert found.fault is not None
    assert found.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (HEADER + b"1,tea,2\n2,ca", 3, "2 value(s) under a header of 3"),
        (HEADER + b"1,tea,2,too much\n2,cake,3\n", 2, "4 value(s) under a header of 3"),
        (HEADER + b'1,"tea\nand cake",2\n2\n', 4, "1 value(s)"),
        (HEADER + b'1,tea,2\n2,"cake,3\n4,bun,5\n', 3, "does not end"),
        (HEADER + b"1,tea,2\n2,caf\xe9,3\n", 3, "not UTF-8"),
        (b"\xff\xfei\x00d\x00", 1, "not UTF-8"),
        (HEADER + b"1,tea,2\n2,ca\x00ke,3\n", 3, "zero byte"),
    ],
)
def test_the_first_fault_is_named_with_its_line(tmp_path: Path, data: bytes, line: int, says: str) -> None:
    found, what = fault(tmp_path, data)
    assert found == line
    assert says in what


def test_a_fault_does_not_repeat_the_values_of_a_row(tmp_path: Path) -> None:
    _, what = fault(tmp_path, HEADER + b"1,maria@example.com\n")
    assert "maria" not in what


def test_another_delimiter_is_heeded(tmp_path: Path) -> None:
    found = scanned(tmp_path, b"id;name\n1;a,b\n", ";")
    assert (found.header, found.rows, found.fault) == (("id", "name"), 1, None)


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(HEADER + b"1,tea,2\n" * 1000)[:-20])
    with pytest.raises(EOFError):
        scan(path, ",")


@given(st.binary(max_size=200) | st.text("ab,\"\n\r;'\0é", max_size=100).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_scanned(tmp_path: Path, data: bytes) -> None:
    found = scanned(tmp_path, data)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.rows >= 0


@given(st.lists(st.sampled_from([",", "\n", '"', '""', " ", "a", "1", ";", "é", "'"]), max_size=25).map("".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_found_whole_is_landed_row_by_row(tmp_path: Path, body: str) -> None:
    found = scanned(tmp_path, HEADER + body.encode())
    if found.fault is not None:
        return
    path = tmp_path / "rows.csv"
    arrival = Arrival(
        path=path, name="rows.csv", interval=None, header=found.header, lines=found.rows, sha256=found.sha256
    )
    query = landing_query(FileSource(path="rows.csv", columns=found.header), [arrival], dated=False)
    with contextlib.closing(duckdb.connect()) as connection:
        assert len(connection.execute(query).fetchall()) == found.rows


def test_a_column_may_have_any_name_that_landing_uses_itself(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"name,path,start,_path,lines,arrived\n1,2,3,4,5,6\n")
    found = scan(path, ",")
    arrival = Arrival(path=path, name="a", interval=None, header=found.header, lines=1, sha256=found.sha256)
    query = landing_query(FileSource(path="a", columns=found.header), [arrival], dated=True)
    with contextlib.closing(duckdb.connect()) as connection:
        assert connection.execute(query).fetchall() == [("1", "2", "3", "4", "5", "6", "a", None)]


ROWS_OF_TWO = b"a,b%s1,2%s3,4%s5,6%s"


@pytest.mark.parametrize(
    ("ends", "line", "what"),
    [
        ((b"\n", b"\n", b"\r\n", b"\n"), 3, "ends line 3 with CRLF and the lines before with LF"),
        ((b"\r\n", b"\n", b"\n", b"\n"), 2, "ends line 2 with LF and the lines before with CRLF"),
        ((b"\r\n", b"\r\n", b"\r\n", b"\n"), 4, "ends line 4 with LF and the lines before with CRLF"),
        ((b"\n", b"\r", b"\n", b"\n"), 2, "ends line 2 with CR and the lines before with LF"),
    ],
)
def test_a_second_kind_of_line_end_is_a_fault_at_its_line(
    tmp_path: Path, ends: tuple[bytes, ...], line: int, what: str
) -> None:
    """DuckDB reads no such file, and says so without the line."""
    assert fault(tmp_path, ROWS_OF_TWO % ends) == (line, what)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("within", [b"x\ny", b"x\r\ny", b"x\ry"])
def test_within_quotes_any_line_end_belongs_to_the_value(tmp_path: Path, end: bytes, within: bytes) -> None:
    found = scanned(tmp_path, end.join([b"a,b", b'1,"' + within + b'"', b"3,4", b""]))
    assert (found.fault, found.rows) == (None, 2)
