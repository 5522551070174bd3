"""Two relations compared: what was added, removed, changed and moved, exactly."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.quality.comparison import (
    COMPARED,
    ColumnMovement,
    DatasetDiff,
    compare_queries,
    digest_query,
    read_diff,
)
from penstock.quality.comparison import compare as compare_relations
from penstock.quality.comparison_sql import Side

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection
Row = tuple[Any, ...]

Columns = tuple[tuple[str, str], ...]

COLUMNS = (("day", "DATE"), ("c0", "VARCHAR"), ("gross", "DECIMAL(18,2)"))


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        yield connection


def make(duck: Duck, name: str, columns: Columns, rows: list[Row]) -> Side:
    spec = ", ".join(f'"{column}" {type_}' for column, type_ in columns)
    duck.execute(f'CREATE OR REPLACE TABLE "{name}" ({spec})')
    if rows:
        duck.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})', [list(row) for row in rows])
    return Side(relation=f'"{name}"', columns=tuple(columns))


def diff(duck: Duck, old: Side, new: Side, **options: Any) -> DatasetDiff:
    """The difference, found in both ways: asking back, and in one query. They must agree."""
    comparison = compare_queries("sales.daily", old, new, **options)
    at_once = read_diff(comparison, {name: duck.execute(sql).fetchall() for name, sql in comparison.queries.items()})
    found = compare_relations(lambda sql: duck.execute(sql).fetchall(), "sales.daily", old, new, **options)
    assert found == at_once
    return found


def compare(
    duck: Duck,
    old_rows: list[Row],
    new_rows: list[Row],
    columns: Columns = COLUMNS,
    new_columns: Columns | None = None,
    **options: Any,
) -> DatasetDiff:
    old = make(duck, "old", columns, old_rows)
    return diff(duck, old, make(duck, "new", new_columns or columns, new_rows), **options)


def counts(found: DatasetDiff) -> tuple[int, int, int, int, int]:
    return (found.old_rows, found.new_rows, found.added, found.removed, found.changed)


OLD = [("2011-01-04", "UK", "10.00"), ("2011-01-05", "UK", "20.00"), ("2011-01-05", None, "5.00")]
NEW = [("2011-01-04", "UK", "10.00"), ("2011-01-05", "UK", "21.00"), ("2011-01-06", "UK", "1.50")]


def test_rows_are_matched_by_their_key(duck: Duck) -> None:
    found = compare(duck, OLD, NEW, key=("day", "c0"))
    assert counts(found) == (3, 3, 1, 1, 1)
    assert found.columns == (
        ColumnMovement(name="day", numeric=False, changed_rows=0),
        ColumnMovement(name="c0", numeric=False, changed_rows=0),
        ColumnMovement(name="gross", numeric=True, changed_rows=1, old_total=Decimal("35.00"),
                       new_total=Decimal("32.50"), percent=Decimal("-7.1429")),
    )  # fmt: skip


def test_examples_say_which_row_and_what_it_was(duck: Duck) -> None:
    changed, added, removed = compare(duck, OLD, NEW, key=("day", "c0")).examples
    assert (changed.key, changed.column) == ((("day", "2011-01-05"), ("c0", "UK")), "gross")
    assert (changed.old, changed.new) == ("20.00", "21.00")
    assert (added.column, added.old, added.key[0][1]) == (None, None, "2011-01-06")
    assert "1.50" in (added.new or "")
    assert (removed.column, removed.new, removed.key[1][1]) == (None, None, None)


def test_a_null_in_the_key_matches_a_null(duck: Duck) -> None:
    found = compare(duck, [(None, None, "1")], [(None, None, "2")], key=("day", "c0"))
    assert counts(found) == (1, 1, 0, 0, 1)


def test_a_null_that_becomes_a_value_is_a_change(duck: Duck) -> None:
    found = compare(duck, [("2011-01-04", "UK", None)], [("2011-01-04", "UK", "0")], key=("day",))
    assert (found.changed, found.columns[2].old_total, found.columns[2].new_total) == (1, None, Decimal("0.00"))


def test_a_key_that_repeats_matches_row_by_row(duck: Duck) -> None:
    twice = [("2011-01-04", "UK", "1"), ("2011-01-04", "UK", "2")]
    assert compare(duck, twice, list(reversed(twice)), key=("day", "c0")).empty
    assert counts(compare(duck, twice, twice[:1], key=("day", "c0"))) == (2, 1, 0, 1, 0)


def test_rows_without_a_key_are_added_or_removed_as_often_as_they_stand_there(duck: Duck) -> None:
    found = compare(duck, [OLD[0], OLD[0], OLD[2]], [OLD[0], NEW[2], NEW[2]])
    assert counts(found) == (3, 3, 2, 2, 0)


def test_without_a_key_a_column_moved_where_values_gave_way_to_others(duck: Duck) -> None:
    swapped = [(day, country, "99.00") for day, country, _ in OLD]
    moved = {column.name: column.changed_rows for column in compare(duck, OLD, swapped).columns}
    assert moved == {"day": 0, "c0": 0, "gross": 3}


def test_without_a_key_rows_that_were_only_added_move_no_column_but_totals(duck: Duck) -> None:
    found = compare(duck, OLD, [*OLD, NEW[2]])
    assert [column.changed_rows for column in found.columns] == [0, 0, 0]
    assert found.columns[2].percent == Decimal("4.2857")


def test_examples_without_a_key_are_whole_rows(duck: Duck) -> None:
    added, removed = compare(duck, OLD[:1], NEW[2:]).examples
    assert ("1.50" in (added.new or ""), added.old, added.key) == (True, None, ())
    assert ("10.00" in (removed.old or ""), removed.new) == (True, None)


@pytest.mark.parametrize("key", [("c0",), ("day",), ()])
def test_masked_columns_never_show_a_value(duck: Duck, key: tuple[str, ...]) -> None:
    old, new = [("2011-01-04", "Ann", "1"), ("2011-01-05", "Bob", "1")], [("2011-01-04", "Cyd", "2")]
    found = compare(duck, old, new, key=key, masked=frozenset({"c0"}))
    assert found.examples
    assert not {"Ann", "Bob", "Cyd"} & set(repr(found.examples).replace("'", " ").replace(",", " ").split())
    assert "•••" in repr(found.examples)


def test_examples_are_limited_for_each_column_and_kind(duck: Duck) -> None:
    old = [(f"2011-01-{day:02}", "UK", "1") for day in range(1, 9)]
    new = [(day, "FR", "2") for day, _, _ in old]
    found = compare(duck, old, new, key=("day",), limit=2)
    assert Counter(example.column for example in found.examples) == {"c0": 2, "gross": 2}
    assert [example.key[0][1] for example in found.examples] == ["2011-01-01", "2011-01-02"] * 2


def test_columns_of_one_side_only_are_named_and_not_compared(duck: Duck) -> None:
    wider = (*COLUMNS[:2], ("net", "DOUBLE"))
    found = compare(duck, OLD, [(*row[:2], 1.0) for row in OLD], new_columns=wider, key=("day", "c0"))
    assert (found.schema_added, found.schema_removed, found.changed, found.empty) == (("net",), ("gross",), 0, False)


def test_a_retyped_number_is_compared_by_value_and_other_types_as_text(duck: Duck) -> None:
    columns = (("id", "INTEGER"), ("n", "INTEGER"), ("t", "DATE"))
    new_columns = (("id", "BIGINT"), ("n", "DECIMAL(10,2)"), ("t", "VARCHAR"))
    rows = [(1, 5, "2011-01-04")]
    found = compare(duck, rows, rows, columns=columns, new_columns=new_columns, key=("id",))
    assert found.changed == 0
    assert found.schema_retyped == (
        ("id", "INTEGER", "BIGINT"), ("n", "INTEGER", "DECIMAL(10,2)"), ("t", "DATE", "VARCHAR"),
    )  # fmt: skip
    assert compare(duck, rows, rows, columns=columns, new_columns=new_columns).added == 0


def test_values_of_types_that_do_not_compare_are_compared_as_text(duck: Duck) -> None:
    columns, new_columns = (("id", "INTEGER"), ("n", "INTEGER")), (("id", "INTEGER"), ("n", "VARCHAR"))
    found = compare(duck, [(1, 5), (2, 6)], [(1, "5"), (2, "six")], columns, new_columns, key=("id",))
    assert (found.changed, found.columns[1].old_total) == (1, None)


def test_without_any_common_column_only_rows_are_counted(duck: Duck) -> None:
    found = compare(duck, [(1,)], [(1,), (2,)], columns=(("a", "INTEGER"),), new_columns=(("b", "INTEGER"),))
    assert (found.old_rows, found.new_rows, found.columns) == (1, 2, ())


def test_a_key_that_one_side_lacks_is_no_key(duck: Duck) -> None:
    found = compare(duck, OLD, [row[1:] for row in OLD], new_columns=COLUMNS[1:], key=("day",))
    assert counts(found) == (3, 3, 0, 0, 0)


def test_a_new_dataset_is_compared_with_nothing(duck: Duck) -> None:
    new = make(duck, "new", COLUMNS, NEW)
    found = diff(duck, make(duck, "old", COLUMNS, []), new, key=("day", "c0"))
    assert counts(found) == (0, 3, 3, 0, 0)
    assert found.columns[2].percent is None


def test_floating_totals_do_not_depend_on_order(duck: Duck) -> None:
    columns = (("id", "INTEGER"), ("f", "DOUBLE"))
    rows = list(enumerate([1e15, 0.1, -1e15, 0.2, float("nan"), float("inf"), 0.3]))
    there = compare(duck, rows, list(reversed(rows)), columns=columns, key=("id",))
    assert there.columns[1].old_total == there.columns[1].new_total == Decimal("0.6")
    assert there.empty


@pytest.mark.parametrize(
    ("values", "lost"),
    [(("1.00", "3.00"), True), (("1.00", "2.50"), False), ((None, None), False)],
)
def test_values_that_are_all_whole_now_have_lost_their_fractions(
    duck: Duck, values: tuple[str | None, ...], lost: bool
) -> None:
    old = [("2011-01-04", "UK", "1.25"), ("2011-01-05", "UK", "2.75")]
    new = [(day, country, value) for (day, country, _), value in zip(old, values, strict=True)]
    for key in (("day",), ()):
        assert [column.lost_fractions for column in compare(duck, old, new, key=key).columns] == [False, False, lost]
    whole = [(day, country, "7.00") for day, country, _ in old]
    assert not any(column.lost_fractions for column in compare(duck, whole, new, key=("day",)).columns)


def test_percent_is_of_the_absolute_old_total(duck: Duck) -> None:
    columns = (("id", "INTEGER"), ("n", "INTEGER"))
    found = compare(duck, [(1, -3)], [(1, -4)], columns=columns, key=("id",))
    assert found.columns[1].percent == Decimal("-33.3333")
    still = compare(duck, [(1, 0)], [(1, 0)], columns=columns, key=("id",))
    assert still.columns[1].percent == 0


def test_a_result_that_is_missing_is_an_error(duck: Duck) -> None:
    side = make(duck, "old", COLUMNS, OLD)
    with pytest.raises(KeyError, match=COMPARED):
        read_diff(compare_queries("a.b", side, side), {})


def digest(duck: Duck, rows: list[Row], columns: Columns = COLUMNS) -> str:
    side = make(duck, "digested", columns, rows)
    return str(duck.execute(digest_query(side.relation, side.columns)).fetchall()[0][0])


def test_a_digest_does_not_depend_on_the_order_of_rows(duck: Duck) -> None:
    assert digest(duck, OLD) == digest(duck, list(reversed(OLD)))


@pytest.mark.parametrize(
    "rows", [OLD[:2], [*OLD, OLD[0]], [*OLD, OLD[0], OLD[0]], [*OLD[:2], ("2011-01-05", "", "5.00")], []]
)
def test_a_digest_tells_rows_and_how_often_they_stand_there(duck: Duck, rows: list[Row]) -> None:
    assert digest(duck, rows) != digest(duck, OLD)


def test_a_digest_tells_one_pair_of_equal_rows_from_another(duck: Duck) -> None:
    assert digest(duck, [OLD[0], OLD[0]]) != digest(duck, [OLD[1], OLD[1]])


def test_a_digest_covers_the_schema(duck: Duck) -> None:
    renamed = (("date", "DATE"), *COLUMNS[1:])
    assert (
        len({digest(duck, []), digest(duck, [], renamed), digest(duck, [], (*COLUMNS[:2], ("gross", "DOUBLE")))}) == 3
    )


cells = st.none() | st.integers(0, 2)
tables = st.lists(st.tuples(cells, cells, cells), max_size=7)
ABC = (("a", "INTEGER"), ("b", "INTEGER"), ("c", "INTEGER"))


@settings(max_examples=40, deadline=None)
@given(tables, tables, st.sampled_from([(), ("a",), ("a", "b"), ("b", "a")]))
def test_counts_are_those_a_reading_of_the_rows_would_find(
    old: list[Row], new: list[Row], key: tuple[str, ...]
) -> None:
    with duckdb.connect() as connection:
        found = compare(connection, old, new, columns=ABC, key=key, limit=100)
        same = digest(connection, old, ABC) == digest(connection, new, ABC)
    assert same == (Counter(old) == Counter(new)) == found.empty
    assert (found.old_rows, found.new_rows) == (len(old), len(new))
    assert found.new_rows - found.old_rows == found.added - found.removed
    assert [one.new_total or 0 for one in found.columns] == [sum(row[at] or 0 for row in new) for at in range(3)]
    if not key:
        assert (found.added, found.removed) == (
            (Counter(new) - Counter(old)).total(),
            (Counter(old) - Counter(new)).total(),
        )
        return
    where = [{"a": 0, "b": 1}[name] for name in key]
    groups = [Counter(tuple(row[at] for at in where) for row in rows) for rows in (old, new)]
    assert (found.added, found.removed) == ((groups[1] - groups[0]).total(), (groups[0] - groups[1]).total())
    assert sum(example.column is not None for example in found.examples) == sum(
        one.changed_rows for one in found.columns
    )
    if max((*groups[0].values(), *groups[1].values(), 0)) < 2:
        matched = [(one, other) for one in old for other in new if all(one[at] == other[at] for at in where)]
        assert found.changed == sum(one != other for one, other in matched)
        assert [one.changed_rows for one in found.columns] == [
            sum(o[at] != n[at] for o, n in matched) for at in range(3)
        ]
