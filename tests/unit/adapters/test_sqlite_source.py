"""A column of SQLite holds values of any type: those of the type declared land as they are, others stop the reading."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from database_bench import VARIABLE, landed, source

from penstock.engine.ports.arrivals import Portion
from penstock.model.databases import DatabaseEngine
from penstock.model.errors import TaskError
from penstock.model.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytest.importorskip("adbc_driver_sqlite")

SQLITE = DatabaseEngine.SQLITE
ASTRAL = "a\U0001f600b ß'\"\\\n"
MOMENT = dt.datetime(2024, 2, 29, 12, 34, 56, 123456)  # noqa: DTZ001 - a moment without zone


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder; its database is called `shop.db`."""
    monkeypatch.setenv(VARIABLE, "sqlite:///shop.db")
    return tmp_path


def _fill(root: Path, values: Sequence[Any], kind: str = "") -> None:
    connection = apsw.Connection(str(root / "shop.db"))
    connection.execute(f'CREATE TABLE "t" (n INTEGER, "Value" {kind})')
    with connection:  # one transaction: the disk is waited for once, not for each row
        connection.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(values)))
    connection.close()


@pytest.mark.parametrize(
    ("declared", "values", "expected"),
    [
        ("BIGINT", (-(2**63), 2**63 - 1, None), None),
        ("TINYINT", (-128, 127, None), None),
        ("DOUBLE", (0.1, 5e-324, float("inf"), 3, None), (0.1, 5e-324, float("inf"), 3.0, None)),
        (
            "DECIMAL(12,2)",
            ("1.25", 12.34, 7, "-0.10", "1e3", None),
            (*map(Decimal, ("1.25", "12.34", "7", "-0.10", "1000")), None),
        ),
        ("VARCHAR", ("", ASTRAL, "x" * 100_000, 12, "\x01", None), ("", ASTRAL, "x" * 100_000, "12", "\x01", None)),
        ("BOOLEAN", (0, 1, None), (False, True, None)),
        ("BLOB", (b"", b"\x00\xff", None), None),
        ("DATE", ("2024-02-29", None), (dt.date(2024, 2, 29), None)),
        ("TIMESTAMP", ("2024-02-29 12:34:56.123456", "2024-02-29T12:34:56.123456Z", None), (MOMENT, MOMENT, None)),
        ("TIME", ("23:59:59.999999", None), (dt.time(23, 59, 59, 999999), None)),
    ],
)
def test_values_of_the_type_declared_land_as_they_are(
    root: Path, declared: str, values: Sequence[Any], expected: Sequence[Any] | None
) -> None:
    _fill(root, values)
    got = landed(root, source(SQLITE, {"n": "BIGINT", "Value": declared}, table="t"))
    assert [row[1] for row in sorted(got, key=lambda row: row[0])] == list(values if expected is None else expected)


def test_a_column_that_is_empty_for_long_keeps_its_type(root: Path) -> None:
    """The driver takes a column's type from its first values: here all of these are NULL."""
    _fill(root, [None] * 5000 + ["late", b"\x00"])
    with pytest.raises(TaskError, match="Value is blob"):
        landed(root, source(SQLITE, {"n": "BIGINT", "Value": "VARCHAR"}, table="t"))
    (root / "shop.db").unlink()
    _fill(root, [None] * 5000 + ["late"])
    got = landed(root, source(SQLITE, {"n": "BIGINT", "Value": "VARCHAR"}, table="t"))
    assert len(got) == 5001
    assert (5000, "late") in got


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("BIGINT", 1.5),
        ("BIGINT", "7"),
        ("TINYINT", 128),
        ("DOUBLE", "x"),
        ("DOUBLE", 2**53 + 1),
        ("DECIMAL(12,2)", "1.005"),
        ("DECIMAL(12,2)", 0.1 + 0.2),
        ("DECIMAL(12,2)", 0.00001),
        ("DECIMAL(12,2)", "1.5e-3"),
        ("TIMESTAMP", "2024-03-04T10:00:00+02:00"),
        ("TIMESTAMP", "2024-03-04T10:00:00.1234567"),
        ("VARCHAR", 1.5),
        ("VARCHAR", b"x"),
        ("BOOLEAN", 2),
        ("BLOB", "x"),
        ("DATE", "2024-02-29 12:00"),
        ("DATE", 19782),
        ("TIMESTAMP", "yesterday"),
        ("TIMESTAMP", 1709210096),
        ("UUID", "x"),
        ("JSON", "{"),
    ],
)
def test_a_value_of_another_type_stops_the_reading(root: Path, declared: str, value: Any) -> None:
    _fill(root, [None, value])
    with pytest.raises(TaskError) as caught:
        landed(root, source(SQLITE, {"n": "BIGINT", "Value": declared}, table="t"))
    (finding,) = caught.value.findings
    assert finding.code == "source.refused"
    if len(str(value)) > 2:
        assert str(value) not in f"{finding.message} {finding.found}", "it may be personal"


def test_an_interval_takes_moments_however_they_are_written(root: Path) -> None:
    _fill(
        root,
        [
            "2024-01-01 23:59:59",
            "2024-01-02T00:00:00",
            "2024-01-02 00:30:00+01:00",
            "2024-01-02T23:59:59Z",
            "2024-01-03 00:00:00",
            None,
        ],
    )
    dataset = source(SQLITE, {"n": "BIGINT", "Value": "TIMESTAMP"}, table="t")
    portion = Portion(interval=Interval.parse("2024-01-02/2024-01-03"), column="Value")
    assert sorted(landed(root, dataset, "n", portion=portion)) == [(1,), (3,)]
    hour = Portion(interval=Interval.parse("2024-01-02T23:00/2024-01-03T00:00"), column="Value")
    assert landed(root, dataset, "n", portion=hour) == [(3,)]


def test_a_moment_that_cannot_be_compared_is_not_left_out_unseen(root: Path) -> None:
    _fill(root, ["2024-01-02 00:00:00", 1709210096])
    portion = Portion(interval=Interval.parse("2024-01-05/2024-01-06"), column="Value")
    with pytest.raises(TaskError, match="Value is integer"):
        landed(root, source(SQLITE, {"n": "BIGINT", "Value": "TIMESTAMP"}, table="t"), portion=portion)


def test_a_cursor_reads_from_its_value_on_and_what_has_none(root: Path) -> None:
    _fill(root, [10, 11, 12, None])
    dataset = source(SQLITE, {"n": "BIGINT", "Value": "BIGINT"}, table="t", cursor="Value", key=("n",))
    assert sorted(landed(root, dataset, "n", portion=Portion(since=11))) == [(1,), (2,), (3,)]


def test_a_query_cannot_write_and_a_file_that_is_not_there_is_not_made(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(root, [1])
    before = (root / "shop.db").read_bytes()
    landed(root, source(SQLITE, {"n": "BIGINT"}, query="SELECT n FROM t"))
    assert (root / "shop.db").read_bytes() == before
    monkeypatch.setenv(VARIABLE, "missing.db")
    with pytest.raises(TaskError, match="no SQLite file"):
        landed(root, source(SQLITE, {"n": "BIGINT"}, table="t"))
    assert not (root / "missing.db").exists()


def test_one_reading_is_one_moment_of_the_database(root: Path) -> None:
    connection = apsw.Connection(str(root / "shop.db"))
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute(
        "CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000) "
        "SELECT n FROM c"
    )
    asked: list[int] = []

    def write() -> bool:
        if not asked:
            connection.execute("INSERT INTO t VALUES (0)")
        asked.append(1)
        return False

    got = landed(
        root, source(SQLITE, {"n": "BIGINT"}, table="t"), "count(*)", "count(*) FILTER (n = 0)", is_unwanted=write
    )
    assert got in ([(200000, 0)], [(200001, 1)])
