"""What lands of a MySQL table is what MySQL holds, value by value; against a MariaDB server where one is installed."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from database_bench import VARIABLE, landed, source

from penstock.adapters.databases.addresses import parse_address
from penstock.adapters.databases.discovery import discover
from penstock.adapters.databases.mysql import declared
from penstock.engine.ports.arrivals import Portion
from penstock.model.databases import DatabaseEngine
from penstock.model.errors import TaskError, TransientError
from penstock.model.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

pymysql = pytest.importorskip("pymysql")
pytestmark = pytest.mark.xdist_group("mysql")

MYSQL = DatabaseEngine.MYSQL
SERVER = "PENSTOCK_TEST_MARIADBD"
"""Names the server's program where it is not on PATH."""
ASTRAL = "a\U0001f600b ß'\"\\\n"
WHEN = dt.datetime(2024, 2, 29, 12, 34, 56, 123456)  # noqa: DTZ001 - in UTC, as it lands
VALUES: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "yes": ("tinyint(1)", "BOOLEAN", (True, False, None)),
    "large": ("bigint", "BIGINT", (-(2**63), 2**63 - 1, None)),
    "larger": ("bigint unsigned", "UBIGINT", (2**64 - 1, None)),
    "single": (
        "float",
        "FLOAT",
        (struct.unpack("f", struct.pack("f", 16777213.0))[0], struct.unpack("f", struct.pack("f", 0.1))[0], None),
    ),
    "double": ("double", "DOUBLE", (0.1, 1e308, 1e-300, None)),
    "money": (
        "decimal(38,10)",
        "DECIMAL(38,10)",
        (Decimal("9999999999999999999999999999.9999999999"), Decimal("-0.0000000001"), None),
    ),
    "text": ("text character set utf8mb4", "VARCHAR", ("", ASTRAL, "x" * 60_000, "\x01", None)),
    "bytes": ("blob", "BLOB", (b"", b"\x00\xff\x27", None)),
    "day": ("date", "DATE", (dt.date(2024, 2, 29), dt.date(9999, 12, 31), None)),
    "moment": ("datetime(6)", "TIMESTAMP", (WHEN, None)),
    "at": ("timestamp(6) NULL", "TIMESTAMP WITH TIME ZONE", (WHEN, None)),
    "clock": ("time(6)", "TIME", (dt.time(23, 59, 59, 999999), None)),
    "doc": ("json", "JSON", ('{"a": [1, null, "é"]}', None)),
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server of its own, with no accounts."""
    program = os.environ.get(SERVER) or shutil.which("mariadbd")
    if program is None:
        pytest.skip(f"no mariadbd here, nor named by {SERVER}")
    base = Path(program).resolve().parent.parent
    folder = tmp_path_factory.mktemp("mariadb")
    options = ["--no-defaults", f"--datadir={folder}", f"--basedir={base}", f"--lc-messages-dir={base}/share/mysql"]
    options += ["--user=root"] if os.geteuid() == 0 else []
    tables = [base / "share" / "mysql" / f"mysql_system_tables{part}.sql" for part in ("", "_data")]
    script = "create database mysql;\nuse mysql;\n" + "\n".join(one.read_text(encoding="utf-8") for one in tables)
    subprocess.run([program, *options, "--bootstrap"], input=script.encode(), capture_output=True, check=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [
        program,
        *options,
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder}/s",
        "--skip-grant-tables",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            _wait(port)
            yield port
        finally:
            running.terminate()
            running.wait(30)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
        except pymysql.MySQLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("MariaDB did not start")


@pytest.fixture
def asked(server: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection to an empty database, whose address is in the environment."""
    connection = pymysql.connect(host="127.0.0.1", port=server, user="root", charset="utf8mb4", autocommit=True)
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS source")
        cursor.execute("CREATE DATABASE source")
        cursor.execute("USE source")
        cursor.execute("SET time_zone = '+00:00'")
        monkeypatch.setenv(VARIABLE, f"mysql://root:canary-4711@127.0.0.1:{server}/source")
        yield cursor


@pytest.mark.parametrize("column", VALUES)
def test_every_value_of_a_type_lands_as_it_was_written(asked: Any, tmp_path: Path, column: str) -> None:
    native, type_, values = VALUES[column]
    asked.execute(f"CREATE TABLE `Odd ``name` (n int, `Value` {native})")
    asked.executemany("INSERT INTO `Odd ``name` VALUES (%s, %s)", list(enumerate(values)))
    dataset = source(MYSQL, {"n": "INTEGER", "Value": type_}, query="SELECT n, `Value` FROM `Odd ``name`")
    shown = {"JSON": '"Value"::VARCHAR', "TIMESTAMP WITH TIME ZONE": '"Value"::TIMESTAMP'}.get(type_, '"Value"')
    got = [row[1] for row in sorted(landed(tmp_path, dataset, "n", shown))]
    if type_ == "JSON":
        assert [one and json.loads(one) for one in got] == [one and json.loads(one) for one in values]
    else:
        assert got == list(values)


@pytest.mark.parametrize(
    ("native", "type_", "value"),
    [
        ("decimal(10,3)", "DECIMAL(10,2)", "1.005"),
        ("time", "TIME", "-01:00:00"),
        ("blob", "VARCHAR", b"\xff"),
        ("text", "BLOB", "x"),
        ("bigint", "INTEGER", 2**31),
        ("tinyint(1)", "BOOLEAN", 2),
    ],
)
def test_a_value_that_would_become_another_one_does_not_land(
    asked: Any, tmp_path: Path, native: str, type_: str, value: Any
) -> None:
    asked.execute(f"CREATE TABLE odd (v {native})")
    asked.execute("INSERT INTO odd VALUES (%s)", [value])
    with pytest.raises(TaskError):
        landed(tmp_path, source(MYSQL, {"v": type_}, table="odd"))


def test_intervals_and_cursors_go_by_utc(asked: Any, tmp_path: Path) -> None:
    asked.execute("CREATE TABLE told (n int, at timestamp(6) NULL)")
    asked.execute("SET time_zone = '+05:00'")
    asked.execute(
        "INSERT INTO told VALUES (1, '2024-01-02 04:59:59.999999'), (2, '2024-01-02 05:00:00'), "
        "(3, '2024-01-03 05:00:00'), (4, NULL)"
    )
    dataset = source(MYSQL, {"n": "INTEGER", "at": "TIMESTAMPTZ"}, table="source.told")
    by_day = Portion(interval=Interval.parse("2024-01-02/2024-01-03"), column="at")
    assert landed(tmp_path, dataset, "n", portion=by_day) == [(2,)]
    dataset = source(MYSQL, {"n": "INTEGER", "at": "TIMESTAMPTZ"}, table="told", cursor="at", key=("n",))
    since = Portion(since=dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
    assert sorted(landed(tmp_path, dataset, "n", portion=since)) == [(2,), (3,), (4,)]


def test_many_rows_arrive_in_batches(asked: Any, tmp_path: Path) -> None:
    asked.execute("CREATE TABLE many AS SELECT seq AS n, CONCAT('name ', seq) AS name FROM seq_1_to_23456")
    got = landed(
        tmp_path,
        source(MYSQL, {"n": "BIGINT", "name": "VARCHAR"}, table="many"),
        "count(DISTINCT n)",
        "sum(n)",
        "max(name)",
    )
    assert got == [(23456, 23456 * 23457 // 2, "name 9999")]


def test_a_query_is_read_only_and_a_reading_can_be_stopped(asked: Any, tmp_path: Path) -> None:
    asked.execute("CREATE TABLE t (n int)")
    asked.execute("CREATE FUNCTION sneak() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO t VALUES (1); RETURN 1; END")
    with pytest.raises(TaskError, match="READ ONLY"):
        landed(tmp_path, source(MYSQL, {"n": "INTEGER"}, query="SELECT sneak() AS n"))
    slow = source(MYSQL, {"n": "BIGINT"}, query="SELECT seq + SLEEP(0.01) AS n FROM mysql.seq_1_to_100000")
    with pytest.raises(TaskError) as caught:
        landed(tmp_path, slow, is_unwanted=lambda: True)
    assert caught.value.findings[0].code == "source.stopped"


def test_a_server_that_does_not_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "mysql://root:canary-4711@127.0.0.1:1/source")
    with pytest.raises(TransientError) as caught:
        landed(tmp_path, source(MYSQL, {"n": "INTEGER"}, table="t"))
    assert "canary" not in repr(caught.value.findings)


@pytest.mark.parametrize(
    ("native", "type_"),
    [
        ("int(10) unsigned", "UINTEGER"),
        ("tinyint(1)", "BOOLEAN"),
        ("decimal(65,30)", "VARCHAR"),
        ("decimal(10,2)", "DECIMAL(10,2)"),
        ("varchar(20)", "VARCHAR"),
        ("longblob", "BLOB"),
        ("enum('a')", "VARCHAR"),
        ("datetime(6)", "TIMESTAMP"),
        ("year(4)", "SMALLINT"),
    ],
)
def test_what_a_column_is_declared_as_when_nobody_says_otherwise(native: str, type_: str) -> None:
    assert declared(native) == type_


def test_what_a_database_shows_is_declared_so_that_it_lands(asked: Any, tmp_path: Path) -> None:
    columns = ", ".join(f"`{name}` {native}" for name, (native, _, _) in VALUES.items())
    asked.execute(f"CREATE TABLE everything (b int, a int, {columns}, PRIMARY KEY (a, b))")
    asked.execute("INSERT INTO everything (a, b) VALUES (1, 2)")
    address = parse_address(os.environ[VARIABLE], MYSQL, VARIABLE)
    (table,) = discover(MYSQL, address, tmp_path)
    assert (table.name, table.key) == ("everything", ("a", "b"))
    types = {column.name: column.type for column in table.columns}
    assert types["larger"] == "UBIGINT"
    assert types["at"] == "TIMESTAMP WITH TIME ZONE"
    assert len(landed(tmp_path, source(MYSQL, types, table="everything"))) == 1
