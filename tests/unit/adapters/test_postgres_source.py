"""What lands of a Postgres table is what Postgres holds, value by value, as psycopg reads it, or it does not land."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import math
import re
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from database_bench import VARIABLE, source
from database_bench import landed as landed_one_way

from penstock.adapters.databases.addresses import parse_address
from penstock.adapters.databases.discovery import discover
from penstock.engine.ports.arrivals import Portion
from penstock.model.databases import DatabaseEngine
from penstock.model.errors import PenstockError, TaskError, TransientError
from penstock.model.intervals import Interval
from penstock.sql.foreign import read_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Landed = Callable[..., list[tuple[Any, ...]]]

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")

POSTGRES = DatabaseEngine.POSTGRES
ASTRAL = "a\U0001f600b \u200f\u0301 ß'\"\\\n\t,"
VALUES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # column: type in Postgres, type declared, values as SQL
    "yes": ("boolean", "BOOLEAN", ("true", "false", "NULL")),
    "small": ("smallint", "SMALLINT", ("-32768", "32767", "NULL")),
    "middle": ("integer", "INTEGER", ("-2147483648", "2147483647", "NULL")),
    "large": ("bigint", "BIGINT", ("-9223372036854775808", "9223372036854775807", "NULL")),
    "narrow": ("integer", "TINYINT", ("-128", "127", "NULL")),
    "single": ("real", "FLOAT", ("0.1", "'NaN'", "'-Infinity'", "3.4028235e38", "NULL")),
    "double": ("double precision", "DOUBLE", ("0.1", "'NaN'", "'Infinity'", "'-0'", "5e-324", "NULL")),
    "money": (
        "numeric(38,10)",
        "DECIMAL(38,10)",
        (
            "1.5",
            "-9999999999999999999999999999.9999999999",
            "0.0000000001",
            "9999999999999999999999999999.9999999999",
            "NULL",
        ),
    ),
    "free": ("numeric", "DECIMAL(18,4)", ("1.2500", "12345678901234.5678", "-0.1", "7.10000000", "NULL")),
    "whole": ("numeric", "BIGINT", ("9223372036854775807", "1.000", "NULL")),
    "text": ("text", "VARCHAR", ("''", "$$" + ASTRAL + "$$", "repeat('x', 100000)", "E'\\x01'", "NULL")),
    "padded": ("char(5)", "VARCHAR", ("'a'", "'abcde'", "NULL")),
    "bytes": ("bytea", "BLOB", ("''", "'\\x00ff10'", "NULL")),
    "code": ("uuid", "UUID", ("'12345678-1234-1234-1234-123456789abc'", "NULL")),
    "doc": ("jsonb", "JSON", ('\'{"a": [1, null, "\\u00e9\\ud83d\\ude00"], "n": 1.10}\'', "'null'", "NULL")),
    "note": ("json", "JSON", ("'{ \"b\" :  1 }'", "NULL")),
    "day": ("date", "DATE", ("'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "NULL")),
    "moment": (
        "timestamp",
        "TIMESTAMP",
        ("'2024-02-29 12:34:56.123456'", "'0001-01-01 00:00:00'", "'1969-12-31 23:59:59.999999'", "NULL"),
    ),
    "at": (
        "timestamptz",
        "TIMESTAMP WITH TIME ZONE",
        (
            "'2024-03-31 02:30:00 Europe/Berlin'",
            "'2024-01-01 00:00:00+14'",
            "'2024-01-01 00:00:00 America/New_York'",
            "NULL",
        ),
    ),
    "clock": ("time", "TIME", ("'00:00:00'", "'23:59:59.999999'", "NULL")),
    "span": ("interval", "VARCHAR", ("'-1 mon 2 days 03:04:05.000001'", "NULL")),
    "numbers": ("integer[]", "INTEGER[]", ("'{}'", "'{1,NULL,-2147483648}'", "'[5:6]={1,2}'", "NULL")),
    "words": ("text[]", "VARCHAR[]", ("'{}'", "ARRAY['', NULL, 'NULL', $$" + ASTRAL + "$$]", "NULL")),
    "prices": (
        "numeric(38,10)[]",
        "DECIMAL(38,10)[]",
        ("'{0.0000000001,9999999999999999999999999999.9999999999}'", "NULL"),
    ),
    "grid": ("integer[]", "INTEGER[][]", ("'{{1,2},{3,NULL}}'", "NULL")),
    "days": ("date[]", "DATE[]", ("'{2024-02-29,NULL}'", "NULL")),
}


@pytest.fixture(params=[False, True], ids=["landed", "streamed"])
def landed(request: pytest.FixtureRequest) -> Landed:
    """Reads rows through a file, or straight into a table of the warehouse."""
    return functools.partial(landed_one_way, streamed=request.param)


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database, and its address in the environment as a user would give it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS source WITH (FORCE)")
        connection.execute("CREATE DATABASE source")
    found = postgres.removesuffix("/postgres") + "/source"
    monkeypatch.setenv(VARIABLE, found)
    yield found
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE source WITH (FORCE)")


def _do(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _rows(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query.encode()).fetchall()


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, Decimal) and isinstance(right, int):
        return left == right
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize("column", VALUES)
def test_every_value_of_a_type_lands_as_psycopg_reads_it(
    address: str, tmp_path: Path, column: str, landed: Landed
) -> None:
    native, declared, values = VALUES[column]
    _do(address, f'CREATE TABLE "Odd name" (n integer, "Value" {native})')
    for number, value in enumerate(values):
        _do(address, f'INSERT INTO "Odd name" VALUES ({number}, {value})')
    read = {"interval": '"Value"::text', "real": '"Value"::float8'}.get(native, '"Value"')
    expected = _rows(address, f'SELECT {read} FROM "Odd name" ORDER BY n')
    dataset = source(POSTGRES, {"n": "INTEGER", "Value": declared}, table="public.Odd name")
    shown = {"JSON": '"Value"::VARCHAR', "TIMESTAMP WITH TIME ZONE": '"Value"::TIMESTAMP'}.get(declared, '"Value"')
    got = [row[1] for row in sorted(landed(tmp_path, dataset, "n", shown))]
    wanted = [row[0] for row in expected]
    if declared == "JSON":
        got = [json.loads(one) if one is not None else None for one in got]
    if declared == "TIMESTAMP WITH TIME ZONE":
        wanted = [one.astimezone(dt.UTC).replace(tzinfo=None) if one is not None else None for one in wanted]
    if native == "numeric" and declared == "BIGINT":
        wanted = [int(one) if one is not None else None for one in wanted]
    assert len(got) == len(values)
    assert all(map(_same, got, wanted)), (got, wanted)


def test_endless_and_very_late_moments_land_as_they_are(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE TABLE ends (n int, d date, t timestamp, z timestamptz)",
        "INSERT INTO ends VALUES (1, 'infinity', 'infinity', 'infinity'), (2, '-infinity', '-infinity', '-infinity'), "
        "(3, '0044-03-15 BC', '4713-01-01 00:00:00 BC', '294246-12-31 00:00:00+00')",
    )
    types = {"n": "INTEGER", "d": "DATE", "t": "TIMESTAMP", "z": "TIMESTAMPTZ"}
    got = landed(tmp_path, source(POSTGRES, types, table="ends"), "n", "d::VARCHAR", "t::VARCHAR", "z::VARCHAR")
    assert sorted(got) == [
        (1, "infinity", "infinity", "infinity"),
        (2, "-infinity", "-infinity", "-infinity"),
        (3, "0044-03-15 (BC)", "4713-01-01 (BC) 00:00:00", "294246-12-31 00:00:00+00"),
    ]


def test_a_whole_table_with_every_type_at_once(address: str, tmp_path: Path, landed: Landed) -> None:
    """The rows of one read belong together: columns are not shifted against each other."""
    columns = ", ".join(f'"{name}" {native}' for name, (native, _, _) in VALUES.items())
    _do(address, f"CREATE TABLE everything (n bigint, {columns})")
    for number in range(5):
        chosen = [values[number % len(values)] for _, _, values in VALUES.values()]
        _do(
            address,
            f"INSERT INTO everything SELECT i, {', '.join(chosen)} "
            f"FROM generate_series({number * 400}, {number * 400 + 399}) i",
        )
    types = {"n": "BIGINT", **{name: declared for name, (_, declared, _) in VALUES.items()}}
    got = landed(tmp_path, source(POSTGRES, types, table="everything"), "n", "large", "money", "text", "words::VARCHAR")
    expected = _rows(address, "SELECT n, large, money, text FROM everything")
    assert sorted(row[:1] for row in got) == [(number,) for number in range(2000)]
    assert {row[:4] for row in got} == set(expected)


@pytest.mark.parametrize(
    ("native", "declared", "value"),
    [
        ("numeric", "DECIMAL(10,2)", "1.005"),
        ("numeric", "DECIMAL(10,2)", "'NaN'"),
        ("numeric", "BIGINT", "1.5"),
        ("bigint", "INTEGER", "2147483648"),
        ("integer[]", "INTEGER[]", "'{{1,2},{3,4}}'"),
        ("text[]", "VARCHAR[]", "'{{a,b},{c,d}}'"),
        ("integer[]", "INTEGER[][]", "'{1,2}'"),
        ("numeric[]", "DECIMAL(10,2)[]", "'{1.005}'"),
        ("date[]", "DATE[]", "'{0044-03-15 BC}'"),
        ("timestamp", "TIMESTAMP", "'294276-12-31 00:00:00'"),
    ],
)
def test_a_value_that_would_become_another_one_does_not_land(
    address: str, tmp_path: Path, native: str, declared: str, value: str, landed: Landed
) -> None:
    _do(address, f"CREATE TABLE odd (v {native})", f"INSERT INTO odd VALUES ({value})")
    with pytest.raises(TaskError) as caught:
        landed(tmp_path, source(POSTGRES, {"v": declared}, table="odd"))
    assert caught.value.findings[0].code == "source.refused"
    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.parametrize(
    ("native", "declared"),
    [
        ("timestamp", "DATE"),
        ("timestamp", "TIMESTAMPTZ"),
        ("text", "INTEGER"),
        ("integer", "INTEGER[]"),
        ("jsonb", "BLOB"),
        ("bigint", "DOUBLE"),
        ("double precision", "FLOAT"),
        ("text", "BOOLEAN"),
    ],
)
def test_types_that_do_not_carry_each_other_are_named_before_a_row_is_read(
    address: str, tmp_path: Path, native: str, declared: str, landed: Landed
) -> None:
    _do(address, f"CREATE TABLE misfit (v {native}, w {native})")
    with pytest.raises(TaskError) as caught:
        landed(tmp_path, source(POSTGRES, {"v": declared, "w": declared, "x": "TEXT"}, table="misfit"))
    assert [one.code for one in caught.value.findings] == ["source.type_mismatch"] * 2 + ["source.missing_column"]


def test_a_domain_lands_as_what_it_restricts_and_an_enum_as_text(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0)",
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE TABLE kinds (p price, m mood)",
        "INSERT INTO kinds VALUES (1.25, 'happy'), (NULL, NULL)",
    )
    got = landed(tmp_path, source(POSTGRES, {"p": "DECIMAL(10,2)", "m": "VARCHAR"}, table="kinds"))
    assert set(got) == {(Decimal("1.25"), "happy"), (None, None)}


def test_an_interval_takes_its_start_and_leaves_its_end(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE TABLE told (n int, at timestamptz)",
        "INSERT INTO told VALUES (1, '2024-01-01 23:59:59.999999+00'), (2, '2024-01-02 01:00:00+01'), "
        "(3, '2024-01-02 23:59:59.999999+00'), (4, '2024-01-03 00:00:00+00'), (5, NULL)",
    )
    portion = Portion(interval=Interval.parse("2024-01-02/2024-01-03"), column="at")
    for declared in ("TIMESTAMPTZ", "TIMESTAMP"):
        dataset = source(POSTGRES, {"n": "INTEGER", "at": declared}, table="told")
        assert sorted(landed(tmp_path, dataset, "n", portion=portion)) == [(2,), (3,)]


def test_a_cursor_reads_from_its_value_on_and_what_has_none(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE TABLE told (n int, at timestamp)",
        "INSERT INTO told VALUES (1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-03'), (4, NULL)",
    )
    dataset = source(POSTGRES, {"n": "INTEGER", "at": "TIMESTAMP"}, table="told", cursor="at", key=("n",))
    since = Portion(since=dt.datetime(2024, 1, 2))  # noqa: DTZ001 - as a warehouse gives it
    assert sorted(landed(tmp_path, dataset, "n", portion=since)) == [(2,), (3,), (4,)]
    assert len(landed(tmp_path, dataset)) == 4


def test_of_several_rows_with_one_key_the_newest_lands(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE TABLE history (id int, state text, seq bigint)",
        "INSERT INTO history VALUES (1, 'new', 1), (1, 'paid', 3), (2, 'new', 2), (NULL, 'a', 4), (NULL, 'b', 5)",
    )
    types = {"id": "INTEGER", "state": "VARCHAR", "seq": "BIGINT"}
    got = landed(tmp_path, source(POSTGRES, types, table="history", cursor="seq", key=("id",)))
    assert set(got) == {(1, "paid", 3), (2, "new", 2), (None, "b", 5)}


def test_a_query_is_read_only_and_in_utc(address: str, tmp_path: Path, landed: Landed) -> None:
    _do(
        address,
        "CREATE TABLE t (n int)",
        "CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING n'",
    )
    with pytest.raises(TaskError, match="read-only"):
        landed(tmp_path, source(POSTGRES, {"n": "INTEGER"}, query="SELECT sneak() AS n"))
    assert _rows(address, "SELECT count(*) FROM t") == [(0,)]
    got = landed(tmp_path, source(POSTGRES, {"at": "VARCHAR"}, query="SELECT timestamptz '2024-01-01 00:00+02' AS at"))
    assert got == [("2023-12-31 22:00:00+00",)]


def test_of_the_functions_that_may_have_effects_a_query_may_call_those_that_have_none(address: str) -> None:
    volatile = (
        "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND pronamespace = 'pg_catalog'::regnamespace"
    )
    called = [name for (name,) in _rows(address, f"{volatile} AND prorettype <> 'trigger'::regtype")]
    assert len(called) > 150
    sent = {name for name in called if not read_foreign(f"SELECT {name}(1)", "postgres").wrong}
    said = {
        *("array_sample", "array_shuffle", "bernoulli", "clock_timestamp", "current_query", "currtid2", "currval"),
        *(
            "gen_random_uuid",
            "lastval",
            "random",
            "random_normal",
            "system",
            "timeofday",
            "txid_status",
            "uuidv4",
            "uuidv7",
        ),
        *("pg_database_size", "pg_indexes_size", "pg_is_in_recovery", "pg_partition_tree", "pg_relation_size"),
        *("pg_table_size", "pg_total_relation_size", "pg_xact_commit_timestamp"),
    }
    inner = re.compile(r"\w*(handler|validator)|amvalidate|dsnowball_\w+")  # take what no query can write
    assert {name for name in sent if not inner.fullmatch(name)} <= said


def test_a_reading_that_is_not_wanted_any_more_ends_at_once(address: str, tmp_path: Path, landed: Landed) -> None:
    query = "SELECT i::bigint AS n, pg_catalog.pg_sleep(0.01)::text AS s FROM generate_series(1, 100000) AS i"
    dataset = source(POSTGRES, {"n": "BIGINT", "s": "VARCHAR"}, query=query)
    asked: list[int] = []

    def is_unwanted() -> bool:
        asked.append(1)
        return len(asked) > 2

    began = dt.datetime.now(dt.UTC)
    with pytest.raises(TaskError) as caught:
        landed(tmp_path, dataset, is_unwanted=is_unwanted)
    assert caught.value.findings[0].code == "source.stopped"
    assert (dt.datetime.now(dt.UTC) - began).total_seconds() < 20
    assert not list((tmp_path / "spool").iterdir())
    slow = source(POSTGRES, {"n": "BIGINT", "s": "VARCHAR"}, query=query, timeout=dt.timedelta(seconds=0.5))
    with pytest.raises(TaskError) as caught:
        landed(tmp_path, slow)
    assert caught.value.findings[0].code == "engine.timeout"
    assert _rows(
        address,
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query LIKE '%pg_sleep(0%' AND pid <> pg_backend_pid() AND state = 'active'",
    ) == [(0,)]


def test_a_connection_that_breaks_is_tried_again_and_a_wrong_password_is_not(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landed: Landed
) -> None:
    dataset = source(POSTGRES, {"n": "INTEGER"}, query="SELECT 1 AS n")
    monkeypatch.setenv(VARIABLE, "postgresql://someone:canary-4711@127.0.0.1:1/nowhere")
    with pytest.raises(TransientError) as lost:
        landed(tmp_path, dataset)
    monkeypatch.setenv(VARIABLE, address.replace("postgres:", "postgres:canary-4711", 1))
    with pytest.raises(TaskError) as refused:
        landed(tmp_path, dataset)
    for caught in (lost.value, refused.value):
        assert "canary-4711" not in f"{caught!r} {caught.findings!r} {caught.__cause__!r}"


def test_a_connection_that_breaks_half_way_is_tried_again_and_leaves_nothing(
    address: str, tmp_path: Path, landed: Landed
) -> None:
    slow = "CASE WHEN i > 200000 THEN pg_catalog.pg_sleep(0.001)::text END"
    query = f"SELECT i::bigint AS n, {slow} AS s FROM generate_series(1, 300000) AS i"
    killed: list[object] = []

    def kill() -> None:
        reading = "SELECT pid FROM pg_stat_progress_copy WHERE tuples_processed > 100000"
        while not killed:
            with contextlib.suppress(IndexError):
                killed.extend(_rows(address, f"SELECT pg_terminate_backend(pid) FROM ({reading}) AS r")[0])

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(TransientError) as caught:
        landed(tmp_path, source(POSTGRES, {"n": "BIGINT", "s": "VARCHAR"}, query=query))
    killer.join(20)
    assert killed == [True]
    assert caught.value.findings[0].code == "source.connection_lost"
    assert not list((tmp_path / "spool").iterdir())
    assert len(landed(tmp_path, source(POSTGRES, {"n": "BIGINT"}, query="SELECT 1::bigint AS n"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary-4711",
        "mysql://u:canary-4711@host/db",
        "postgresql://u:canary-4711@host:port/db",
        "postgresql://[canary-4711",
    ],
)
def test_what_is_no_address_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, landed: Landed
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(PenstockError) as caught:
        landed(tmp_path, source(POSTGRES, {"n": "INTEGER"}, query="SELECT 1 AS n"))
    assert caught.value.findings[0].code == ("source.bad_address" if text else "source.no_address")
    assert "canary" not in repr(caught.value.findings)
    assert VARIABLE in caught.value.findings[0].message


def test_what_a_database_shows_is_declared_so_that_it_lands(address: str, tmp_path: Path, landed: Landed) -> None:
    """Every column that is discovered, of every type, can be read as the type that is proposed for it."""
    columns = ", ".join(f'"{name}" {native}' for name, (native, _, _) in VALUES.items() if name != "grid")
    _do(
        address,
        "CREATE SCHEMA hidden",
        "CREATE TABLE hidden.t (n int)",
        f"CREATE TABLE everything (b int, a int, {columns}, PRIMARY KEY (a, b))",
        "INSERT INTO everything (a, b, day, moment) "
        "SELECT i, i, 'infinity', '-infinity' FROM generate_series(1, 1000) i",
        "ANALYZE everything",
        "CREATE VIEW seen AS SELECT a FROM everything",
    )
    found = {table.name: table for table in discover(POSTGRES, parse_address(address, POSTGRES, VARIABLE), tmp_path)}
    assert set(found) == {"hidden.t", "public.everything", "public.seen"}
    table = found["public.everything"]
    assert (table.key, table.rows, found["public.seen"].rows) == (("a", "b"), 1000, None)
    types = {column.name: column.type for column in table.columns}
    assert types["money"] == "DECIMAL(38,10)"
    assert types["at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["words"] == "VARCHAR[]"
    assert len(landed(tmp_path, source(POSTGRES, types, table=table.name))) == 1000
