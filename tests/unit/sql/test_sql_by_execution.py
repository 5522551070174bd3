"""What is said of a query's columns, held against what DuckDB does: 220 queries of every shape.

For lineage: change one column of one table, and look which columns of the answer move.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import duckdb
import pytest
from query_maker import TABLES, Maker

from penstock.sql.columns import query_forms
from penstock.sql.lineage import Lineage, column_lineage
from penstock.sql.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("made_queries")]  # asked once, not once in each process

SEEDS = range(220)
CHANGES = ("CASE WHEN id % 3 = 0 THEN {} ELSE {} - 1 END", "CASE WHEN {} IS NULL THEN 2 ELSE {} + 7 END")
Answer = dict[str, Counter[object]]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    chance = random.Random(11)  # noqa: S311 - data for a test
    with duckdb.connect() as made:
        made.execute("SET threads = 1")
        for schema in ("s", "kept"):
            made.execute(f"CREATE SCHEMA {schema}")
        made.execute("CREATE TABLE kept.t (id INTEGER, a INTEGER, b INTEGER, g INTEGER)")
        made.execute("CREATE TABLE kept.u (id INTEGER, v INTEGER, w INTEGER)")
        made.execute("CREATE TABLE kept.l (id INTEGER, items INTEGER[])")
        for number in range(12):
            few = [chance.choice([None, 0, 1, 2, 3]) for _ in range(5)]
            made.execute("INSERT INTO kept.t VALUES (?, ?, ?, ?)", [number % 9, *few[:3]])
            made.execute("INSERT INTO kept.u VALUES (?, ?, ?)", [number % 7, *few[3:]])
        for number in range(5):
            made.execute("INSERT INTO kept.l VALUES (?, ?)", [number, [number, 1][: number % 3]])
        for table in ("t", "u", "l"):
            made.execute(f"CREATE TABLE s.{table} AS FROM kept.{table}")
        yield made


def _answer(connection: duckdb.DuckDBPyConnection, text: str) -> Answer:
    """Each column's values, and under "" how many rows there are."""
    found = connection.execute(text)
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    values: Answer = {name: Counter(str(row[place]) for row in rows) for place, name in enumerate(names)}
    values[""] = Counter({"rows": len(rows)})
    return values


def _changed(connection: duckdb.DuckDBPyConnection, dataset: str, column: str, change: str) -> None:
    table = dataset.partition(".")[2]
    value = change.replace("{}", column) if column != "items" else "list_append(items, 3)"
    connection.execute(f"CREATE OR REPLACE TABLE s.{table} AS SELECT * REPLACE ({value} AS {column}) FROM kept.{table}")


def _restored(connection: duckdb.DuckDBPyConnection, dataset: str) -> None:
    table = dataset.partition(".")[2]
    connection.execute(f"CREATE OR REPLACE TABLE s.{table} AS FROM kept.{table}")


@pytest.fixture(scope="module")
def asked(connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, Answer, Lineage], ...]:
    """Each query, what it answers over the tables as they are, and its lineage."""
    queries = [Maker(seed).query()[0] for seed in SEEDS]
    return tuple((text, _answer(connection, text), column_lineage(text, TABLES)) for text in queries)


@pytest.mark.parametrize("dataset", sorted(TABLES))
def test_whatever_moves_is_in_the_lineage(
    connection: duckdb.DuckDBPyConnection, asked: tuple[tuple[str, Answer, Lineage], ...], dataset: str
) -> None:
    moved = 0
    for column in TABLES[dataset]:
        for change in CHANGES if column != "items" else CHANGES[:1]:
            _changed(connection, dataset, column, change)
            for text, was, lineage in asked:
                if dataset not in text:  # it reads other tables, and cannot move
                    continue
                now = _answer(connection, text)
                rows = {(ref.dataset, ref.column) for ref in lineage.rows}
                for name, values in was.items():
                    if now[name] == values:
                        continue
                    moved += 1
                    made_of = {(ref.dataset, ref.column) for ref in lineage.columns.get(name, ())}
                    assert (dataset, column) in made_of | rows, (text, name, column)
            _restored(connection, dataset)
    assert moved > 50  # the changes were felt


def test_what_is_left_of_a_query_is_as_it_was(connection: duckdb.DuckDBPyConnection) -> None:
    left_out = 0
    for seed in SEEDS:
        text, names = Maker(seed).query()
        whole, pruning = _answer(connection, text), Pruning(text)
        for kept in [(), *((name,) for name in names)]:
            part = pruning.keeping(kept)
            if part is None:
                continue
            left_out += part != text
            found = _answer(connection, part)
            assert found[""] == whole[""], (text, part)
            for name in kept:
                assert found[name] == whole[name], (text, part)
    assert left_out > 200


def test_what_a_form_does_not_read_decides_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """Every column that a form does not name is filled anew; the rows, or the column, are as they were."""
    tried = 0
    for seed in range(500):
        text, _ = Maker(seed).query()
        forms = query_forms(text, TABLES)
        if forms is None:
            continue
        whole = _answer(connection, text)
        for name, form in (("", forms.rows), *forms.columns.items()):
            kept = set(form.reads)
            for dataset, columns in TABLES.items():
                others = [column for column in columns if (dataset, column) not in kept and column != "items"]
                values = ", ".join(
                    f"(hash({place}, rowid) % 5)::INTEGER AS {each}" for place, each in enumerate(others)
                )
                table = dataset.partition(".")[2]
                replaced = f" REPLACE ({values})" if values else ""
                connection.execute(f"CREATE OR REPLACE TABLE {dataset} AS SELECT *{replaced} FROM kept.{table}")
            assert _answer(connection, text)[name] == whole[name], (text, name)
            tried += 1
        for dataset in TABLES:
            _restored(connection, dataset)
    assert tried > 300


def test_columns_of_one_digest_have_the_same_values_row_by_row(connection: duckdb.DuckDBPyConnection) -> None:
    """A query, and the same with other columns beside them or in another order."""
    compared = 0
    for seed in SEEDS:
        text, names = Maker(seed).query()
        if len(names) < 2:
            continue
        wider = f"WITH q AS ({text}) SELECT {', '.join(reversed(names))}, {names[0]} AS more FROM q"
        again = f"WITH q AS ({text}) SELECT {', '.join(names)} FROM q"
        one, two = query_forms(again, TABLES), query_forms(wider, TABLES)
        if one is None or two is None:
            continue
        same = [name for name in names if one.columns[name] == two.columns[name]]
        assert one.rows == two.rows
        assert same == list(names)
        compared += 1
        listed = ", ".join(same)
        rows = [
            Counter(map(str, connection.execute(f"SELECT {listed} FROM ({sql})").fetchall())) for sql in (again, wider)
        ]
        assert rows[0] == rows[1], text
    assert compared > 20
