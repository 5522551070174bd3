"""A plan says which columns move, and for whom that breaks something, adds something, or is nothing."""

from __future__ import annotations

from penstock.plan.movement import ColumnMovement, Effect, Movement, Shown, moved_columns
from penstock.plan.versions import versions_of
from penstock.project.reading import read_project

TABLE = "/* penstock\nmaterialize: table\n*/\n"
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/one.sql": TABLE + "SELECT 1 AS id, 2 AS a, 3 AS b\n",
    "pipelines/s/named.sql": TABLE + "SELECT id, a FROM s.one\n",
    "pipelines/s/star.sql": TABLE + "SELECT * FROM s.one\n",
    "pipelines/s/counted.sql": TABLE + "SELECT count(*) AS n FROM s.one\n",
    "pipelines/s/code.py": (
        'from penstock import task\n\n\n@task(reads={"one": "s.one"}, materialize="table")\n'
        "def code(one):\n    return one\n"
    ),
}
NONE, ADDS, BREAKS = Effect.NONE, Effect.ADDITIVE, Effect.BREAKING


def _moves(query: str, **known: bool) -> dict[str, ColumnMovement]:
    """What another query of `s.one` moves."""
    old = versions_of(read_project({path: text.encode() for path, text in FILES.items()}))
    edited = {**FILES, "pipelines/s/one.sql": TABLE + query}
    project = read_project({path: text.encode() for path, text in edited.items()})
    shown = {
        name: Shown(version=version.fingerprint, meanings=version.meanings if known.get("by_column", True) else {})
        for name, version in old.items()
    }
    return moved_columns(project, versions_of(project), shown).get("s.one", {})


def _effects(move: ColumnMovement) -> tuple[Effect, ...]:
    return tuple(move.consumers[f"s.{reader}"] for reader in ("named", "star", "counted", "code"))


def test_nothing_moves_where_nothing_changed() -> None:
    assert _moves("SELECT 1 AS id, 2 AS a, 3 AS b -- the same\n") == {}


def test_a_column_more() -> None:
    (column, move), *others = _moves("SELECT 1 AS id, 2 AS a, 3 AS b, 4 AS c\n").items()
    assert (column, move.movement, others) == ("c", Movement.ADDED, [])
    assert _effects(move) == (NONE, ADDS, NONE, ADDS)


def test_a_column_of_another_value() -> None:
    moves = _moves("SELECT 1 AS id, 22 AS a, 3 AS b\n")
    assert list(moves) == ["a"]
    assert moves["a"].movement is Movement.CHANGED
    assert _effects(moves["a"]) == (BREAKS, BREAKS, NONE, BREAKS)


def test_a_column_less_that_only_some_read() -> None:
    moves = _moves("SELECT 1 AS id, 2 AS a\n")
    assert {name: move.movement for name, move in moves.items()} == {"b": Movement.REMOVED}
    assert _effects(moves["b"]) == (NONE, BREAKS, NONE, BREAKS)


def test_other_rows_move_everything() -> None:
    moves = _moves("SELECT 1 AS id, 2 AS a, 3 AS b WHERE 1 = 2\n")
    assert {name: move.movement for name, move in moves.items()} == {"*": Movement.CHANGED}
    assert _effects(moves["*"]) == (BREAKS,) * 4


def test_what_is_not_known_by_column_moves_as_a_whole() -> None:
    moves = _moves("SELECT 1 AS id, 22 AS a, 3 AS b\n", by_column=False)
    assert list(moves) == ["*"]
