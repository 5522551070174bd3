"""A query without some of its columns has the same rows, and in what is left of it the same values."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.sql.columns import query_forms
from penstock.sql.pruning import Pruning

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = {
    "s.t": ("id", "a", "b", "g", "day", "items"),
    "s.u": ("id", "a", "v", "name"),
    "s.w": ("id", "parent", "label"),
}
QUERIES = [
    "SELECT id, a + 1 AS a1, b FROM s.t",
    "SELECT id, a AS x, x + 1 AS y, b FROM s.t",
    "SELECT a, b, sum(id) AS n, count(*) AS c FROM s.t GROUP BY a, b",
    "SELECT a AS k, sum(b) AS total FROM s.t GROUP BY k HAVING total > 3",
    "SELECT g, a, sum(b) AS total FROM s.t GROUP BY ALL",
    "SELECT g, sum(b) AS total, avg(a) AS mean FROM s.t GROUP BY 1 ORDER BY 2",
    "SELECT sum(a) AS s, max(b) AS m, count(*) AS n FROM s.t",
    "SELECT 1 AS one, 'x' AS two FROM s.t HAVING count(*) > 2",
    "SELECT DISTINCT a, b FROM s.t",
    "SELECT a, b FROM s.t UNION ALL SELECT v, id FROM s.u",
    "SELECT a, b FROM s.t UNION SELECT v, id FROM s.u",
    "SELECT a, b FROM s.t UNION ALL BY NAME SELECT id AS b, v AS a FROM s.u",
    "SELECT a, b FROM s.t EXCEPT SELECT a, id FROM s.u",
    "SELECT a AS k, b AS v FROM s.t UNION ALL SELECT id, v FROM s.u UNION ALL SELECT id, parent FROM s.w",
    "(SELECT a, b FROM s.t) UNION ALL (SELECT id, v FROM s.u)",
    "WITH x AS (SELECT id, a, b FROM s.t WHERE g > 1), y AS (SELECT id, a AS aa, b FROM x) SELECT id, aa, b FROM y",
    "WITH x AS (SELECT id, a, b FROM s.t) SELECT x.id, x.a, y.b FROM x JOIN x AS y ON x.id = y.a",
    "WITH x(p, q) AS (SELECT id, a FROM s.t) SELECT p, q FROM x",
    "WITH x AS (SELECT DISTINCT a, b FROM s.t) SELECT a, b FROM x",
    "WITH x AS (SELECT a, sum(b) AS total, max(id) AS last FROM s.t GROUP BY a) SELECT a, total, last FROM x",
    "WITH x AS (SELECT sum(b) AS total, max(id) AS last FROM s.t) SELECT s.t.id, x.total, x.last FROM s.t, x",
    """WITH RECURSIVE r AS (SELECT id, parent, 0 AS depth FROM s.w WHERE parent IS NULL UNION ALL
    SELECT w.id, w.parent, r.depth + 1 FROM s.w AS w JOIN r ON w.parent = r.id) SELECT id, depth, parent FROM r""",
    "SELECT o.id, o.a, u.name FROM (SELECT id, a, b FROM s.t WHERE b > 1) AS o LEFT JOIN s.u AS u ON u.id = o.id",
    "SELECT id, t.a, u.v, u.name FROM s.t AS t JOIN s.u AS u USING (id)",
    "SELECT id, a, name FROM s.t NATURAL JOIN s.u",
    "SELECT * FROM s.t",
    "SELECT *, a + b AS c FROM s.t",
    "SELECT * EXCLUDE (items), a * 2 AS twice FROM s.t",
    "WITH x AS (SELECT id, a, b FROM s.t) SELECT * FROM x",
    "WITH x AS (SELECT id, a, b FROM s.t) SELECT x.* FROM x JOIN s.u ON x.id = s.u.id",
    "SELECT id, row_number() OVER (PARTITION BY a ORDER BY id) AS n, b FROM s.t",
    "SELECT id, a, row_number() OVER (PARTITION BY a ORDER BY id) AS n FROM s.t QUALIFY n = 1",
    "SELECT id, a, b FROM s.t QUALIFY row_number() OVER (PARTITION BY g ORDER BY id DESC) = 1",
    "SELECT id, sum(b) OVER w AS run, a FROM s.t WINDOW w AS (PARTITION BY a ORDER BY id)",
    "SELECT id, unnest(items) AS item, a FROM s.t",
    "SELECT t.id, i.item, t.a FROM s.t AS t, LATERAL (SELECT unnest(t.items) AS item) AS i",
    "SELECT id, (SELECT max(v) FROM s.u WHERE u.id = t.id) AS m, a FROM s.t AS t",
    "SELECT id, a FROM s.t WHERE EXISTS (SELECT 1 FROM s.u WHERE u.id = s.t.id)",
    "SELECT id, a, b FROM s.t WHERE a IN (SELECT v FROM s.u)",
    "SELECT id, CASE WHEN a > 2 THEN b ELSE g END AS pick, day FROM s.t",
    "SELECT a, b FROM s.t ORDER BY 1, 2",
    "SELECT a, b, id FROM s.t ORDER BY b, id",
    'SELECT id, a AS "A quoted", b FROM s.t',
    "SELECT t.id AS id, struct_pack(x := t.a, y := t.b) AS s, t.g FROM s.t AS t",
    "SELECT id, t AS whole FROM s.t AS t",
    "FROM s.t SELECT id, a, b",
    "SELECT k, v FROM (VALUES (1, 'x'), (2, 'y')) AS f(k, v)",
    "SELECT id, list_transform(items, lambda i: i + 1) AS more, a FROM s.t",
    "SELECT g, count(*) FILTER (WHERE a > 1) AS many, sum(b) AS total FROM s.t GROUP BY g",
    "SELECT g, grouping(g) AS level, sum(b) AS total FROM s.t GROUP BY ROLLUP (g)",
    "WITH x AS (SELECT id, a FROM s.t UNION ALL SELECT id, v FROM s.u) SELECT id, a FROM x",
    """WITH x AS (SELECT id, a, b FROM s.t), y AS (SELECT a, count(*) AS n, max(b) AS m FROM x GROUP BY a)
    SELECT x.id, y.n, y.m FROM x JOIN y ON x.a = y.a""",
    "SELECT id, x FROM (PIVOT s.u ON name USING sum(v) GROUP BY id)",
    "SELECT p.id, p.x FROM (SELECT id, name, v FROM s.u) PIVOT (sum(v) FOR name IN ('x', 'y')) AS p",
    "SELECT id, a, b, /* , c */ g -- , d\n, day FROM s.t",
    "SELECT id, date_trunc('month', day) AS month, sum(b) AS total FROM s.t GROUP BY id, month",
]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    chance = random.Random(7)  # noqa: S311 - data for a test
    with duckdb.connect() as made:
        made.execute("CREATE SCHEMA s")
        made.execute("CREATE TABLE s.t (id INTEGER, a INTEGER, b INTEGER, g INTEGER, day DATE, items INTEGER[])")
        made.execute("CREATE TABLE s.u (id INTEGER, a INTEGER, v INTEGER, name VARCHAR)")
        made.execute("CREATE TABLE s.w (id INTEGER, parent INTEGER, label VARCHAR)")
        for number in range(40):
            few = [chance.choice([None, 0, 1, 2, 3]) for _ in range(4)]
            items = [chance.randrange(5) for _ in range(chance.randrange(3))]
            day = f"2024-0{chance.randrange(1, 4)}-11"
            made.execute("INSERT INTO s.t VALUES (?, ?, ?, ?, ?, ?)", [number % 30, *few[:3], day, items])
            made.execute("INSERT INTO s.u VALUES (?, ?, ?, ?)", [number % 25, few[0], few[3], chance.choice("xyz")])
        for number in range(12):
            made.execute("INSERT INTO s.w VALUES (?, ?, ?)", [number, number // 2 if number else None, f"l{number}"])
        yield made


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, columns: str = "*") -> Counter[str]:
    return Counter(map(str, connection.execute(f"SELECT {columns} FROM ({sql}) AS q").fetchall()))


@pytest.mark.parametrize("text", QUERIES)
def test_what_is_left_is_as_it_was(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    pruning = Pruning(text)
    names = [column[0] for column in connection.execute(text).description or ()]
    many = connection.execute(f"SELECT count(*) FROM ({text}) AS q").fetchone()
    without = pruning.keeping(())
    if without is not None:
        assert connection.execute(f"SELECT count(*) FROM ({without}) AS q").fetchone() == many
    for kept in [[name] for name in names] + [names[:2], names[1:]]:
        part = pruning.keeping(kept)
        if part is not None:
            columns = ", ".join(f'"{name}"' for name in kept)
            assert rows_of(connection, part, columns) == rows_of(connection, text, columns)


def test_most_of_these_can_be_told_apart() -> None:
    """A pruning that gives up would be right, and of no use."""
    apart = [text for text in QUERIES if (Pruning(text).keeping(()) or text) != text]
    assert len(apart) >= 40


@pytest.mark.parametrize(
    ("text", "keep", "left"),
    [
        ("SELECT a, b FROM s.t", "a", "SELECT a FROM s.t"),
        ("SELECT a, b FROM s.t", "", "SELECT 1 AS _rows FROM s.t"),
        ("SELECT sum(a) AS x, max(b) AS y FROM s.t", "", "SELECT count(*) AS _rows FROM s.t"),
        ("SELECT 1 AS k, max(b) AS y FROM s.t", "k", "SELECT count(*) AS _rows, 1 AS k FROM s.t"),
        (
            "WITH x AS (SELECT a, b, g FROM s.t) SELECT a, b FROM x",
            "b",
            "WITH x AS (SELECT b FROM s.t) SELECT b FROM x",
        ),
        (
            "WITH x AS (SELECT a, b FROM s.t), y AS (SELECT a, b FROM x) SELECT a, b FROM y",
            "",
            "WITH x AS (SELECT 1 AS _rows FROM s.t), y AS (SELECT 1 AS _rows FROM x) SELECT 1 AS _rows FROM y",
        ),
        ("SELECT a, b FROM s.t UNION ALL SELECT v, id FROM s.u", "b", "SELECT b FROM s.t UNION ALL SELECT id FROM s.u"),
        ("SELECT a, b, b AS c FROM s.t GROUP BY a, b, c", "a", "SELECT a, b, b AS c FROM s.t GROUP BY a, b, c"),
    ],
)
def test_what_nobody_asked_for_goes(text: str, keep: str, left: str) -> None:
    found = Pruning(text).keeping([keep] if keep else [])
    assert found is not None
    assert " ".join(found.split()).replace(" ,", ",") == left


EDITS = [
    # before, after, the columns that are others; "rows" if the rows are
    ("SELECT id, a FROM s.t", "SELECT id, a, b FROM s.t", {"b"}),
    ("SELECT id, a FROM s.t", "SELECT id, a + 1 AS a FROM s.t", {"a"}),
    ("SELECT id, a FROM s.t", "SELECT a, id FROM s.t", set()),
    ("SELECT id, a FROM s.t", "SELECT id, a FROM s.t WHERE b > 1", {"rows", "id", "a"}),
    ("SELECT id, sum(a) AS n FROM s.t GROUP BY id", "SELECT id, max(a) AS n FROM s.t GROUP BY id", {"n"}),
    ("SELECT sum(a) AS n FROM s.t", "SELECT a AS n FROM s.t", {"rows", "n"}),
    (
        "WITH x AS (SELECT id, a FROM s.t) SELECT id, a FROM x",
        "WITH x AS (SELECT id, a, b FROM s.t) SELECT id, a, b FROM x",
        {"b"},
    ),
    (
        "WITH x AS (SELECT id, a FROM s.t) SELECT id, a FROM x",
        "WITH x AS (SELECT id, a * 2 AS a FROM s.t) SELECT id, a FROM x",
        {"a"},
    ),
    ("SELECT t.id, u.v FROM s.t JOIN s.u USING (id)", "SELECT t.id, u.v FROM s.t LEFT JOIN s.u USING (id)", None),
]


@pytest.mark.parametrize(("before", "after", "moved"), EDITS)
def test_an_edit_moves_the_columns_it_is_about(before: str, after: str, moved: set[str] | None) -> None:
    one, two = query_forms(before, SCHEMA), query_forms(after, SCHEMA)
    assert one is not None
    assert two is not None
    found = {name for name in {*one.columns, *two.columns} if one.columns.get(name) != two.columns.get(name)}
    found |= {"rows"} if one.rows != two.rows else set()
    assert found == (moved if moved is not None else {"rows", *one.columns})


def test_what_shares_a_digest_has_the_same_values(connection: duckdb.DuckDBPyConnection) -> None:
    """Among all these queries: as many rows where those have one digest, the same values where a column has."""
    compared = 0
    forms = {text: found for text in QUERIES if (found := query_forms(text, SCHEMA)) is not None}
    for text, other in combinations(forms, 2):
        if forms[text].rows == forms[other].rows:
            compared += 1
            assert rows_of(connection, text, "1") == rows_of(connection, other, "1"), (text, other)
        for name, form in forms[text].columns.items():
            if forms[other].columns.get(name) == form:
                compared += 1
                assert rows_of(connection, text, f'"{name}"') == rows_of(connection, other, f'"{name}"'), (text, other)
    assert compared >= 40


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, a FROM s.t LIMIT 3",
        "SELECT DISTINCT a, b FROM s.t",
        "SELECT id, a FROM s.t ORDER BY b",
        "SELECT id, random() AS r FROM s.t",
        "SELECT id, t AS whole FROM s.t AS t",
        "SELECT id, rowid AS r FROM s.t",
        "SELECT id, unnest(items) AS i FROM s.t",
        "SELECT id, some_macro(a) AS m FROM s.t",
        "SELECT list(a) AS l FROM s.t",
        "SELECT q.x FROM s.t AS q(x, y)",
        "SELECT id, (SELECT max(v) FROM s.u WHERE u.id = t.id) AS m FROM s.t AS t",
        "SELECT a, b FROM s.t GROUP BY 1, 2",
        "SELECT k: a FROM s.t",
        "FROM s.t SELECT a",
        "SELECT id, a FROM s.t USING SAMPLE 3 ROWS",
        "SELECT id, a AS id FROM s.t",
        "SELECT id, a + 1 FROM s.t",
        "SELECT * FROM s.unknown",
        "WITH x AS (SELECT id FROM s.t LIMIT 1) SELECT id FROM x",
    ],
)
def test_what_cannot_be_told_apart_has_no_forms(text: str) -> None:
    assert query_forms(text, SCHEMA) is None


@pytest.mark.parametrize("text", ["SELECT * FROM s.u", "WITH x AS (SELECT * FROM s.u) SELECT id, v FROM x"])
def test_what_a_star_stands_for_is_told_by_the_columns_in_their_order(text: str) -> None:
    forms = query_forms(text, SCHEMA)
    turned = query_forms(text, {**SCHEMA, "s.u": ("id", "v", "a", "name")})
    assert forms is not None
    assert turned is not None
    assert forms.rows.digest != turned.rows.digest
    assert all(forms.columns[name].digest != turned.columns[name].digest for name in forms.columns)


def test_counting_rows_is_no_star() -> None:
    text = "SELECT count(*) AS n FROM s.u"
    assert query_forms(text, SCHEMA) == query_forms(text, {**SCHEMA, "s.u": ("id", "v", "a", "name")})
