"""What counts as exercised, held against an oracle: SQL written by hand for the rows that an edit treats otherwise."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from exercise_cases import EDITS, TABLES, Edit

from penstock.adapters.duckdb.laboratory import MemoryLaboratory
from penstock.quality.exercise import Comparison, Exercise, Grounds, Pair, exercise
from penstock.quality.synthesis import MadeUp, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import World
    from penstock.quality.witness import Answer

VALUES: dict[str, tuple[str | None, ...]] = {
    "id": ("1", "2", "3", "4", "5", "6"),
    "q": ("1", "2", "3", "5", "9", "10", "11", "50", "101", "0", "-4", None),
    "p": ("0.00", "1.00", "2.50", "10.00", "50.00", "100.45", None),
    "country": ("UK", "uk", "DE", "c9", "C9", "FR", None),
    "k": ("1", "2", "3", None),
    "d": ("2020-03-29 01:00:00", "2020-03-01 00:00:00", "2021-05-05 18:30:00", "2021-05-05 23:30:00", None),
    "note": ("POSTAGE", "POST", "post", " x", "", "abcd", "abc", None),
    "name": ("n1", "n2"),
    "rate": ("0.00", "1.00", "2.00", None),
}


class OneDatabase:
    """Real data for a test: a database in memory, read in the open."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.connection.execute("CREATE SCHEMA s")
        for name, columns in TABLES.items():
            self.connection.execute(
                f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns)})"
            )

    def fill(self, seed: int) -> None:
        """Rows of few values, so that every second set leaves a given edit unexercised."""
        chance = random.Random(seed)  # noqa: S311 - rows for a test
        for name, columns in TABLES.items():
            self.connection.execute(f"DELETE FROM {name}")
            focus = {
                column: chance.sample(VALUES[column], k=chance.randint(1, min(3, len(VALUES[column]))))
                for column, _ in columns
            }
            for _ in range(chance.choice((1, 2, 4, 8))):
                row = [chance.choice(focus[column]) for column, _ in columns]
                self.connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)

    def ask(self, sql: str) -> tuple[Any, ...] | None:
        try:
            return self.connection.execute(sql).fetchone()
        except duckdb.Error:
            return None

    def differ(self, old: str, new: str) -> bool:
        rest = f"(({old}) EXCEPT ALL ({new})) UNION ALL (({new}) EXCEPT ALL ({old}))"
        found = self.connection.execute(f"SELECT count(*) FROM ({rest})").fetchone()
        return bool(found and found[0])


class Remembering(MemoryLaboratory):
    """A laboratory that is asked the same again for each set of real rows, and answers from memory."""

    def __init__(self) -> None:
        super().__init__()
        self._world: World = ()
        self._known: dict[tuple[World, str, Interval | None], Answer | None] = {}

    def fill(self, world: World) -> None:
        """Remember what is asked about; the rows are made when a question is new."""
        self._world = world

    def answer(self, text: str, interval: Interval | None) -> Answer | None:
        """What a query gave, or gives, on these rows."""
        asked = (self._world, text, interval)
        if asked not in self._known:
            super().fill(self._world)
            self._known[asked] = super().answer(text, interval)
        return self._known[asked]


@pytest.fixture(scope="module")
def laboratory() -> Iterator[MemoryLaboratory]:
    made = Remembering()
    yield made
    made.close()


@pytest.fixture(scope="module")
def data() -> OneDatabase:
    return OneDatabase()


def judged(edit: Edit, data: OneDatabase, laboratory: MemoryLaboratory) -> Exercise:
    pair = Pair(
        dataset="s.made",
        file="made.sql",
        old=edit.old,
        new=edit.new,
        inputs={name: Shape(columns=columns) for name, columns in TABLES.items()},
        differ=data.differ(edit.old, edit.new),
    )
    return exercise(pair, data, laboratory)


def seen_on(
    edit: Edit, seeds: range, data: OneDatabase, laboratory: MemoryLaboratory
) -> list[tuple[int, Exercise, bool]]:
    """What is said of an edit on several sets of rows, and whether they do treat it otherwise by the oracle's count."""
    found = []
    for seed in seeds:
        data.fill(seed)
        crosses = edit.crossing is not None and data.ask(edit.crossing) is not None
        found.append((seed, judged(edit, data, laboratory), crosses))
    return found


def assert_honest(edit: Edit, seeds: range, data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    """Nothing is called exercised that was not, and what was not is shown by rows that differ."""
    for seed, found, crosses in seen_on(edit, seeds, data, laboratory):
        if edit.crossing is None:
            assert found.comparison is not Comparison.DIFFERENT, seed
        elif found.comparison is Comparison.EXERCISED:
            assert crosses, (seed, found)
        elif found.comparison is Comparison.NOT_EXERCISED:
            assert any(place.witness for place in found.places), (seed, found)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_equal_and_exercised_is_said_only_where_rows_took_another_side(
    edit: Edit, data: OneDatabase, laboratory: MemoryLaboratory
) -> None:
    assert_honest(edit, range(1), data, laboratory)


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_the_same_on_more_rows(edit: Edit, data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    assert_honest(edit, range(1, 4), data, laboratory)


def test_both_kinds_of_data_were_among_them(data: OneDatabase) -> None:
    """The oracle says yes and no: else the tests above could not fail."""
    crossing = [edit for edit in EDITS if edit.crossing is not None]
    assert len(EDITS) >= 70
    answers = set()
    for seed in range(5):
        data.fill(seed)
        answers |= {data.ask(str(edit.crossing)) is not None for edit in crossing}
    assert answers == {True, False}


def exercised_by(
    data: OneDatabase, laboratory: MemoryLaboratory, old: str, new: str, *rows: str, **changes: Any
) -> Exercise:
    """What is said of two queries over these orders."""
    data.fill(0)
    data.connection.execute("DELETE FROM s.o")
    for row in rows:
        data.connection.execute(f"INSERT INTO s.o BY NAME SELECT {row}")
    pair = Pair(
        dataset="s.made",
        file="made.sql",
        old=old,
        new=new,
        inputs={"s.o": Shape(columns=TABLES["s.o"])},
        differ=data.differ(old, new),
        **changes,
    )
    return exercise(pair, data, laboratory)


def orders(row: dict[str, str]) -> World:
    rows = (tuple(row.get(name) for name, _ in TABLES["s.o"]),)
    return (MadeUp(dataset="s.o", columns=TABLES["s.o"], rows=rows),)


OLD = "SELECT country, sum(q * p) AS rev FROM s.o WHERE q > 0 GROUP BY country"
NEW = OLD.replace("q > 0", "q >= 0")
PAID = "1 AS id, 3 AS q, 2.5 AS p, 'UK' AS country"
FREE = "2 AS id, 0 AS q, 2.5 AS p, 'UK' AS country"


def test_rows_that_cross_and_change_nothing_are_equal_and_exercised(
    data: OneDatabase, laboratory: MemoryLaboratory
) -> None:
    found = exercised_by(data, laboratory, OLD, NEW, PAID, FREE)
    assert found.comparison is Comparison.EXERCISED
    assert found.places[0].grounds is Grounds.CROSSED


def test_rows_that_cross_and_are_outweighed_are_shown_rows_that_are_not(
    data: OneDatabase, laboratory: MemoryLaboratory
) -> None:
    """The free order adds nothing to a sum that is there; alone it would make a row of its own."""
    found = exercised_by(data, laboratory, OLD, NEW, PAID, FREE)
    assert found.outweighed == found.places
    assert found.places[0].witness is not None
    test = (orders({"id": "2", "q": "0", "p": "2.50", "country": "DE"}), None)
    tested = exercised_by(data, laboratory, OLD, NEW, PAID, FREE, tests={"an order of nothing": test})
    assert (tested.outweighed, tested.places[0].test) == ((), "an order of nothing")


def test_two_edits_that_undo_each_other_are_shown_no_rows(data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    """A condition that moves into a CTE goes in one place and comes in another: each alone would matter."""
    moved = "WITH sold AS (SELECT * FROM s.o WHERE q > 0) SELECT country, sum(q * p) AS rev FROM sold GROUP BY country"
    found = exercised_by(data, laboratory, OLD, moved, PAID, FREE)
    assert len(found.places) > 1
    assert [(place.witness, place.tried) for place in found.places] == [(None, True)] * len(found.places)
    lost = exercised_by(data, laboratory, OLD, moved.replace("q > 0", "q > -1"), PAID)
    assert any(place.witness for place in lost.places)


def test_rows_are_found_that_meet_several_conditions_at_once(data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    """Chance alone hardly ever makes them."""
    columns = "id, q, p, country, k, note"
    old = f"SELECT {columns} FROM s.o"
    rare = "country = 'Narnia' AND note LIKE 'gift\\_%' ESCAPE '\\' AND q > 77 AND k = 31"
    found = exercised_by(
        data, laboratory, old, old.replace(" id,", f" CASE WHEN {rare} THEN -id ELSE id END AS id,"), PAID
    )
    assert found.places[0].witness is not None
    assert all(word in found.places[0].witness.given for word in ("country=Narnia", "note=gift_x", "q=78", "k=31"))


def test_without_such_a_row_it_is_not_exercised_and_one_is_shown(
    data: OneDatabase, laboratory: MemoryLaboratory
) -> None:
    found = exercised_by(data, laboratory, OLD, NEW, PAID)
    assert found.comparison is Comparison.NOT_EXERCISED
    witness = found.places[0].witness
    assert witness is not None
    assert "q=0" in witness.given
    assert found.unseen == found.places


def test_a_data_test_that_tells_old_from_new_is_named(data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    world = orders({"id": "2", "q": "0", "p": "2.50", "country": "DE"})
    found = exercised_by(data, laboratory, OLD, NEW, PAID, tests={"an order of nothing": (world, None)})
    assert found.comparison is Comparison.NOT_EXERCISED
    assert found.places[0].test == "an order of nothing"
    assert found.unseen == ()


def test_rows_on_every_side_of_a_rewritten_condition_exercise_it(
    data: OneDatabase, laboratory: MemoryLaboratory
) -> None:
    new = OLD.replace("q > 0", "q >= 1")
    both = exercised_by(data, laboratory, OLD, new, PAID, FREE)
    assert (both.comparison, both.places[0].grounds) == (Comparison.EXERCISED, Grounds.GONE_THROUGH)
    one = exercised_by(data, laboratory, OLD, new, PAID)
    assert one.comparison is Comparison.NOT_EXERCISED


def test_another_layout_is_proved_equal(data: OneDatabase, laboratory: MemoryLaboratory) -> None:
    found = exercised_by(data, laboratory, OLD, OLD.replace(" FROM", "\nFROM").replace("q * p", "p * q"), PAID)
    assert (found.comparison, found.places) == (Comparison.PROVED_EQUAL, ())
