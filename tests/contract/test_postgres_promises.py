"""What a warehouse in Postgres promises its readers and its rivals: one promotion at a time, nobody kept waiting."""

from __future__ import annotations

import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from store_cases import PostgresPlace, database, days, publication, publish, swap

from penstock.adapters.postgres import removing, views
from penstock.adapters.postgres import warehouse as warehouse_module
from penstock.adapters.postgres.opening import is_made, open_postgres_warehouse
from penstock.engine.ports.relations import Swap
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.errors import InputError, PenstockError, TaskError, TransientError, WaitingError
from penstock.model.pipelines import Materialization
from penstock.plan.versions import Version, relation_of
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")
RELATION = relation_of("sim.daily", "1")
LOOKS = 10_000
"""How often a test looks for what must come: some seconds."""
DATASETS = tuple(f"sim.d{number:02}" for number in range(20))


@pytest.fixture
def address(postgres: str) -> Iterator[str]:
    with database(postgres) as address:
        yield address


@pytest.fixture
def place(address: str, tmp_path: Path) -> Iterator[PostgresPlace]:
    place = PostgresPlace(tmp_path, address)
    yield place
    place.close()


@pytest.fixture
def reader(address: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who reads what environments show."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '20s'")  # a test that waits for it fails
        yield connection


def _table(place: PostgresPlace, dataset: str, version: str, sql: str) -> None:
    """Publish a version that is what a query says."""
    relation = relation_of(dataset, version)
    what = publication(
        f"{dataset} {version}", dataset=dataset, version=version, relation=relation,
        materialization=Materialization.TABLE, column=None, interval=None,
    )  # fmt: skip
    with place.warehouse.session() as session:
        session.build(what, sql, {})
        session.commit()


def _show(promotion: str, versions: dict[str, str]) -> Swap:
    mapping = {name: (version, relation_of(name, version)) for name, version in versions.items()}
    return Swap(promotion=promotion, environment="prod", mapping=mapping, token=1)


# -- readers --------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads all datasets over and over, in one statement or in one transaction, until told to stop."""

    def __init__(self, address: str, *, one_statement: bool) -> None:
        self._address, self._one_statement = address, one_statement
        self.stop = threading.Event()
        self.seen: list[set[str]] = []

    def read(self) -> None:
        names = [f"sim.{name.split('.')[1]}" for name in DATASETS]
        with psycopg.connect(self._address, autocommit=True) as connection:
            while not self.stop.is_set():
                if self._one_statement:
                    sql = " UNION ALL ".join(f"SELECT version FROM {name}" for name in names)
                    self.seen.append({str(version) for (version,) in connection.execute(sql.encode())})
                    continue
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                found = [connection.execute(f"SELECT version FROM {name}".encode()).fetchall() for name in names]
                connection.execute("COMMIT")
                self.seen.append({str(version) for rows in found for (version,) in rows})


def test_four_readers_see_one_promotion_or_the_other_through_fifty_swaps(place: PostgresPlace, address: str) -> None:
    for dataset in DATASETS:
        for version in ("a", "b"):
            _table(place, dataset, version, f"SELECT '{version}' AS version")
    place.warehouse.swap(_show("first", dict.fromkeys(DATASETS, "a")))
    readers = [_Reader(address, one_statement=number % 2 == 0) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(reader.read) for reader in readers]
        for number in range(50):
            place.warehouse.swap(_show(f"p{number}", dict.fromkeys(DATASETS, "ba"[number % 2])))
        for reader in readers:
            reader.stop.set()
        for done in reading:
            done.result()
    for reader in readers:
        assert {frozenset(seen) for seen in reader.seen} == {frozenset("a"), frozenset("b")}


def test_readers_see_one_promotion_while_columns_come_and_go(place: PostgresPlace, address: str) -> None:
    """Half of the datasets change their columns with each promotion, so that their views are made anew."""
    for number, dataset in enumerate(DATASETS):
        _table(place, dataset, "a", "SELECT 'a' AS version, 1 AS gone" if number % 2 else "SELECT 'a' AS version")
        _table(place, dataset, "b", "SELECT 2 AS come, 'b' AS version" if number % 2 else "SELECT 'b' AS version")
    place.warehouse.swap(_show("first", dict.fromkeys(DATASETS, "a")))
    readers = [_Reader(address, one_statement=number % 2 == 0) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(reader.read) for reader in readers]
        for number in range(10):
            place.warehouse.swap(_show(f"p{number}", dict.fromkeys(DATASETS, "ba"[number % 2])))
        for reader in readers:
            reader.stop.set()
        for done in reading:
            done.result()
    for reader in readers:
        assert {frozenset(seen) for seen in reader.seen} <= {frozenset("a"), frozenset("b")}
    assert {frozenset("a"), frozenset("b")} <= {frozenset(seen) for reader in readers for seen in reader.seen}


def test_a_snapshot_keeps_its_promotion_though_columns_change_behind_it(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    for version, sql in (("1", "SELECT 1 AS n, 'kept' AS t"), ("2", "SELECT '2' AS n, true AS b")):
        _table(place, "sim.two", version, sql)
    place.warehouse.swap(_show("p", {"sim.one": "1", "sim.two": "1"}))
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert reader.execute("SELECT * FROM sim.one").fetchall() == [(1,)]
    place.warehouse.swap(_show("q", {"sim.one": "1", "sim.two": "2"}))
    assert reader.execute("SELECT * FROM sim.two").fetchall() == [("1", None)]  # its row, in today's columns
    reader.execute("COMMIT")
    assert reader.execute("SELECT * FROM sim.two").fetchall() == [("2", True)]


def test_a_snapshot_keeps_its_rows_though_the_table_is_made_again(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    table = publication("p", materialization=Materialization.TABLE, column=None, interval=None)
    publish(place, table, [(0, "a")])
    place.warehouse.swap(swap("s", daily="1"))
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert reader.execute("SELECT value FROM sim.daily").fetchall() == [("a",)]
    publish(place, replace(table, publish_id="q"), [(0, "b"), (0, "c")])
    assert reader.execute("SELECT value FROM sim.daily").fetchall() == [("a",)]
    reader.execute("COMMIT")
    assert reader.execute("SELECT value FROM sim.daily ORDER BY 1").fetchall() == [("b",), ("c",)]


def test_only_the_version_that_is_shown_is_read(place: PostgresPlace, reader: psycopg.Connection[Any]) -> None:
    for version in ("1", "2", "3"):
        _table(place, "sim.one", version, f"SELECT {version} AS n")
        place.warehouse.swap(_show(version, {"sim.one": version}))
    plan = "\n".join(row[0] for row in reader.execute("EXPLAIN (ANALYZE, TIMING off) SELECT * FROM sim.one"))
    assert plan.count("One-Time Filter") == 4  # three versions, and the refusal of any other
    assert plan.count("Seq Scan on sim__one__") == 3
    assert plan.count("(never executed)") == 2


def test_a_return_to_a_version_that_is_known_moves_a_row_and_touches_no_view(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    for version in ("1", "2"):
        _table(place, "sim.one", version, f"SELECT {version} AS n")
        place.warehouse.swap(_show(version, {"sim.one": version}))
    reader.execute("BEGIN")
    assert reader.execute("SELECT n FROM sim.one").fetchall() == [(2,)]  # holds the view until it ends
    place.warehouse.swap(_show("back", {"sim.one": "1"}))
    reader.execute("COMMIT")
    assert reader.execute("SELECT n FROM sim.one").fetchall() == [(1,)]


def test_a_view_knows_no_more_versions_than_it_needs_and_always_the_one_it_shows(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    for version in "1234567":
        _table(place, "sim.one", version, f"SELECT {version} AS n")
        place.warehouse.swap(_show(version, {"sim.one": version}))
    (text,) = reader.execute("SELECT pg_get_viewdef('sim.one'::regclass)").fetchone() or ("",)
    assert text.count("FROM _versions.") == views.KNOWN
    place.warehouse.swap(_show("back", {"sim.one": "1"}))
    assert reader.execute("SELECT n FROM sim.one").fetchall() == [(1,)]


# -- who holds and who waits ----------------------------------------------------------------------------------------


def test_a_swap_that_a_reader_holds_up_goes_on_when_the_reader_ends(
    place: PostgresPlace, reader: psycopg.Connection[Any], address: str
) -> None:
    """Meanwhile it stands in nobody's way for longer than its lock timeout: another reader gets its answer."""
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    _table(place, "sim.one", "2", "SELECT 2 AS n, 'other columns' AS t")
    place.warehouse.swap(_show("p", {"sim.one": "1"}))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sim.one")
    with ThreadPoolExecutor(1) as pool, psycopg.connect(address, autocommit=True) as other:
        other.execute("SET statement_timeout = '10s'")
        swapping = pool.submit(place.warehouse.swap, _show("q", {"sim.one": "2"}))
        _until_somebody_waits(address)
        for _ in range(5):
            assert other.execute("SELECT n FROM sim.one").fetchall() == [(1,)]
        assert not swapping.done()
        reader.execute("COMMIT")
        swapping.result(30)
        assert other.execute("SELECT n, t FROM sim.one").fetchall() == [(2, "other columns")]


def test_a_swap_that_is_held_up_for_too_long_says_so_and_changed_nothing(
    place: PostgresPlace, reader: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse_module, "PATIENCE", 0.5)
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    _table(place, "sim.one", "2", "SELECT '2' AS other")
    place.warehouse.swap(_show("p", {"sim.one": "1"}))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sim.one")
    with pytest.raises(WaitingError) as caught:
        place.warehouse.swap(_show("q", {"sim.one": "2"}))
    assert caught.value.findings[0].code == "warehouse.held"
    assert not place.warehouse.swapped("q")
    assert place.shown("prod") == {"sim.one": "1"}
    reader.execute("COMMIT")
    place.warehouse.swap(_show("q", {"sim.one": "2"}))
    assert place.shown("prod") == {"sim.one": "2"}


def _until_somebody_waits(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as looking:
        sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        assert any(looking.execute(sql).fetchone() for _ in range(LOOKS))


def test_who_may_read_a_view_still_may_when_it_is_made_anew(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    _table(place, "sim.one", "2", "SELECT 'other' AS t")
    place.warehouse.swap(_show("p", {"sim.one": "1"}))
    reader.execute("GRANT SELECT ON sim.one TO pg_monitor WITH GRANT OPTION")
    place.warehouse.swap(_show("q", {"sim.one": "2"}))
    found = reader.execute("SELECT has_table_privilege('pg_monitor', 'sim.one', 'SELECT WITH GRANT OPTION')").fetchone()
    assert found == (True,)


def test_a_view_that_others_built_upon_is_not_taken_from_under_them(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    _table(place, "sim.one", "2", "SELECT 'other' AS t")
    _table(place, "sim.one", "3", "SELECT 3 AS n, 'more' AS t")
    place.warehouse.swap(_show("p", {"sim.one": "1"}))
    reader.execute("CREATE VIEW public.theirs AS SELECT * FROM sim.one")
    with pytest.raises(TaskError) as caught:
        place.warehouse.swap(_show("q", {"sim.one": "2"}))
    assert caught.value.findings[0].code == "warehouse.depended_on"
    assert "theirs" in str(caught.value.findings[0].found)
    place.warehouse.swap(_show("r", {"sim.one": "3"}))  # columns that are added to the others disturb nobody
    assert reader.execute("SELECT * FROM public.theirs").fetchall() == [(3,)]


def test_a_version_that_is_not_there_is_not_shown(place: PostgresPlace) -> None:
    with pytest.raises(TaskError) as caught:
        place.warehouse.swap(swap("p", daily="9", more="8"))
    assert [finding.place.dataset for finding in caught.value.findings] == ["sim.daily", "sim.more"]
    assert not place.warehouse.swapped("p")


# -- commits whose outcome nobody heard -----------------------------------------------------------------------------


class _Wire:
    """Stands between a client and the server; at a COMMIT it breaks the connection, before it arrives or after.

    With `until`, it lets the COMMIT through later instead.
    """

    def __init__(self, address: str, *, arrives: bool, until: threading.Event | None = None) -> None:
        head, _, tail = address.rpartition("@")
        host_port, _, name = tail.partition("/")
        host, _, port = host_port.partition(":")
        self._server, self._arrives, self._until = (host, int(port)), arrives, until
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"{head}@127.0.0.1:{self._listening.getsockname()[1]}/{name}"
        self.armed = threading.Event()
        self.fired = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._server) as server:
            threading.Thread(target=self._carry, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                if self.armed.is_set() and b"COMMIT" in data:
                    self.armed.clear()
                    self.fired += 1
                    if self._until is not None:
                        self._until.wait()
                        server.sendall(data)
                        continue
                    client.shutdown(socket.SHUT_RDWR)
                    if self._arrives:
                        server.sendall(data)
                        server.recv(65536)
                    server.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)


@contextmanager
def _wired(
    place: PostgresPlace, address: str, *, arrives: bool, until: threading.Event | None = None
) -> Iterator[_Wire]:
    """The place, behind a wire that breaks."""
    wire = _Wire(address, arrives=arrives, until=until)
    place.close()
    place.address = wire.address
    place.reopen()
    try:
        yield wire
    finally:
        wire.close()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_that_nobody_heard_of_is_unknown_and_the_target_knows(
    place: PostgresPlace, address: str, arrives: bool
) -> None:
    publish(place, publication("first"), [(0, "a")])
    with _wired(place, address, arrives=arrives) as wire:
        file = place.file([(1, "b")])
        with place.warehouse.session() as session:
            session.stage_file(file)
            wire.armed.set()
            with pytest.raises(UnknownOutcomeError):
                session.publish(publication("p", interval=days(1, 2)))
        assert wire.fired == 1
        _until_alone(address)
        assert place.warehouse.published("p") == (1 if arrives else None)
        assert publish(place, publication("p", interval=days(1, 2)), [(1, "b")]) == 1
        assert place.read(RELATION) == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lot_whose_commit_nobody_heard_of_is_unknown(place: PostgresPlace, address: str, arrives: bool) -> None:
    with _wired(place, address, arrives=arrives) as wire:
        wire.armed.set()
        with pytest.raises(UnknownOutcomeError):
            _table(place, "sim.one", "1", "SELECT 1 AS n")
        assert wire.fired == 1
        _until_alone(address)
        assert place.warehouse.published("sim.one 1") == (1 if arrives else None)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_swap_whose_commit_nobody_heard_of_is_carried_out_once(
    place: PostgresPlace, address: str, arrives: bool
) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    with _wired(place, address, arrives=arrives) as wire:
        wire.armed.set()
        place.warehouse.swap(_show("p", {"sim.one": "1"}))
        assert wire.fired == 1
        assert place.warehouse.swapped("p")
        assert place.shown("prod") == {"sim.one": "1"}


def test_a_newer_executor_waits_for_what_an_older_one_is_committing(place: PostgresPlace, address: str) -> None:
    """The older one's last look at the token holds it: whoever is newer comes before that, or after the commit."""
    publish(place, publication("first"), [(0, "a")])
    newer, through = open_postgres_warehouse(address, "sim"), threading.Event()
    with _wired(place, address, arrives=True, until=through) as wire, ThreadPoolExecutor(2) as pool:
        wire.armed.set()
        committing = pool.submit(publish, place, publication("late", interval=days(1, 2)), [(1, "b")])
        while not wire.fired:
            assert not committing.done()
        through_in_the_end = threading.Timer(10, through.set)  # a test that waits for it fails
        through_in_the_end.start()
        fencing = pool.submit(newer.fence, 7)
        _until_somebody_waits(address)
        assert newer.fenced_at() == 0
        assert newer.published("late") is None
        through.set()
        through_in_the_end.cancel()
        fencing.result(30)
        assert newer.published("late") == 1  # known to whoever is newer, from its first look on
        assert committing.result(30) == 1
        with pytest.raises(TaskError):
            publish(place, publication("later", interval=days(2, 3)), [(2, "c")])
    newer.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"materialization": Materialization.APPEND, "offset": "moment", "interval": None},
        {"materialization": Materialization.MERGE, "key": ("moment",), "interval": None},
    ],
    ids=["append", "merge"],
)
def test_of_two_that_add_to_the_same_rows_the_second_sees_what_the_first_added(
    place: PostgresPlace, address: str, changes: dict[str, Any]
) -> None:
    base = days(0, 1).start.replace(tzinfo=None)
    publish(place, publication("first", **changes), [(0, "a")])
    other, through = PostgresPlace(place.folder / "other", address), threading.Event()
    (place.folder / "other").mkdir()
    with _wired(place, address, arrives=True, until=through) as wire, ThreadPoolExecutor(2) as pool:
        wire.armed.set()
        one = pool.submit(publish, place, publication("one", base=base, **changes), [(1, "b")])
        while not wire.fired:
            assert not one.done()
        two = pool.submit(publish, other, publication("two", base=base, **changes), [(1, "c")])
        try:
            _until_somebody_waits(address)
        finally:
            through.set()
        assert one.result(30) == 1
        if changes["materialization"] is Materialization.APPEND:
            with pytest.raises(TransientError):
                two.result(30)
        else:
            assert two.result(30) == 1
        assert len(other.read(RELATION)) == 2
    other.close()


def _until_alone(address: str) -> None:
    """Until the server has ended what the broken connection began."""
    with psycopg.connect(address, autocommit=True) as looking:
        sql = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND state <> 'idle' AND backend_type = 'client backend'"
        )
        assert any(looking.execute(sql).fetchone() is None for _ in range(LOOKS))


# -- what nothing needs any more ------------------------------------------------------------------------------------


def _version(version: str, dataset: str = "sim.one") -> Version:
    return Version(dataset=dataset, fingerprint=version, relation=relation_of(dataset, version))


def _show_in_turn(place: PostgresPlace, *versions: str, dataset: str = "sim.one") -> None:
    for version in versions:
        _table(place, dataset, version, f"SELECT '{version}' AS v")
        place.warehouse.swap(_show(f"{dataset} {version}", {dataset: version}))


def _shown_in(place: PostgresPlace, environment: str, version: str) -> Swap:
    return replace(_show(f"{environment} {version}", {"sim.one": version}), environment=environment)


def test_a_view_forgets_what_it_does_not_show_before_that_is_dropped(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    _show_in_turn(place, "1", "2", "3")
    place.warehouse.swap(_shown_in(place, "dev", "2"))
    dropped = place.warehouse.drop([_version("1"), _version("2")], 1)
    assert dropped.relations == {relation_of("sim.one", "1")}
    assert dropped.bytes > 0
    (text,) = reader.execute("SELECT pg_get_viewdef('sim.one'::regclass)").fetchone() or ("",)
    assert text.count("FROM _versions.") == 1
    assert reader.execute("SELECT v FROM sim.one").fetchall() == [("3",)]
    assert reader.execute("SELECT v FROM sim__dev.one").fetchall() == [("2",)]
    place.warehouse.swap(_show("back", {"sim.one": "2"}))
    assert reader.execute("SELECT v FROM sim.one").fetchall() == [("2",)]


def test_what_a_view_knows_and_does_not_show_counts_as_read_by_nobody(place: PostgresPlace) -> None:
    _show_in_turn(place, "1", "2")
    reads = {held.relation: held.reads for held in place.warehouse.holdings() if not held.is_version}
    assert reads == {'"sim"."one"': (relation_of("sim.one", "2"),)}


def test_a_snapshot_of_a_dropped_version_gets_an_error_and_never_no_rows(
    place: PostgresPlace, reader: psycopg.Connection[Any]
) -> None:
    _show_in_turn(place, "1")
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1")  # takes the snapshot, and holds nothing of what is shown
    _show_in_turn(place, "2")
    assert place.warehouse.drop([_version("1")], 1).relations == {relation_of("sim.one", "1")}
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="promoted since this transaction began"):
        reader.execute("SELECT * FROM sim.one")
    reader.execute("ROLLBACK")
    assert reader.execute("SELECT v FROM sim.one").fetchall() == [("2",)]


def test_a_drop_that_a_reader_holds_up_goes_on_when_the_reader_ends(
    place: PostgresPlace, reader: psycopg.Connection[Any], address: str
) -> None:
    _show_in_turn(place, "1", "2")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sim.one")  # holds the view, and both versions that it knows
    with ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(place.warehouse.drop, [_version("1")], 1)
        _until_somebody_waits(address)
        assert not dropping.done()
        reader.execute("COMMIT")
        assert dropping.result(30).relations == {relation_of("sim.one", "1")}


@pytest.mark.parametrize("read", ["sim.one", "_versions.sim__one__1"])
def test_what_a_reader_holds_for_too_long_stays_and_the_rest_goes(
    place: PostgresPlace, reader: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    monkeypatch.setattr(warehouse_module, "PATIENCE", 0.5)
    _show_in_turn(place, "1", "2")
    _table(place, "sim.other", "1", "SELECT 1 AS n")
    reader.execute("BEGIN")
    reader.execute(f"SELECT * FROM {read}".encode())
    both = [_version("1"), _version("1", "sim.other")]
    assert place.warehouse.drop(both, 1).relations == {relation_of("sim.other", "1")}
    assert place.warehouse.published("sim.one 1") == 1
    reader.execute("COMMIT")
    assert place.warehouse.drop(both, 1).relations == {version.relation for version in both}
    assert place.warehouse.published("sim.one 1") is None


@pytest.mark.parametrize(
    "built",
    [
        "CREATE VIEW mine.upon AS SELECT * FROM _versions.sim__one__1",
        "CREATE MATERIALIZED VIEW mine.upon AS SELECT * FROM _versions.sim__one__1",
        "CREATE FUNCTION mine.upon() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM _versions.sim__one__1; END",
        "CREATE TABLE mine.upon (one _versions.sim__one__1)",
    ],
)
def test_what_others_built_upon_a_version_keeps_it(
    place: PostgresPlace, reader: psycopg.Connection[Any], built: str
) -> None:
    _show_in_turn(place, "1", "2", "3")
    reader.execute("CREATE SCHEMA mine")
    reader.execute(built.encode())
    dropped = place.warehouse.drop([_version("1"), _version("2")], 1)
    assert dropped.relations == {relation_of("sim.one", "2")}
    assert place.warehouse.query(f"SELECT v FROM {relation_of('sim.one', '1')}")[1] == [("1",)]
    assert place.warehouse.published("sim.one 1") == 1


def test_views_are_dropped_before_what_they_read_though_not_all_at_once(
    place: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "AT_ONCE", 2)
    _table(place, "sim.a", "1", "SELECT 1 AS n")
    views_of = [f"sim.{'long' * 15}{number}" for number in range(5)]  # kept under other names than the plan's
    for below, name in zip(["sim.a", *views_of], views_of, strict=False):
        what = publication(
            name, dataset=name, version="1", relation=relation_of(name, "1"), materialization=Materialization.VIEW,
            column=None, interval=None, view_sql=f"SELECT n FROM {relation_of(below, '1')}",
        )  # fmt: skip
        with place.warehouse.session() as session:
            session.stage_view(what.view_sql or "")
            session.publish(what)
    every = [_version("1", name) for name in ("sim.a", *views_of)]
    assert len(place.warehouse.holdings()) == 6
    assert place.warehouse.drop(every, 1).relations == {version.relation for version in every}
    assert place.warehouse.holdings() == ()


def test_versions_with_long_names_are_held_and_dropped_under_the_names_of_the_plan(place: PostgresPlace) -> None:
    long = f"{'pipeline' * 7}.{'dataset' * 8}"
    _show_in_turn(place, "1" * 16, "2" * 16, dataset=long)
    held = [held.relation for held in place.warehouse.holdings() if held.is_version]
    assert held == [relation_of(long, "1" * 16), relation_of(long, "2" * 16)]
    every = [_version("1" * 16, long), _version("2" * 16, long)]
    assert place.warehouse.drop(every, 1).relations == {every[0].relation}


@pytest.mark.parametrize("arrives", [True, False])
def test_a_drop_whose_commit_nobody_heard_of_is_carried_out(place: PostgresPlace, address: str, arrives: bool) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    with _wired(place, address, arrives=arrives) as wire:
        wire.armed.set()
        assert place.warehouse.drop([_version("1")], 1).relations == {relation_of("sim.one", "1")}
        assert wire.fired == 1
        assert place.warehouse.holdings() == ()
        assert place.warehouse.published("sim.one 1") is None


def test_an_executor_that_is_replaced_while_it_drops_drops_nothing_more(
    place: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _table(place, "sim.one", "1", "SELECT 1 AS n")
    drop, fired = removing.drop, []

    def fenced(connection: Any, versions: Any) -> removing.Tried:
        place.warehouse.fence(2)
        fired.append(versions)
        return drop(connection, versions)

    monkeypatch.setattr(removing, "drop", fenced)
    with pytest.raises(TaskError) as caught:
        place.warehouse.drop([_version("1")], 1)
    assert caught.value.findings[0].code == "engine.fenced"
    assert fired
    assert [held.relation for held in place.warehouse.holdings()] == [relation_of("sim.one", "1")]
    assert place.warehouse.published("sim.one 1") == 1


# -- types, names, files --------------------------------------------------------------------------------------------

EVERY_TYPE = """
SELECT * FROM (VALUES
  (true, 1::SMALLINT, 2::INTEGER, 3::BIGINT, 170141183460469231731687303715884105727::HUGEINT, 255::UTINYINT,
   18446744073709551615::UBIGINT, 1.5::FLOAT, 0.1::DOUBLE, 12.34::DECIMAL(9,2), 'ä "x", \n', DATE '2024-02-29',
   TIME '01:02:03.5', TIMESTAMP '2024-02-29 01:02:03.000001', TIMESTAMPTZ '2024-02-29 01:02:03+02', INTERVAL 3 DAY,
   '00000000-0000-0000-0000-000000000001'::UUID, '\\xAA\\x00'::BLOB, '{"a": 1}'::JSON, 'Infinity'::DOUBLE),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'nan'::DOUBLE, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL)
) AS made (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, "T u")
"""


def test_a_file_of_every_type_comes_back_from_postgres_as_it_was(place: PostgresPlace, tmp_path: Path) -> None:
    given, back = tmp_path / "given.parquet", tmp_path / "back.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY ({EVERY_TYPE}) TO '{given}' (FORMAT parquet)")
        with place.warehouse.session() as session:
            staged = session.stage_file(given)
            session.export(f"SELECT * FROM {staged.relation}", {}, back)
        types = [engine.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall() for path in (given, back)]
        assert types[0] == types[1]
        assert [(row[0], row[1]) for row in types[0]] == list(staged.columns)
        counted = "SELECT *, count(*) FROM '{}' GROUP BY ALL"
        both = f"{counted.format(given)} EXCEPT {counted.format(back)}"
        assert engine.execute(f"SELECT count(*) FROM ({both})").fetchone() == (0,)
        assert engine.execute(f"SELECT count(*) FROM '{back}'").fetchone() == (3,)


def test_a_file_of_one_column_keeps_its_rows_of_nothing(place: PostgresPlace, tmp_path: Path) -> None:
    given, back = tmp_path / "given.parquet", tmp_path / "back.parquet"
    with duckdb.connect() as engine:
        engine.execute(
            f"COPY (SELECT * FROM (VALUES (NULL), (''), ('x'), (NULL)) AS v(n)) TO '{given}' (FORMAT parquet)"
        )
        with place.warehouse.session() as session:
            assert session.stage_file(given).rows == 4
            session.export("SELECT * FROM pg_temp._staging", {}, back)
        assert sorted(engine.execute(f"SELECT n FROM '{back}'").fetchall(), key=str) == [
            ("",),
            ("x",),
            (None,),
            (None,),
        ]


def test_a_file_with_a_type_that_postgres_lacks_is_refused_by_name(place: PostgresPlace, tmp_path: Path) -> None:
    path = tmp_path / "given.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 1 AS n, [1, 2] AS items) TO '{path}' (FORMAT parquet)")
    with place.warehouse.session() as session, pytest.raises(TaskError) as caught:
        session.stage_file(path)
    assert caught.value.findings[0].code == "warehouse.unkept_type"
    assert "items" in caught.value.findings[0].message


def test_datasets_with_long_names_keep_their_versions_apart(place: PostgresPlace) -> None:
    long = f"{'pipeline' * 7}.{'dataset' * 8}"
    for version in ("1" * 16, "2" * 16):
        _table(place, long, version, f"SELECT '{version}' AS v")
    for version in ("1" * 16, "2" * 16):
        assert place.warehouse.query(f"SELECT v FROM {relation_of(long, version)}")[1] == [(version,)]
    place.warehouse.swap(_show("p", {long: "2" * 16}))
    assert place.shown("prod") == {long: "2" * 16}


def test_a_query_stages_the_names_and_types_that_duckdb_gives_it(place: PostgresPlace) -> None:
    sql = "SELECT 1 AS One, sum(2) AS \"Two\", 3.50 AS three, 4 / 2 AS four, 'x' AS five, count(*) AS six"
    with duckdb.connect() as engine:
        described = [(row[0], row[1]) for row in engine.execute(f"DESCRIBE {sql}").fetchall()]
    with place.warehouse.session() as session:
        staged = session.stage_query(sql, {})
        assert list(staged.columns) == described
        assert list(session.columns(staged.relation)) == described


def test_text_sorts_and_folds_as_in_duckdb_whatever_the_databases_locale(place: PostgresPlace, reader: Any) -> None:
    _table(place, "sim.one", "1", "SELECT 'a' AS t UNION ALL SELECT 'B' UNION ALL SELECT 'Ä'")
    relation = relation_of("sim.one", "1")
    assert place.warehouse.query(f"SELECT t, lower(t) AS l FROM {relation} ORDER BY t")[1] == [
        ("B", "b"), ("a", "a"), ("Ä", "ä")
    ]  # fmt: skip
    found = reader.execute(
        "SELECT collname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation "
        f"WHERE attrelid = '{relation}'::regclass AND attname = 't'"
    ).fetchone()
    assert found == ("pg_c_utf8",)


HOSTILE = (
    'say "hi"', "'; DROP TABLE _penstock.ledger; --", "%s %(n)s %%", "back\\slash", "new\nline",
    "/* open", "select", "İstanbul", "ﬀ", "\u202eevil", "😀", "a.b", "made", "MADE", "x" * 63, "\x01\x7f", "{n}",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_one_name_and_one_value(place: PostgresPlace, text: str) -> None:
    what = publication("p", column=None, interval=None, materialization=Materialization.MERGE, key=(text,))
    sql = f"SELECT {literal(text)} AS {quote(text)}, 1 AS n"
    for publish_id in (text, f"{text} again"):
        with place.warehouse.session() as session:
            staged = session.stage_query(f"SELECT * FROM ({sql}) AS t WHERE $offset = {quote(text)}", {"offset": text})
            assert (staged.columns[0], staged.rows) == ((text, "VARCHAR"), 1)
            assert session.publish(replace(what, publish_id=publish_id, run=text)) == 1
    assert place.warehouse.query(f"SELECT {quote(text)}, count(*) FROM {RELATION} GROUP BY ALL")[1] == [(text, 1)]
    assert place.warehouse.published(text) == 1
    place.warehouse.swap(replace(swap("p", daily="1"), environment=text[:40], promotion=text))
    assert place.warehouse.environment(text[:40]) == {"sim.daily": "1"}
    assert place.warehouse.swapped(text)


@pytest.mark.parametrize("name", ["$1", "$tag$ x $tag$"])
def test_a_name_that_is_taken_for_something_else_is_refused(place: PostgresPlace, name: str) -> None:
    with place.warehouse.session() as session:
        staged = session.stage_query(f"SELECT 1 AS {quote(name)}", {})
        with pytest.raises(TaskError) as caught:
            session.fetch(f"SELECT * FROM {staged.relation}")
    assert caught.value.findings[0].code in {"sql.not_portable", "warehouse.refused"}


def test_a_query_cannot_reach_beyond_what_it_is_given(place: PostgresPlace) -> None:
    for sql in (
        "SELECT pg_read_file('/etc/passwd') AS t",
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT lo_import('/etc/passwd') AS n",
        "SELECT set_config('search_path', 'x', false) AS t",
    ):
        with pytest.raises(PenstockError), place.warehouse.session() as session:
            session.stage_query(sql, {})


def test_an_address_that_does_not_work_is_refused_without_repeating_its_password(address: str) -> None:
    for spoilt, code in (
        (address.replace("postgresql://", "postgre://"), "warehouse.bad_address"),
        (f"{address}_that_is_not_there", "warehouse.unreachable"),
    ):
        with pytest.raises(PenstockError) as caught:
            open_postgres_warehouse(spoilt, "sim")
        assert caught.value.findings[0].code == code
        assert "s3cret" not in repr(caught.value)


def test_what_was_never_made_is_not_made_by_reading(address: str) -> None:
    with pytest.raises(InputError) as caught:
        open_postgres_warehouse(address, "sim", read_only=True)
    assert caught.value.findings[0].code == "warehouse.empty"
    with psycopg.connect(address) as looking:
        assert looking.execute("SELECT to_regnamespace('_penstock')").fetchone() == (None,)


@pytest.mark.parametrize("use", [lambda address: open_postgres_warehouse(address, "sim"), is_made])
def test_without_the_driver_it_says_which_extra_is_missing(
    use: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [name for name in sys.modules if name.startswith("penstock.adapters.postgres.")]:
        if not name.endswith(".opening"):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InputError) as caught:
        use("postgresql:///x")
    (finding,) = caught.value.findings
    assert (finding.code, finding.remedy) == ("warehouse.no_driver", "in Penstock's folder: pip install '.[postgres]'")
