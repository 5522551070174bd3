"""What every warehouse promises of rows whose time is over: gone once and whole, by the newest executor."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from store_cases import (
    DATASET,
    START,
    DuckdbPlace,
    Place,
    PostgresPlace,
    database,
    days,
    opened,
    publication,
    publish,
)

from penstock.adapters.duckdb.compacting import rewrite
from penstock.engine.ports.relations import Expiry
from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.errors import TaskError, WaitingError
from penstock.model.pipelines import Materialization
from penstock.plan.versions import Version, relation_of
from penstock.quality.sifting import sieve_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store_cases import Rows

    from penstock.engine.ports.publishing import Publication

pytest_plugins = ["postgres_server"]
RELATION = relation_of(DATASET, "1")
POSTGRES = pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))
EXPIRY = Expiry(
    expiry="e1/1",
    dataset=DATASET,
    version="1",
    relation=RELATION,
    column="moment",
    before=START + timedelta(days=2),
    token=1,
)
"""The first two days of the first version."""


@pytest.fixture(params=["memory", "duckdb", POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param != "postgres":
        with opened(request.param, tmp_path) as place:
            yield place
        return
    with database(request.getfixturevalue("postgres")) as address, opened("postgres", tmp_path, address) as place:
        yield place


@pytest.fixture
def file_place(tmp_path: Path) -> Iterator[DuckdbPlace]:
    place = DuckdbPlace(tmp_path)
    yield place
    place.close()


def _put_aside(place: Place, what: Publication, rows: Rows, at: str) -> None:
    """Publish rows of which those that say `?` are put aside."""
    only = Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("value",), values=("a", "b"), on_failure=OnFailure.QUARANTINE)
    columns = (ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR"))
    contract = Contract(dataset=DATASET, file="c", version="1.0.0", columns=columns, rules=(only,))
    sieve = sieve_of(contract, first_by="moment")
    assert sieve is not None
    with place.warehouse.session() as session:
        session.stage_file(place.file(rows))
        session.sift(sieve, what)
        session.publish(replace(what, at=at))


def _aside(place: Place, version: str = "1") -> int:
    return len(place.warehouse.quarantined(DATASET, version))


def test_what_would_go_is_counted_and_nothing_goes(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a"), (1, "b"), (2, "c"), (None, "d")])
    past = place.warehouse.past(EXPIRY)
    assert (past.rows, past.quarantined, past.undated, past.first) == (2, 0, 1, START)
    assert len(place.read(RELATION)) == 4
    young = place.warehouse.past(replace(EXPIRY, before=START))
    assert (young.rows, young.first) == (0, None)


def test_rows_before_the_moment_go_and_the_others_stay(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a"), (1, "b"), (2, "c"), (3, "d")])
    publish(place, publication("q", version="2", interval=days(0, 4)), [(0, "a"), (2, "c")])
    gone = place.warehouse.expire(EXPIRY)
    assert (gone.rows, gone.quarantined, gone.first) == (2, 0, START)
    assert place.read(RELATION) == [(2, "c"), (3, "d")]
    assert place.read(relation_of(DATASET, "2")) == [(0, "a"), (2, "c")]
    assert place.warehouse.past(EXPIRY).rows == 0
    place.reopen()
    assert place.read(RELATION) == [(2, "c"), (3, "d")]


def test_an_expiry_is_done_once_whatever_came_since(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a"), (2, "c")])
    assert place.warehouse.expire(EXPIRY).rows == 1
    publish(place, publication("q", interval=days(0, 1)), [(0, "again")])
    assert place.warehouse.expire(EXPIRY).rows == 1
    assert place.read(RELATION) == [(0, "again"), (2, "c")]
    assert place.warehouse.expire(replace(EXPIRY, expiry="e2/1")).rows == 1
    assert place.read(RELATION) == [(2, "c")]


def test_an_older_executor_cannot_let_anything_expire(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a")])
    place.warehouse.fence(2)
    with pytest.raises(TaskError) as caught:
        place.warehouse.expire(EXPIRY)
    assert caught.value.findings[0].code == "engine.fenced"
    assert place.read(RELATION) == [(0, "a")]


def test_what_was_put_aside_expires_by_its_own_moment(place: Place) -> None:
    rows = [(0, "?"), (1, "a"), (1, "?"), (2, "?"), (3, "b")]
    _put_aside(place, publication("p", interval=days(0, 4)), rows, "2011-02-01T00:00:00+00:00")
    _put_aside(place, publication("q", version="2"), [(0, "?"), (0, "a")], "2011-02-01T00:00:00+00:00")
    assert place.warehouse.past(EXPIRY).quarantined == 2
    assert place.warehouse.expire(EXPIRY).quarantined == 2
    assert [row.moment for row in place.warehouse.quarantined(DATASET, "1")] == [days(2, 3).start.replace(tzinfo=None)]
    assert _aside(place, "2") == 1
    assert place.warehouse.expire(EXPIRY).quarantined == 2


@pytest.mark.parametrize(
    ("rows", "at", "left"),
    [
        ([(0, "?"), (1, "?"), (2, "?")], "2011-02-01T00:00:00+00:00", 1),
        ([(None, "?")], "2011-02-01T00:00:00+00:00", 1),
        ([(None, "?")], "2011-01-02T09:00:00+00:00", 0),
    ],
)
def test_what_was_put_aside_of_a_whole_table_expires_by_what_it_says_or_by_when_that_was(
    place: Place, rows: Rows, at: str, left: int
) -> None:
    table = publication("p", materialization=Materialization.TABLE, column=None, interval=None)
    _put_aside(place, table, [*rows, (5, "a")], at)
    place.warehouse.expire(EXPIRY)
    assert _aside(place) == left


def test_a_row_without_a_moment_that_was_put_aside_expires_with_its_interval(place: Place) -> None:
    for first in (0, 1, 2):
        what = publication(f"p{first}", interval=days(first, first + 1))
        _put_aside(place, what, [(None, "?"), (first, "a")], "2011-02-01T00:00:00+00:00")
    place.warehouse.expire(EXPIRY)
    assert _aside(place) == 1


def test_what_is_dropped_forgets_its_expiries(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a")])
    place.warehouse.expire(EXPIRY)
    place.warehouse.drop([Version(dataset=DATASET, fingerprint="1", relation=RELATION)], token=1)
    publish(place, publication("q", interval=days(0, 4)), [(0, "a"), (3, "b")])
    assert place.warehouse.past(EXPIRY).rows == 1


def test_rows_that_are_too_old_are_taken_out_of_the_staging(place: Place) -> None:
    with place.warehouse.session() as session:
        session.stage_file(place.file([(0, "a"), (1, "b"), (2, "c"), (None, "d")]))
        assert session.leave_out("moment", EXPIRY.before).rows == 2
        assert session.publish(publication("p", interval=days(0, 4))) == 2
    assert sorted(place.read(RELATION), key=str) == [(2, "c"), (None, "d")]


def test_a_reader_sees_all_of_an_interval_or_none_of_it(place: Place) -> None:
    full = 150
    publish(place, publication("p", interval=days(0, 3)), [(day, str(n)) for day in range(3) for n in range(full)])
    seen: list[Counter[int | None]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(Counter(day for day, _ in place.read(RELATION)))

    reader = threading.Thread(target=read)
    reader.start()
    while not seen:
        stop.wait(0.001)
    place.warehouse.expire(EXPIRY)
    read_before = len(seen)
    while len(seen) < read_before + 2:
        stop.wait(0.001)
    stop.set()
    reader.join()
    assert seen[0] == {0: full, 1: full, 2: full}
    assert seen[-1] == {2: full}
    assert all(each in ({0: full, 1: full, 2: full}, {2: full}) for each in seen)


# -- bytes ------------------------------------------------------------------------------------------------------------


def _holds(place: DuckdbPlace, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in place.folder.glob("*.duckdb*"))


def test_a_file_keeps_deleted_bytes_until_it_is_written_anew(file_place: DuckdbPlace) -> None:
    publish(file_place, publication("p", interval=days(0, 4)), [(0, "zebra-crossing"), (3, "humpback-bridge")])
    file_place.reopen()
    assert _holds(file_place, "zebra-crossing")
    file_place.warehouse.expire(EXPIRY)
    file_place.reopen()
    assert _holds(file_place, "zebra-crossing"), "then it need not be written anew, and the docs say too little"
    compacted = file_place.warehouse.compact([RELATION])
    assert compacted.after == (file_place.folder / "w.duckdb").stat().st_size
    assert not _holds(file_place, "zebra-crossing")
    assert _holds(file_place, "humpback-bridge")
    assert file_place.read(RELATION) == [(3, "humpback-bridge")]
    assert (file_place.warehouse.published("p"), file_place.warehouse.expire(EXPIRY).rows) == (2, 1)
    publish(file_place, publication("q", interval=days(4, 5)), [(4, "after")])
    file_place.reopen()
    assert file_place.read(RELATION) == [(3, "humpback-bridge"), (4, "after")]


def test_a_file_that_this_process_has_open_is_not_written_anew(file_place: DuckdbPlace) -> None:
    publish(file_place, publication("p", interval=days(0, 4)), [(0, "a")])
    file_place.warehouse.close()
    path = file_place.folder / "w.duckdb"
    with duckdb.connect(str(path)):  # no lock keeps us from what this process has open
        with pytest.raises(WaitingError) as caught:
            rewrite(path)
        assert caught.value.findings[0].code == "warehouse.busy"
    assert not list(file_place.folder.glob(".*compact*"))
    file_place.reopen()
    assert file_place.read(RELATION) == [(0, "a")]


def test_a_file_that_another_process_has_open_is_not_written_anew(file_place: DuckdbPlace) -> None:
    publish(file_place, publication("p", interval=days(0, 4)), [(0, "a")])
    file_place.warehouse.close()
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    path = file_place.folder / "w.duckdb"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(WaitingError) as caught:
            rewrite(path)
        assert caught.value.findings[0].code == "warehouse.busy"
        other.communicate()
    rewrite(path)
    file_place.reopen()
    assert file_place.read(RELATION) == [(0, "a")]


def test_what_a_killed_rewriting_left_behind_is_removed_by_whoever_opens_the_file_for_work(
    file_place: DuckdbPlace,
) -> None:
    leftover = file_place.folder / ".w.duckdb.compact"
    leftover.write_bytes(b"half a database")
    file_place.reopen()
    assert not leftover.exists()


@pytest.mark.xdist_group("postgres")
def test_a_table_in_postgres_keeps_deleted_bytes_until_it_is_written_anew(postgres: str, tmp_path: Path) -> None:
    with database(postgres) as address:
        place = PostgresPlace(tmp_path, address)
        publish(place, publication("p", interval=days(0, 4)), [(0, "zebra-crossing"), (3, "humpback-bridge")])
        place.warehouse.expire(EXPIRY)
        with psycopg.connect(address, autocommit=True) as admin:
            assert "zebra-crossing" in _pages(admin)
            assert place.warehouse.compact([RELATION]).left == ()
            assert "zebra-crossing" not in _pages(admin)
            assert "humpback-bridge" in _pages(admin)
            admin.execute("BEGIN")
            admin.execute(f"SELECT * FROM {RELATION}".encode()).fetchall()
            assert place.warehouse.compact([RELATION]).left == (RELATION,)
            admin.execute("ROLLBACK")
        assert place.read(RELATION) == [(3, "humpback-bridge")]
        place.close()


def _pages(admin: psycopg.Connection[tuple[object, ...]]) -> str:
    """The bytes of a version's table as the server's file holds them."""
    admin.execute("CHECKPOINT")
    row = admin.execute("SELECT pg_read_binary_file(pg_relation_filepath(%s::regclass))", [RELATION]).fetchone()
    assert row is not None
    return bytes(row[0]).decode("latin-1")  # type: ignore[call-overload,no-any-return]
