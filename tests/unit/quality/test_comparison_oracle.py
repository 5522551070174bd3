"""A diff finds what a naive reading of the rows finds: floats without order, NULL and repeated keys, nested values."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.quality.comparison import compare, compare_queries, read_diff
from penstock.quality.comparison_passes import Repeats, keyed_pass, sizes_of, sizes_query
from penstock.quality.comparison_sql import Pair, Side, shared_columns

if TYPE_CHECKING:
    from penstock.quality.comparison import DatasetDiff

Row = tuple[Any, ...]
Rows = list[Row]

TYPES = {"a": "INTEGER", "b": "DOUBLE", 'say "c"': "VARCHAR", "d": "INTEGER[]", "e": "STRUCT(x INTEGER)"}
NAMES = tuple(TYPES)
floats = st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf])
rows = st.tuples(
    st.none() | st.integers(0, 2),
    st.none() | floats,
    st.none() | st.sampled_from(["", "x", "it's"]),
    st.none() | st.lists(st.integers(0, 1), max_size=2),
    st.none() | st.fixed_dictionaries({"x": st.none() | st.integers(0, 1)}),
)
tables = st.lists(rows, max_size=8)
keys = st.sampled_from([("a",), ("b",), ('say "c"',), ("a", "b"), ('say "c"', "a"), ("d",), ("e", "a"), NAMES])


class Asked:
    """A connection that remembers what it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.asked: list[str] = []

    def __call__(self, sql: str) -> list[Row]:
        self.asked.append(sql)
        return self.connection.execute(sql).fetchall()

    def side(self, name: str, content: Rows) -> Side:
        self.connection.execute(f"CREATE TABLE {name} ({', '.join(_column(*pair) for pair in TYPES.items())})")
        if content:
            places = ", ".join("?" * len(TYPES))
            self.connection.executemany(f"INSERT INTO {name} VALUES ({places})", [list(row) for row in content])
        return Side(relation=name, columns=tuple(TYPES.items()))


def _column(name: str, type_: str) -> str:
    return '"' + name.replace('"', '""') + '" ' + type_


def compared(old: Rows, new: Rows, key: tuple[str, ...], limit: int) -> tuple[DatasetDiff, DatasetDiff]:
    """By asking back, and in one query."""
    with duckdb.connect() as connection:
        ask = Asked(connection)
        sides = ask.side("before", old), ask.side("after", new)
        found = compare(ask, "a.b", *sides, key=key, limit=limit)
        comparison = compare_queries("a.b", *sides, key=key, limit=limit)
        return found, read_diff(comparison, {name: ask(sql) for name, sql in comparison.queries.items()})


def comparable(value: Any) -> Any:
    """Equal where DuckDB calls values equal, ordered as it orders them: NaN is the largest number, NULL comes last."""
    if value is None:
        return (2,)
    if isinstance(value, float):
        return (0, 1, 0.0) if math.isnan(value) else (0, 0, value + 0.0)
    if isinstance(value, dict):
        return (0, comparable(value["x"]))
    return (0, tuple(value) if isinstance(value, list) else value)


def plain(content: Rows) -> list[Row]:
    return [tuple(comparable(value) for value in row) for row in content]


def naive_by_key(old: Rows, new: Rows, at: list[int]) -> tuple[int, int, list[tuple[Row, Row]]]:
    """Added, removed, and the matched pairs: the n-th of equal keys with the n-th."""
    sides: tuple[dict[Row, list[Row]], dict[Row, list[Row]]] = defaultdict(list), defaultdict(list)
    for side, content in zip(sides, (old, new), strict=True):
        for row in sorted(plain(content), key=lambda row: [value for i, value in enumerate(row) if i not in at]):
            side[tuple(row[i] for i in at)].append(row)
    added = sum(max(len(found) - len(sides[0].get(key, [])), 0) for key, found in sides[1].items())
    removed = sum(max(len(found) - len(sides[1].get(key, [])), 0) for key, found in sides[0].items())
    matched = [
        pair for key in sides[0].keys() & sides[1].keys() for pair in zip(sides[0][key], sides[1][key], strict=False)
    ]
    return added, removed, matched


@settings(max_examples=60, deadline=None)
@given(old=tables, new=tables, key=keys)
def test_a_diff_by_key_is_what_a_naive_matching_finds(old: Rows, new: Rows, key: tuple[str, ...]) -> None:
    found, at_once = compared(old, new, key, limit=2)
    assert found == at_once
    added, removed, matched = naive_by_key(old, new, [NAMES.index(name) for name in key])
    assert (found.added, found.removed) == (added, removed)
    assert found.changed == sum(one != other for one, other in matched)
    changed = [sum(one[at] != other[at] for one, other in matched) for at, _ in enumerate(NAMES)]
    assert [column.changed_rows for column in found.columns] == changed
    shown = Counter(example.column for example in found.examples)
    assert [shown[name] for name in NAMES] == [min(2, count) for count in changed]
    assert shown[None] == min(2, added) + min(2, removed)


@settings(max_examples=40, deadline=None)
@given(old=tables, new=tables)
def test_a_diff_without_a_key_is_the_difference_of_two_multisets(old: Rows, new: Rows) -> None:
    found, at_once = compared(old, new, (), limit=2)
    assert found == at_once
    before, after = Counter(plain(old)), Counter(plain(new))
    came, went = after - before, before - after
    assert (found.added, found.removed, found.changed) == (came.total(), went.total(), 0)
    assert len(found.examples) == min(2, len(came)) + min(2, len(went))
    for at, column in enumerate(found.columns):
        net = Counter[Any]()
        for row, count in came.items():
            net[row[at]] += count
        for row, count in went.items():
            net[row[at]] -= count
        gained = sum(count for count in net.values() if count > 0)
        assert column.changed_rows == min(gained, gained - came.total() + went.total())


def row_of(number: int, text: str) -> Row:
    return (number, 0.0, text, None, None)


def test_examples_are_the_first_by_key_and_a_null_key_comes_last() -> None:
    old = [(at, 0.0, "x", [at], None) for at in (None, 3, 1, 2)]
    new = [(at, 0.0, "y", [at], None) for at in (None, 3, 1, 2)]
    assert [example.key for example in compared(old, new, ("a",), 2)[0].examples] == [(("a", "1"),), (("a", "2"),)]
    assert [example.key[0][1] for example in compared(old, new, ("a",), 4)[0].examples] == ["1", "2", "3", None]


def test_unique_keys_are_joined_once() -> None:
    with duckdb.connect() as connection:
        ask = Asked(connection)
        sides = ask.side("before", [row_of(1, "x")]), ask.side("after", [row_of(1, "y")])
        assert compare(ask, "a.b", *sides, key=("a",)).changed == 1
    assert [sql.count("FULL JOIN") for sql in ask.asked] == [0, 2]  # the sizes; the pass, and its examples


def test_a_key_that_repeats_on_one_side_only_is_noticed_by_the_join_itself() -> None:
    with duckdb.connect() as connection:
        ask = Asked(connection)
        sides = (
            ask.side("before", [row_of(1, "x"), row_of(2, "x")]),
            ask.side("after", [row_of(1, "x"), row_of(1, "y")]),
        )
        found = compare(ask, "a.b", *sides, key=("a",))
    assert (found.added, found.removed, found.changed) == (1, 1, 0)
    assert len(ask.asked) == 3


def test_a_key_that_repeats_without_a_match_needs_no_second_pass() -> None:
    with duckdb.connect() as connection:
        ask = Asked(connection)
        sides = ask.side("before", [row_of(1, "x"), row_of(1, "y")]), ask.side("after", [row_of(2, "x")])
        found = compare(ask, "a.b", *sides, key=("a",))
    assert (found.added, found.removed, found.changed) == (1, 2, 0)
    assert len(ask.asked) == 2


def test_keys_that_repeat_very_often_are_never_joined_with_each_other() -> None:
    """1,000 equal keys on both sides would be a million pairs."""
    with duckdb.connect() as connection:
        ask = Asked(connection)
        sides = ask.side("before", [row_of(1, "x")] * 1_000), ask.side("after", [row_of(1, "x")] * 999)
        pair = Pair(old=sides[0], new=sides[1], shared=shared_columns(*sides, frozenset()))
        found = compare(ask, "a.b", *sides, key=("a",))
    assert keyed_pass(pair, ("a",), Repeats.UNSEEN) not in ask.asked
    assert (found.added, found.removed, found.changed) == (0, 1, 0)


@pytest.mark.parametrize(("repeat", "repeating"), [(1, False), (3, True), (50, True)])
def test_the_estimate_of_pairs_tells_keys_that_repeat(repeat: int, repeating: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE before AS SELECT i // {repeat} AS id FROM range(200000) AS t(i)")
        side = Side(relation="before", columns=(("id", "BIGINT"),))
        pair = Pair(old=side, new=side, shared=shared_columns(side, side, frozenset()))
        sizes = sizes_of(connection.execute(sizes_query(pair, ("id",))).fetchall()[0])
    assert (sizes.old_rows, sizes.new_rows, sizes.repeating) == (200_000, 200_000, repeating)
    assert sizes.pairs == pytest.approx(200_000 * repeat, rel=0.1)


def test_a_retyped_key_matches_by_value() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE before AS SELECT i::INTEGER AS id, 1 AS v FROM range(2000) AS t(i)")
        connection.execute("CREATE TABLE after AS SELECT i::DECIMAL(10,2) AS id, 1 AS v FROM range(2000) AS t(i)")
        sides = [
            Side(relation=name, columns=(("id", type_), ("v", "INTEGER")))
            for name, type_ in (("before", "INTEGER"), ("after", "DECIMAL(10,2)"))
        ]
        found = compare(Asked(connection), "a.b", *sides, key=("id",))
    assert (found.added, found.removed, found.changed) == (0, 0, 0)
    assert found.schema_retyped == (("id", "INTEGER", "DECIMAL(10,2)"),)


@pytest.mark.parametrize("names", [("k", "ks"), ("l", "n"), ("o", "w"), ("t0", "s1"), ("part", "place")])
def test_columns_may_have_any_name(names: tuple[str, str]) -> None:
    key, value = names
    with duckdb.connect() as connection:
        for name, content in (("old", 1), ("new", 2)):
            connection.execute(f'CREATE TABLE {name} AS SELECT 1 AS "{key}", {content} AS "{value}"')
        sides = [Side(relation=name, columns=((key, "INTEGER"), (value, "INTEGER"))) for name in ("old", "new")]
        ask = Asked(connection)
        assert compare(ask, "a.b", *sides, key=(key,)).columns[1].changed_rows == 1
        assert compare(ask, "a.b", *sides, key=(key, value)).added == 1
        assert compare(ask, "a.b", *sides).added == 1
