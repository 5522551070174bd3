"""The embedded warehouse: author SQL stays inside, slow SQL is stopped, one process at a time, and creation is safe."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.duckdb import applying
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse, schema_of, view_of
from penstock.engine.ports.relations import Swap
from penstock.model.errors import InputError, PenstockError, RunError, TaskError, WaitingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOW = "SELECT count(*) AS n FROM range(100000000000) AS a(x) WHERE hash(x) % 7 = 0"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckdbWarehouse]:
    warehouse = DuckdbWarehouse(tmp_path / "w.duckdb", tmp_path / "spool")
    yield warehouse
    warehouse.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("word\nopen sesame\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_csv('{spool}/../secret.csv')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('https://example.invalid/rows.csv')",
    ],
)
def test_author_sql_cannot_read_outside_the_spool(
    warehouse: DuckdbWarehouse, secret: Path, tmp_path: Path, sql: str
) -> None:
    text = sql.format(secret=secret, spool=tmp_path / "spool", folder=tmp_path)
    with warehouse.session() as session, pytest.raises(TaskError) as caught:
        session.stage_query(text, {})
    assert caught.value.findings[0].code == "warehouse.refused"
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "PRAGMA enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET GLOBAL temp_directory = '/'",
        "ATTACH '{folder}/other.duckdb'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_author_sql_cannot_change_what_it_may_reach(warehouse: DuckdbWarehouse, tmp_path: Path, statement: str) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with warehouse.session() as session, pytest.raises(TaskError):
        session.fetch(statement.format(folder=tmp_path))
    with pytest.raises(InputError):
        warehouse.query(statement.format(folder=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_spool_can_be_read(warehouse: DuckdbWarehouse, tmp_path: Path) -> None:
    path = tmp_path / "spool" / "rows.parquet"
    duckdb.execute(f"COPY (SELECT unnest([1, 2]) AS n) TO '{path}' (FORMAT parquet)")
    with warehouse.session() as session:
        assert session.stage_file(path).rows == 2


def test_a_statement_that_outlives_its_timeout_is_interrupted(warehouse: DuckdbWarehouse) -> None:
    with warehouse.session(timedelta(milliseconds=50)) as session, pytest.raises(TaskError) as caught:
        session.stage_query(SLOW, {})
    assert caught.value.findings[0].code == "engine.timeout"
    assert "timeout" in (caught.value.findings[0].remedy or "")


def test_a_timeout_holds_for_the_attempt_and_not_for_one_statement(warehouse: DuckdbWarehouse) -> None:
    """Time that ran out between two statements is not forgiven."""
    with warehouse.session(timedelta(milliseconds=20)) as session:
        assert session._stopper.stopped.wait(10)  # as while files land or a worker runs
        for statement in (lambda: session.fetch("SELECT 1"), lambda: session.stage_query("SELECT 1 AS n", {})):
            with pytest.raises(TaskError) as caught:
                statement()
            assert caught.value.findings[0].code == "engine.timeout"


def test_an_interrupt_early_in_a_statement_is_not_lost(warehouse: DuckdbWarehouse) -> None:
    """DuckDB forgets an interrupt that comes while a statement begins: it has to come again."""
    for number in range(20):
        with warehouse.session() as session, ThreadPoolExecutor(1) as pool:
            running = pool.submit(session.stage_query, SLOW, {})
            threading.Event().wait(number / 20_000)  # from the moment at which it is handed over to its planning
            session.interrupt()
            with pytest.raises(TaskError):
                running.result(timeout=20)


def test_a_session_that_is_in_time_is_left_alone(warehouse: DuckdbWarehouse) -> None:
    with warehouse.session(timedelta(seconds=60)) as session:
        assert session.fetch("SELECT 1") == [(1,)]


def test_after_an_interrupt_other_sessions_go_on(warehouse: DuckdbWarehouse) -> None:
    with warehouse.session() as other:
        with warehouse.session(timedelta(milliseconds=20)) as slow, pytest.raises(TaskError):
            slow.stage_query(SLOW, {})
        assert other.fetch("SELECT 1") == [(1,)]


def test_a_query_with_a_mistake_is_the_users_mistake(warehouse: DuckdbWarehouse) -> None:
    with pytest.raises(InputError, match="nowhere"):
        warehouse.query("SELECT * FROM nowhere")


def test_a_task_with_a_mistake_fails_for_good_and_says_so(warehouse: DuckdbWarehouse) -> None:
    with warehouse.session() as session, pytest.raises(TaskError) as caught:
        session.stage_query("SELECT CAST('x' AS INTEGER) AS n", {})
    assert caught.value.findings[0].code == "warehouse.refused"


def test_bound_parameters_are_values_and_never_text(warehouse: DuckdbWarehouse) -> None:
    with warehouse.session() as session:
        staged = session.stage_query("SELECT $word AS word", {"word": "'; DROP TABLE _penstock.ledger; --"})
        assert session.fetch(f"SELECT word FROM {staged.relation}") == [("'; DROP TABLE _penstock.ledger; --",)]


HOLDER = """
import sys, time
from pathlib import Path
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
warehouse = DuckdbWarehouse(Path(sys.argv[1]), Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("read_only", [False, True])
def test_a_second_process_finds_the_file_busy(tmp_path: Path, *, read_only: bool) -> None:
    path, spool = tmp_path / "w.duckdb", tmp_path / "spool"
    command = [sys.executable, "-c", HOLDER, str(path), str(spool)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(WaitingError) as caught:
            DuckdbWarehouse(path, spool, read_only=read_only)
        finding = caught.value.findings[0]
        assert (finding.code, str(holder.pid) in finding.message) == ("warehouse.busy", True)
        holder.kill()
    DuckdbWarehouse(path, spool).close()


def test_opened_for_reading_it_shows_what_is_there_and_changes_nothing(tmp_path: Path) -> None:
    path, spool = tmp_path / "w.duckdb", tmp_path / "spool"
    with pytest.raises(InputError) as caught:
        DuckdbWarehouse(path, spool, read_only=True)
    assert caught.value.findings[0].code == "warehouse.empty"
    assert not path.exists()
    writer = DuckdbWarehouse(path, spool)
    writer.swap(Swap(promotion="p", environment="prod", mapping={}, token=1))
    writer.close()
    before = path.read_bytes()
    reader = DuckdbWarehouse(path, spool, read_only=True)
    assert reader.swapped("p")
    with pytest.raises(PenstockError):
        reader.swap(Swap(promotion="q", environment="prod", mapping={}, token=1))
    with pytest.raises(InputError):
        reader.query("CREATE TABLE t (n INTEGER)")
    reader.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"this is no warehouse", b"\0" * 20000])
def test_a_file_that_is_no_warehouse_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        DuckdbWarehouse(path, tmp_path / "spool")
    assert caught.value.findings[0].code == "warehouse.unreadable"
    assert path.read_bytes() == content


def test_a_warehouse_cut_short_is_refused(tmp_path: Path) -> None:
    path, spool = tmp_path / "w.duckdb", tmp_path / "spool"
    DuckdbWarehouse(path, spool).close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError) as caught:
        DuckdbWarehouse(path, spool)
    assert caught.value.findings[0].code == "warehouse.unreadable"


KILLED_WHILE_CREATING = """
import json, os, resource, shutil, signal, sys
from pathlib import Path
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse

folder, spool, steps, sizes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])


def create(number, prepare):
    path = folder / str(number) / "w.duckdb"
    child = os.fork()
    if child == 0:
        prepare()
        DuckdbWarehouse(path, spool).close()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status), path


def at_step(n):
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        if event in ("call", "c_call") and frame.f_code.co_name in ("_create", "_connect", "__init__"):
            calls += 1
            if calls == n:
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.setprofile(count)


def past(size):
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


killed = before = 0
for number in range(steps + len(sizes)):
    fired, path = create(number, at_step(number + 1) if number < steps else past(sizes[number - steps]))
    killed += fired
    before += fired and not path.exists()
    again, path = create(number, lambda: None)
    if again or not path.exists() or list(path.parent.glob(".*")):
        sys.exit(f"kill {number} left {sorted(path.parent.iterdir())}")
    shutil.rmtree(path.parent)
print(json.dumps({"killed": killed, "before": before}))
"""


@pytest.mark.fault
def test_a_kill_while_it_is_created_leaves_no_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """Killed at each call of its making, and by the kernel at each write of DuckDB's past so many bytes."""
    steps, sizes = 16, [0, 1, 4096, 8192, 12288, 12289, 65536, 135168, 200000, 262144, 270336]
    command = [sys.executable, "-c", KILLED_WHILE_CREATING, str(tmp_path), str(tmp_path / "spool"), str(steps)]
    ended = subprocess.run([*command, json.dumps(sizes)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    counted = json.loads(ended.stdout)
    print(f"asked {steps + len(sizes)}, fired {counted}")  # noqa: T201 - rule one
    assert counted["killed"] >= 20
    assert counted["before"] >= 15


def test_environments_have_schemas_of_their_own_and_production_the_plain_one() -> None:
    assert schema_of("sales.daily", "prod") == "sales"
    assert schema_of("sales.daily", "dev") == "sales__dev"
    assert view_of("sales.daily", "prod") == '"sales"."daily"'


def test_the_newest_moment_with_a_zone_comes_in_utc() -> None:
    """Whatever Python has installed to tell zones by, and whatever the zone of the session."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE told AS SELECT TIMESTAMPTZ '2024-03-31 02:30:00+02' AS at")
        assert applying.newest(connection, "told", "at") == datetime(2024, 3, 31, 0, 30, tzinfo=UTC)
        connection.execute("DELETE FROM told")
        assert applying.newest(connection, "told", "at") is None
        assert applying.newest(connection, "nothing", "at") is None
