"""Where some change of a table could not be told, or some were lost, reading by change says so before it reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from followed_table import VARIABLE, Follower, Source, followed, source_database, warehouse_of
from penstock.adapters.databases import slots
from penstock.model.errors import PenstockError, TaskError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")

TYPES = {"id": "INTEGER", "price": "DECIMAL(12,2)", "note": "VARCHAR"}
MADE = "CREATE TABLE followed (id int PRIMARY KEY, price numeric(12,2), note text)"


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[Source]:
    with source_database(postgres, "refused") as source:
        yield source


@pytest.fixture
def source(database: Source, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setenv(VARIABLE, database.address)
    yield database
    database.drop_slots()
    database.do("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    for (name,) in database.rows("SELECT pubname FROM pg_publication"):
        database.do(f'DROP PUBLICATION "{name}"')


@pytest.fixture
def follower(source: Source, tmp_path: Path) -> Iterator[Follower]:
    with warehouse_of("duckdb", tmp_path) as (warehouse, _):
        yield Follower(tmp_path, warehouse, followed(TYPES, "id"))


def _refused(follower: Follower) -> PenstockError:
    before = follower.state()
    with pytest.raises((TaskError, TransientError)) as caught:
        follower.read()
    assert follower.state() == before
    return caught.value


def _code(follower: Follower) -> str:
    return _refused(follower).findings[0].code


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("source.changes_identity", [MADE, "ALTER TABLE followed REPLICA IDENTITY NOTHING"]),
        ("source.changes_key", ["CREATE TABLE followed (id int, price numeric(12,2), note text)"]),
        ("source.changes_key", [MADE.replace("id int PRIMARY KEY", "id int UNIQUE")]),
        ("source.changes_key", [MADE.replace("PRIMARY KEY", "PRIMARY KEY DEFERRABLE")]),
        (
            "source.changes_key",
            [
                MADE.replace("PRIMARY KEY", "NOT NULL"),
                "CREATE UNIQUE INDEX ON followed (id) WHERE id > 0",
                "ALTER TABLE followed REPLICA IDENTITY FULL",
            ],
        ),
        (
            "source.changes_identity",
            [MADE.replace("id int PRIMARY KEY", "id int NOT NULL UNIQUE, no int PRIMARY KEY")],
        ),
        ("source.changes_generated", [MADE.replace("note text", "note text GENERATED ALWAYS AS ('x') STORED")]),
        ("source.changes_of_no_table", [MADE.replace("TABLE", "UNLOGGED TABLE")]),
        (
            "source.changes_of_no_table",
            [MADE + " PARTITION BY RANGE (id)", "CREATE TABLE p PARTITION OF followed DEFAULT"],
        ),
        ("source.changes_of_no_table", [MADE.replace("followed", "f"), "CREATE VIEW followed AS SELECT * FROM f"]),
        ("source.changes_of_no_table", [MADE, "CREATE TABLE heir () INHERITS (followed)"]),
        ("source.missing_column", [MADE.replace("note", "remark")]),
        ("source.type_mismatch", [MADE.replace("price numeric(12,2)", "price date")]),
    ],
)
def test_a_table_whose_changes_do_not_say_everything_is_refused_before_it_is_read(
    source: Source, follower: Follower, code: str, made: list[str]
) -> None:
    source.do(*made)
    assert _code(follower) == code
    assert source.rows("SELECT 1 FROM pg_replication_slots WHERE database = current_database()") == []


def test_a_unique_index_that_is_the_identity_is_a_key_too(source: Source, follower: Follower) -> None:
    source.do(
        MADE.replace("id int PRIMARY KEY", "id int NOT NULL, no int PRIMARY KEY"),
        "CREATE UNIQUE INDEX by_id ON followed (id) INCLUDE (price)",
        "ALTER TABLE followed REPLICA IDENTITY USING INDEX by_id",
        "INSERT INTO followed VALUES (1, 10), (2, 20)",
    )
    assert follower.read() == 2
    source.do("UPDATE followed SET id = 3 WHERE id = 1", "DELETE FROM followed WHERE id = 2")
    follower.read()
    assert follower.rows("id") == [("3",)]


class _Server:
    """Answers what a server says of itself."""

    def __init__(self, *answer: object) -> None:
        self._answer = answer

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        assert "wal_level" in sql
        return [self._answer]


def test_a_server_that_cannot_tell_changes_is_told_of_all_at_once() -> None:
    dataset = followed(TYPES, "id")
    found = slots._server_faults(_Server("replica", True, 140012), dataset)  # type: ignore[arg-type]
    assert [each.code for each in found] == [
        "source.changes_server",
        "source.changes_wal_level",
        "source.changes_standby",
    ]
    assert list(slots._server_faults(_Server("logical", False, 150000), dataset)) == []  # type: ignore[arg-type]


def test_an_account_without_the_right_is_told_which_one_it_needs(
    source: Source, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.do(MADE, "DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN PASSWORD 'p'")
    try:
        monkeypatch.setenv(VARIABLE, f"postgresql://plain:p@{source.address.partition('@')[2]}")
        source.do("GRANT USAGE ON SCHEMA public TO plain", "GRANT SELECT ON followed TO plain")
        error = _refused(follower)
        assert error.findings[0].code == "source.no_publication"
        assert "CREATE PUBLICATION" in str(error.findings[0].remedy)
        source.do(str(error.findings[0].remedy).partition(": ")[2])
        assert _code(follower) == "source.changes_right"
        source.do("ALTER ROLE plain REPLICATION")
        assert follower.read() == 0
        source.do("ALTER TABLE followed ENABLE ROW LEVEL SECURITY")
        assert _code(follower) == "source.changes_row_security"
    finally:
        source.do("DROP OWNED BY plain", "DROP ROLE plain")


@pytest.mark.parametrize(
    "publication",
    [
        "FOR TABLE other",
        "FOR TABLE followed (id, price)",
        "FOR TABLE followed WHERE (id > 0)",
        "FOR TABLE followed WITH (publish = 'insert, update')",
    ],
)
def test_a_publication_that_leaves_something_out_is_refused(source: Source, tmp_path: Path, publication: str) -> None:
    source.do(MADE, "CREATE TABLE other (id int PRIMARY KEY)", f"CREATE PUBLICATION ours {publication}")
    with warehouse_of("duckdb", tmp_path) as (warehouse, _):
        follower = Follower(tmp_path, warehouse, followed(TYPES, "id", publication="ours"))
        assert _code(follower) == "source.partial_publication"


def test_a_publication_of_many_tables_that_was_named_is_used_and_never_made(source: Source, tmp_path: Path) -> None:
    source.do(MADE, "CREATE TABLE other (id int PRIMARY KEY)")
    with warehouse_of("duckdb", tmp_path) as (warehouse, _):
        follower = Follower(tmp_path, warehouse, followed(TYPES, "id", publication="Ours, all", slot="shop"))
        assert _code(follower) == "source.no_publication"
        source.do('CREATE PUBLICATION "Ours, all" FOR ALL TABLES', "INSERT INTO followed VALUES (1)")
        assert follower.read() == 1
        source.do("DELETE FROM followed", "INSERT INTO other VALUES (7)")
        assert follower.read() == 0
        assert follower.rows("id") == []
        assert _slot(follower).startswith("shop_")


@pytest.mark.parametrize(
    ("code", "altered"),
    [
        ("source.missing_column", ["ALTER TABLE followed DROP note"]),
        ("source.table_altered", ["ALTER TABLE followed DROP note", "ALTER TABLE followed ADD note text"]),
        ("source.type_mismatch", ["ALTER TABLE followed ALTER price TYPE date USING NULL"]),
        ("source.table_altered", ["ALTER TABLE followed ALTER price TYPE bigint USING price * 100"]),
        (
            "source.table_altered",
            [
                "ALTER TABLE followed ALTER price TYPE bigint USING price * 100",
                "UPDATE followed SET price = 1",
                "ALTER TABLE followed ALTER price TYPE numeric(12,2)",
            ],
        ),
        ("source.table_altered", ["DROP TABLE followed", MADE]),
        ("source.changes_identity", ["ALTER TABLE followed REPLICA IDENTITY NOTHING"]),
    ],
)
def test_a_table_that_was_altered_is_told_of_and_nothing_is_published(
    source: Source, follower: Follower, code: str, altered: list[str]
) -> None:
    source.do(MADE, "INSERT INTO followed VALUES (1, 1, 'a')")
    follower.read()
    source.do("INSERT INTO followed VALUES (2, 2, 'b')", *altered)
    if altered[0].startswith("DROP TABLE"):
        name = source.rows("SELECT pubname FROM pg_publication")[0][0]
        source.do(f'ALTER PUBLICATION "{name}" ADD TABLE followed')
    assert _code(follower) == code
    assert follower.rows("id") == [("1",)]


def test_a_column_more_and_a_row_of_an_older_shape_are_no_matter(source: Source, follower: Follower) -> None:
    source.do(MADE, "INSERT INTO followed VALUES (1, 1, 'a')")
    follower.read()
    source.do(
        "INSERT INTO followed VALUES (2, 2, 'b')",
        "ALTER TABLE followed ADD more text DEFAULT 'x'",
        "UPDATE followed SET more = 'y', price = 5 WHERE id = 1",
        "ALTER TABLE followed DROP more",
        "DELETE FROM followed WHERE id = 2",
    )
    follower.read()
    assert follower.rows("id", "price", "note") == [("1", "5.00", "a")]


def test_a_publication_that_was_made_anew_may_have_missed_changes(source: Source, follower: Follower) -> None:
    source.do(MADE)
    follower.read()
    name = source.rows("SELECT pubname FROM pg_publication")[0][0]
    source.do(
        f'ALTER PUBLICATION "{name}" DROP TABLE followed',
        "INSERT INTO followed VALUES (1)",
        f'ALTER PUBLICATION "{name}" ADD TABLE followed',
    )
    assert _code(follower) == "source.table_altered"


def _slot(follower: Follower) -> str:
    return str(json.loads(follower.state() or "")["slot"])


def test_a_slot_that_is_gone_or_was_moved_by_others_says_how_to_begin_anew(source: Source, follower: Follower) -> None:
    source.do(MADE)
    follower.read()
    source.do("INSERT INTO followed VALUES (1)")
    follower.read()
    source.do("INSERT INTO followed VALUES (2)")
    source.do(f"SELECT pg_replication_slot_advance('{_slot(follower)}', pg_current_wal_lsn())")
    moved = _refused(follower).findings[0]
    assert (moved.code, "reload" in str(moved.remedy)) == ("source.slot_lost", True)
    assert "somebody else" in str(moved.found)
    source.do(f"SELECT pg_drop_replication_slot('{_slot(follower)}')")
    assert "not there" in str(_refused(follower).findings[0].found)
    source.do(f"SELECT pg_create_logical_replication_slot('{_slot(follower)}', 'pgoutput')")
    assert _code(follower) == "source.slot_lost"
    assert follower.rows("id") == [("1",)]


def test_a_slot_that_the_server_gave_up_says_so(source: Source, follower: Follower) -> None:
    source.do(MADE)
    follower.read()
    try:
        source.do("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()")
        for number in range(3):
            source.do(f"INSERT INTO followed VALUES ({number})", "SELECT pg_switch_wal()")
        source.do("CHECKPOINT")
    finally:
        source.do("ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")
    lost = source.rows(f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{_slot(follower)}'")
    assert lost == [("lost",)]
    assert "given it up" in str(_refused(follower).findings[0].found)


def test_a_slot_that_somebody_reads_is_waited_for(source: Source, follower: Follower) -> None:
    source.do(MADE)
    follower.read()
    publication = source.rows("SELECT pubname FROM pg_publication")[0][0]
    options = f"(proto_version '1', publication_names '\"{publication}\"')"
    reader = psycopg.connect(source.address, replication="database", autocommit=True)
    try:
        reader.pgconn.exec_(f"START_REPLICATION SLOT {_slot(follower)} LOGICAL 0/0 {options}".encode())
        assert _active(source, follower)
        error = _refused(follower)
        assert (error.findings[0].code, isinstance(error, TransientError)) == ("source.slot_busy", True)
    finally:
        reader.close()
    while _active(source, follower):
        pass
    source.do("INSERT INTO followed VALUES (1)")
    assert follower.read() == 1


def _active(source: Source, follower: Follower) -> bool:
    rows = source.rows(f"SELECT active FROM pg_replication_slots WHERE slot_name = '{_slot(follower)}'")
    return bool(rows[0][0])


def test_how_much_log_a_slot_keeps_is_told(source: Source, follower: Follower) -> None:
    source.do(MADE)
    follower.read()
    source.do("INSERT INTO followed SELECT i, i, repeat('x', 500) FROM generate_series(1, 4000) AS i")
    follower.read()
    assert [line for line in follower.told if _slot(follower) in line and "bytes" in line]
