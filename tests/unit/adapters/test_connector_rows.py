"""What a connector gives becomes rows of the types declared: exactly, or not at all, and never all of it in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from uuid import UUID

import duckdb
import pytest

from penstock.adapters.connectors import rows as module
from penstock.adapters.connectors.bringing import may_pass
from penstock.adapters.connectors.rows import EnoughError, Rows, UnfitRowsError
from penstock.adapters.connectors.settings import filled_in, with_secrets
from penstock.model.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _landed(
    connection: duckdb.DuckDBPyConnection, folder: Path, types: dict[str, str], *items: Any, **options: Any
) -> list[tuple[Any, ...]]:
    rows = Rows(connection, folder / "out.parquet", types, **options)
    for item in items:
        rows.take(item)
    rows.finish()
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["_progress", "out.parquet"]
    found: list[tuple[Any, ...]] = connection.read_parquet(str(folder / "out.parquet")).fetchall()
    return found


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


pa = pytest.importorskip("pyarrow")
HALF = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("type_", "given", "landed"),
    [
        ("BIGINT", 2**62 + 1, 2**62 + 1),
        ("BIGINT", "7", 7),
        ("BIGINT", 7.0, 7),
        ("DECIMAL(38,10)", Decimal("1234567890123456789.0123456789"), Decimal("1234567890123456789.0123456789")),
        ("DOUBLE", 0.1, 0.1),
        ("BOOLEAN", True, True),
        ("VARCHAR", "a\u0000ü\n\"'\\", "a\u0000ü\n\"'\\"),
        ("VARCHAR", "", ""),
        ("VARCHAR", 7, "7"),
        ("VARCHAR", {"a": [1]}, '{"a": [1]}'),
        ("JSON", {"a": Decimal("0.5"), "at": date(2024, 1, 2)}, '{"a": 0.5, "at": "2024-01-02"}'),
        ("JSON", "text", '"text"'),
        ("JSON", 0, "0"),
        ("DATE", date(2024, 1, 2), date(2024, 1, 2)),
        ("DATE", "2024-01-02T00:00:00Z", date(2024, 1, 2)),
        ("TIME", "03:04:05.123456", time(3, 4, 5, 123456)),
        ("TIMESTAMP", "2024-01-02T03:04:05Z", _naive("2024-01-02T03:04:05")),
        ("TIMESTAMP", datetime(2024, 1, 2, 5, 30, tzinfo=HALF), _naive("2024-01-02")),
        ("TIMESTAMP", _naive("2024-01-02T05:30"), _naive("2024-01-02T05:30")),
        ("UUID", UUID(int=7), UUID(int=7)),
    ],
)
def test_a_value_lands_as_what_was_declared(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, type_: str, given: object, landed: object
) -> None:
    found = _landed(connection, tmp_path, {"v": type_}, {"v": given}, [{"v": None}, {}])
    assert found == [(landed,), (None,), (None,)]


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("BIGINT", "canary"),
        ("BIGINT", 1.5),
        ("BIGINT", 2**64),
        ("DECIMAL(4,2)", "1.005"),
        ("DATE", "canary"),
        ("DATE", "2024-01-02T03:04:05"),
        ("DATE", "2024-01-02 23:30:00-05:00"),
        ("DATE", datetime(2024, 1, 2, 3, 4)),  # noqa: DTZ001 - as a connector gives it
        ("TIME", "2024-01-02T03:04:05"),
        ("TIME", "03:04:05.1234567"),
        ("TIME", "03:04:05+02:00"),
        ("TIME", datetime(2024, 1, 2, 3, 4)),  # noqa: DTZ001 - as a connector gives it
        ("TIMESTAMP", "2024-01-02T03:04:05+02:00"),
        ("BOOLEAN", "canary"),
        ("DOUBLE", {"canary": 1}),
    ],
)
def test_a_value_that_does_not_become_it_names_its_column_and_is_not_shown(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, type_: str, given: object
) -> None:
    rows = Rows(connection, tmp_path / "out.parquet", {"good": "VARCHAR", "bad": type_})
    rows.take([{"good": "a", "bad": None}, {"good": "b", "bad": given}])
    with pytest.raises(UnfitRowsError) as caught:
        rows.finish()
    assert (caught.value.code, caught.value.column) == ("source.value_mismatch", "bad")
    assert "canary" not in str(caught.value)


def test_of_rows_with_one_key_the_last_stays_wherever_they_come(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    items = [{"id": number % 4, "n": number} for number in range(10)]
    found = _landed(connection, tmp_path, {"id": "BIGINT", "n": "BIGINT"}, items, key=["id"])
    assert sorted(found) == [(0, 8), (1, 9), (2, 6), (3, 7)]


def test_rows_are_written_as_they_come_and_all_of_them_land(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 10)
    rows = Rows(connection, tmp_path / "out.parquet", {"id": "BIGINT"})
    for number in range(25):
        rows.take({"id": number})
        assert len(rows._lines) < 10
    assert len(list(tmp_path.glob("part-*.parquet"))) == 2
    assert rows.finish() == 25
    assert connection.read_parquet(str(tmp_path / "out.parquet")).fetchall() == [(number,) for number in range(25)]


def test_large_rows_are_written_before_there_are_many(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CHARACTERS", 1000)
    rows = Rows(connection, tmp_path / "out.parquet", {"text": "VARCHAR"})
    for _ in range(5):
        rows.take({"text": "x" * 600})
    assert len(list(tmp_path.glob("part-*.parquet"))) == 2


def test_no_rows_are_a_file_of_the_columns_declared(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert _landed(connection, tmp_path, {"id": "BIGINT", "at": "DATE"}, [], key=["id"], evolves=True) == []
    described = connection.execute(f"DESCRIBE FROM '{tmp_path}/out.parquet'").fetchall()
    assert [row[:2] for row in described] == [("id", "BIGINT"), ("at", "DATE"), ("_extra", "VARCHAR")]


def test_a_field_that_nobody_declared_is_refused_ignored_or_kept(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    types, row = {"id": "BIGINT"}, {"id": 1, "new": Decimal("2.5"), "known": 3}
    with pytest.raises(UnfitRowsError) as caught:
        Rows(connection, tmp_path / "out.parquet", types, ignored=["known"]).take(row)
    assert (caught.value.code, caught.value.column) == ("source.undeclared_field", "new")
    found = _landed(connection, tmp_path, types, row, {"id": 2}, ignored=["known"], evolves=True)
    assert found == [(1, '{"new": 2.5}'), (2, None)]


def test_arrow_tables_and_lists_are_rows_and_other_things_are_none(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    table = pa.table({"id": [1, 2], "at": [datetime(2024, 1, 1, tzinfo=UTC), None]})
    types = {"id": "BIGINT", "at": "TIMESTAMP"}
    assert _landed(connection, tmp_path, types, table, [[{"id": 3}]]) == [
        (1, _naive("2024-01-01")),
        (2, None),
        (3, None),
    ]
    for thing in (7, "text", [1]):
        with pytest.raises(UnfitRowsError) as caught:
            Rows(connection, tmp_path / "out.parquet", types).take(thing)
        assert caught.value.code == "source.no_row"


def test_a_sample_ends_when_there_is_enough(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = Rows(connection, tmp_path / "out.parquet", {"id": "BIGINT"}, most=3)
    with pytest.raises(EnoughError):
        rows.take([{"id": number} for number in range(10)])
    assert rows.finish() == 3


def test_settings_are_filled_in_with_an_interval_wherever_it_is_named() -> None:
    interval = Interval(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    settings = {"a": "{interval_start}", "b": [{"c": "to {interval_end:%d.%m.%Y}"}], "d": "{incremental.start_value}"}
    assert filled_in(settings, interval) == {
        "a": "2024-01-01T00:00:00Z",
        "b": [{"c": "to 03.01.2024"}],
        "d": "{incremental.start_value}",
    }
    assert filled_in(settings, None) == settings


def test_secrets_go_to_their_places_in_lists_too_and_nowhere_else() -> None:
    assert with_secrets({"hosts": [{}, {}]}, {"hosts.1.key": "s", "new.key": "t"}) == {
        "hosts": [{}, {"key": "s"}],
        "new": {"key": "t"},
    }
    with pytest.raises(ValueError, match=r"no place hosts\.2\.key"):
        with_secrets({"hosts": [{}, {}]}, {"hosts.2.key": "s"})
    with pytest.raises(ValueError, match="no place name"):
        with_secrets({"name": "shop"}, {"name.key": "s"})


class _Answer:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class _HttpError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.response = _Answer(status)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (_HttpError(429), True),
        (_HttpError(503), True),
        (_HttpError(404), False),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (URLError("no route"), True),
        (HTTPError("http://shop", 500, "", Message(), None), True),
        (HTTPError("http://shop", 403, "", Message(), None), False),
        (ValueError("7"), False),
    ],
)
def test_what_passes_on_the_network_is_told_from_what_does_not(error: BaseException, passes: bool) -> None:
    assert may_pass(error) is passes
    wrapped = RuntimeError("the library's own")
    wrapped.__cause__ = error
    assert may_pass(wrapped) is passes
