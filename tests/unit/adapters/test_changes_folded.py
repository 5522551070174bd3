"""What many changes come to is what they do one after the other, however they are cut into files."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.databases import folding
from penstock.adapters.databases.folding import Folding, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Rows = dict[tuple[int, str], tuple[str | None, str | None]]
SHAPE = Shape(
    types={"gone": "VARCHAR", "id": "INTEGER", "open": "VARCHAR", "part": "VARCHAR"},
    native={"gone": "text", "id": "integer", "open": "text", "part": "text"},
    key=("id", "part"),
)
"""With columns that are called as our own are."""


class World:
    """A table, what is held of it, and what was asked."""

    def __init__(self, folder: Path) -> None:
        self.table: Rows = {}
        self.held: Rows = {}
        self.folder = folder
        self.asked = list[str]()

    def write(self, rows: Rows, path: Path, where: str = "true") -> None:
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t (gone VARCHAR, id INTEGER, open VARCHAR, part VARCHAR)")
            for (number, part), (first, second) in rows.items():
                connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", [first, number, second, part])
            connection.execute(f"COPY (SELECT * FROM t WHERE {where}) TO '{path}' (FORMAT parquet)")

    def ask_held(self, condition: str, path: Path) -> None:
        self.asked.append("held")
        self.write(self.held, path, condition)

    def ask_table(self, keys: Sequence[Sequence[str]], path: Path) -> None:
        self.asked.append("table")
        wanted = {(int(number), part) for number, part in keys}
        self.write({key: row for key, row in self.table.items() if key in wanted}, path)

    def applied(self, folded: folding.Folded) -> Rows:
        """What is held, once the outcome is published."""
        with duckdb.connect() as connection:
            gone = connection.execute(f"SELECT id, part FROM '{folded.gone}'").fetchall()
            rows = connection.execute(f"SELECT id, part, gone, open FROM '{folded.rows}'").fetchall()
        kept = {} if folded.anew else {key: row for key, row in self.held.items() if key not in set(gone)}
        assert len({row[:2] for row in rows}) == len(rows)
        return {**kept, **{(row[0], row[1]): (row[2], row[3]) for row in rows}}


@pytest.fixture
def fold(tmp_path: Path) -> Folding:
    return Folding(duckdb.connect(), tmp_path, SHAPE)


@pytest.mark.parametrize("seed", range(12))
def test_changes_come_to_what_they_do_one_after_the_other(
    seed: int, fold: Folding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MOST_ROWS", 7)
    monkeypatch.setattr(folding, "AT_ONCE", 2)
    dice, world = random.Random(seed), World(tmp_path)  # noqa: S311 - to be repeated
    world.held = {(number, dice.choice("a'")): (f"g{number}", "large") for number in range(8)}
    world.table = dict(world.held)
    for step in range(60):
        _change(world, fold, dice, step)
    folded = fold.folded(world.ask_held, world.ask_table)
    assert world.applied(folded) == world.table


def _change(world: World, fold: Folding, dice: random.Random, step: int) -> None:
    table, action = world.table, dice.choices(["put", "update", "move", "delete", "empty"], [4, 8, 3, 3, 0.2])[0]
    new = (dice.randrange(10), dice.choice("a'"))
    if action == "empty":
        table.clear()
        fold.emptied()
    if action == "put" and new not in table:
        table[new] = (f"p{step}", dice.choice([None, "large", f"l{step}"]))
        fold.put(_key(new), _row(new, table[new]))
    if not table or action in {"put", "empty"}:
        return
    old = dice.choice(sorted(table))
    if action == "delete":
        del table[old]
        fold.gone(_key(old))
    elif action == "update":
        table[old] = (f"u{step}", table[old][1])
        fold.put(_key(old), [*_row(old, table[old])[:2], None, old[1]], kept=[2])
    elif new not in table:
        table[new] = (f"m{step}", table.pop(old)[1])
        fold.gone(_key(old))
        fold.put(_key(new), [*_row(new, table[new])[:2], None, new[1]], kept=[2], moved=True)


def _key(key: tuple[int, str]) -> tuple[str, str]:
    return str(key[0]), key[1]


def _row(key: tuple[int, str], values: tuple[str | None, str | None]) -> list[str | None]:
    return [values[0], str(key[0]), values[1], key[1]]


def test_what_an_earlier_change_says_is_not_asked(fold: Folding, tmp_path: Path) -> None:
    world = World(tmp_path)
    fold.put(("1", "a"), ["x", "1", None, "a"])
    fold.put(("1", "a"), ["y", "1", None, "a"], kept=[2])
    assert world.applied(fold.folded(world.ask_held, world.ask_table)) == {(1, "a"): ("y", None)}
    assert world.asked == []


def test_a_row_that_is_neither_held_nor_there_any_more_is_gone(fold: Folding, tmp_path: Path) -> None:
    """It was put aside, or too old to be kept; a later change says that it was deleted."""
    world = World(tmp_path)
    fold.put(("1", "a"), ["y", "1", None, "a"], kept=[2])
    folded = fold.folded(world.ask_held, world.ask_table)
    assert world.applied(folded) == {}
    assert world.asked == ["held", "table"]


def test_no_change_comes_to_nothing(fold: Folding, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.held = {(1, "a"): ("x", "y")}
    folded = fold.folded(world.ask_held, world.ask_table)
    assert (world.applied(folded), folded.anew, world.asked) == (world.held, False, [])
