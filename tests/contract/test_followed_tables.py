"""A table that is read by change is in every warehouse what it is in its database, after every reading."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from followed_table import VARIABLE, Follower, Source, followed, source_database, warehouse_of
from penstock.adapters.databases import following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ["postgres_server"]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

TYPES = {"id": "INTEGER", "part": "VARCHAR", "price": "DECIMAL(12,2)", "moment": "TIMESTAMPTZ", "big": "VARCHAR"}
TYPES |= {"doc": "JSON"}
MADE = """
CREATE TABLE followed (doc jsonb, big text, id int, part text, price numeric, unread int, moment timestamptz,
                       PRIMARY KEY (part, id))
"""
EXTERNAL = "ALTER TABLE followed ALTER big SET STORAGE EXTERNAL"
THERE = "SELECT id::text, part, price::numeric(12,2)::text, moment::text, big, doc::text FROM followed"
LONG = "(SELECT string_agg(md5({0}::text || i), '') FROM generate_series(1, 120) AS i)"


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[Source]:
    with source_database(postgres, "followed") as source:
        yield source


@pytest.fixture
def source(database: Source, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setenv(VARIABLE, database.address)
    database.do(MADE, EXTERNAL)
    yield database
    database.drop_slots()
    database.do("DROP TABLE followed", "DROP TABLE IF EXISTS other", *_publications(database))


def _publications(source: Source) -> list[str]:
    return [f'DROP PUBLICATION "{name}"' for (name,) in source.rows("SELECT pubname FROM pg_publication")]


@pytest.fixture(params=["duckdb", "postgres"])
def follower(request: pytest.FixtureRequest, source: Source, postgres: str, tmp_path: Path) -> Iterator[Follower]:
    with warehouse_of(request.param, tmp_path, postgres) as (warehouse, address):
        yield Follower(tmp_path, warehouse, followed(TYPES, "id", "part"), address)


def _is_equal(source: Source, follower: Follower) -> bool:
    """Whether each row is the same, value by value."""
    there = {(row[0], row[1]): row for row in source.rows(THERE)}
    held = follower.rows("id", "part", "price", "moment", "big", "doc")
    assert len(held) == len({row[:2] for row in held}), "a row is there twice"
    assert {row[:2] for row in held} == set(there)
    assert held == sorted(there.values(), key=str)
    return True


def _big(source: Source, number: int) -> str:
    return str(source.rows(f"SELECT big FROM followed WHERE id = {number}")[0][0])


def _once_before(monkeypatch: pytest.MonkeyPatch, step: str, source: Source, statements: list[str]) -> None:
    """Change the database just before a step of a reading, once; nothing is left of the statements then."""
    original = getattr(following, step)

    def late(*args: Any) -> Any:
        source.do(*statements)
        statements.clear()
        return original(*args)

    monkeypatch.setattr(following, step, late)


def _row(number: int, part: str = "a") -> str:
    long = LONG.format(number)
    return (
        f"INSERT INTO followed VALUES ('{{\"n\": {number}}}', {long}, {number}, '{part}', {number}.5, 1, "
        f"timestamptz '2024-03-31 00:59:59.123456+00' + interval '{number} hours')"
    )


def test_what_is_updated_deleted_and_moved_is_so_after_one_reading(source: Source, follower: Follower) -> None:
    source.do(*map(_row, range(8)))
    assert follower.read() == 8
    assert _is_equal(source, follower)
    source.do(
        "DELETE FROM followed WHERE id = 0",
        "UPDATE followed SET price = 9 WHERE id = 1",  # its large value is not sent
        "UPDATE followed SET part = 'moved', price = 3 WHERE id = 2",  # nor is it here, and it has another key now
        "BEGIN; UPDATE followed SET price = 1 WHERE id = 3; UPDATE followed SET big = 'short' WHERE id = 3; "
        "UPDATE followed SET price = 2 WHERE id = 3; COMMIT",
        "UPDATE followed SET big = NULL WHERE id = 4",
        "UPDATE followed SET price = NULL WHERE id = 4",
        "DELETE FROM followed WHERE id = 5",
        _row(5),
        "UPDATE followed SET price = 7 WHERE id = 5",
        "BEGIN; DELETE FROM followed; ROLLBACK",
        "DELETE FROM followed WHERE id = 6",
        "UPDATE followed SET id = 6 WHERE id = 7",  # the key of a row that is gone, and not its large value
        "BEGIN; " + _row(20) + "; SAVEPOINT s; " + _row(21) + "; ROLLBACK TO s; " + _row(22) + "; COMMIT",
    )
    assert follower.read() == 8
    assert _is_equal(source, follower)
    state = follower.state()
    assert follower.read() == 0
    assert _is_equal(source, follower)
    assert follower.state() != state or source.rows("SELECT pg_current_wal_flush_lsn()::text")


def test_a_value_that_was_not_sent_is_the_one_that_is_held(
    source: Source, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has another one by the time it is read; it is the next reading's."""
    source.do(_row(1), _row(2))
    follower.read()
    held = [("1", "2.00", _big(source, 1)), ("2", "2.00", _big(source, 2))]
    source.do("UPDATE followed SET price = 2")
    late = ["UPDATE followed SET big = 'new' WHERE id = 1"]
    _once_before(monkeypatch, "_messages", source, late)
    follower.read()
    assert late == []
    assert follower.rows("id", "price", "big") == held
    follower.read()
    assert _is_equal(source, follower)


def test_what_is_emptied_is_empty_but_for_what_came_after(source: Source, follower: Follower) -> None:
    source.do(_row(1), _row(2))
    follower.read()
    source.do(_row(3), "UPDATE followed SET price = 0", "TRUNCATE followed", _row(2), "UPDATE followed SET price = 1")
    assert follower.read() == 1
    assert _is_equal(source, follower)


def test_changes_between_the_slot_and_the_first_reading_are_read_twice_and_come_to_the_same(
    source: Source, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.do(*map(_row, range(6)))
    late = [
        "DELETE FROM followed WHERE id = 1",
        "UPDATE followed SET id = 11, price = 1 WHERE id = 2",
        "UPDATE followed SET big = 'x', price = 1 WHERE id = 3",
        "UPDATE followed SET price = 2 WHERE id = 3",
        _row(6),
        "UPDATE followed SET price = 3 WHERE id IN (4, 6)",
        "UPDATE followed SET id = 1 WHERE id = 5",
    ]
    _once_before(monkeypatch, "_wait_for_commits", source, late)
    follower.read()
    assert late == []
    assert _is_equal(source, follower)
    source.do("UPDATE followed SET price = 4 WHERE id = 0")
    follower.read()
    assert _is_equal(source, follower)


def test_rows_that_were_read_and_never_published_are_read_again(source: Source, follower: Follower) -> None:
    source.do(_row(1))
    follower.read_and_lose()
    source.do(_row(2))
    follower.read()
    assert len(source.rows("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")) == 1
    source.do("DELETE FROM followed WHERE id = 1", _row(3))
    follower.read_and_lose()
    source.do("UPDATE followed SET price = 0 WHERE id = 3")
    follower.read_and_lose()
    follower.read()
    assert _is_equal(source, follower)


def test_every_version_reads_through_a_slot_of_its_own(source: Source, follower: Follower) -> None:
    source.do(_row(1))
    follower.read()
    follower.version = "v2"
    source.do(_row(2))
    follower.read()
    source.do("DELETE FROM followed WHERE id = 1")
    follower.read()
    follower.version = "v1"
    follower.read()
    assert _is_equal(source, follower)
    assert len(source.rows("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")) == 2


def test_the_slot_lets_the_server_forget_what_is_published_and_no_more(source: Source, follower: Follower) -> None:
    confirmed = "SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots WHERE database = 'followed'"
    source.do(_row(1))
    follower.read()
    begun = source.rows(confirmed)[0][0]
    assert json.loads(follower.state() or "")["lsn"] == begun
    source.do(_row(2))
    follower.read_and_lose()
    follower.read()
    assert source.rows(confirmed)[0][0] == begun
    published = json.loads(follower.state() or "")["lsn"]
    assert published > begun
    follower.read()
    assert source.rows(confirmed)[0][0] == published


def test_a_table_whose_changes_name_whole_rows_is_followed_too(source: Source, follower: Follower) -> None:
    source.do("ALTER TABLE followed REPLICA IDENTITY FULL", *map(_row, range(4)))
    follower.read()
    source.do(
        "UPDATE followed SET price = 9 WHERE id = 1",
        "UPDATE followed SET part = 'b' WHERE id = 2",
        "DELETE FROM followed WHERE id = 3",
    )
    follower.read()
    assert _is_equal(source, follower)


ACTIONS: dict[str, Callable[[random.Random], str]] = {
    "insert": lambda dice: _row(dice.randrange(30), dice.choice("ab")) + " ON CONFLICT DO NOTHING",
    "update": lambda dice: f"UPDATE followed SET price = {dice.randrange(99)} WHERE id % 7 = {dice.randrange(7)}",
    "enlarge": lambda dice: (
        f"UPDATE followed SET big = {LONG.format(dice.randrange(999))} WHERE id = {dice.randrange(30)}"
    ),
    "shrink": lambda dice: f"UPDATE followed SET big = 'x' WHERE id % 5 = {dice.randrange(5)}",
    "delete": lambda dice: f"DELETE FROM followed WHERE id = {dice.randrange(30)}",
    "move": lambda dice: (
        f"UPDATE followed SET id = {dice.randrange(30)} + 100 * (1 + (SELECT max(id) FROM followed) / 100) "
        f"WHERE (id, part) = (SELECT id, part FROM followed ORDER BY md5(id::text || '{dice.random()}') LIMIT 1)"
    ),
    "rename": lambda dice: (
        f"UPDATE followed AS f SET part = CASE part WHEN 'a' THEN 'b' ELSE 'a' END WHERE id = {dice.randrange(30)} "
        "AND NOT EXISTS (SELECT 1 FROM followed AS o WHERE o.id = f.id AND o.part <> f.part)"
    ),
    "empty": lambda _: "TRUNCATE followed",
}
WEIGHTS = {"insert": 12, "update": 6, "enlarge": 2, "shrink": 2, "delete": 4, "move": 4, "rename": 3, "empty": 0.3}


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_between_readings_the_rows_are_the_same_after_each(
    source: Source, follower: Follower, seed: int
) -> None:
    dice, done = random.Random(seed), Counter[str]()  # noqa: S311 - to be repeated
    for _ in range(6):
        with psycopg.connect(source.address) as connection:
            for _ in range(dice.randrange(1, 8)):
                for _ in range(dice.randrange(1, 8)):
                    action = dice.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
                    changed = connection.execute(ACTIONS[action](dice).encode()).rowcount
                    done[action] += bool(changed)
                if dice.random() < 0.2:
                    connection.rollback()
                connection.commit()
        if dice.random() < 0.3:
            follower.read_and_lose()
        follower.read()
        assert _is_equal(source, follower)
    assert {action for action, times in done.items() if times} >= {*WEIGHTS} - {"empty"}
