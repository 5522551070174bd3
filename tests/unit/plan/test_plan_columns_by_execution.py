"""Edits that once slipped through, or might: whatever has the same version before and after has the same rows.

Both projects are built on DuckDB from the same source. A pair passes if every dataset whose version did not move holds
what it held, and if the one whose rows are known to move did move.
"""

from __future__ import annotations

import random
from collections import Counter

import duckdb
import pytest

from penstock.model.pipelines import Project, SqlTask
from penstock.model.sources import FileSource
from penstock.plan.order import topological
from penstock.plan.versions import versions_of
from penstock.project.reading import read_project

pytestmark = pytest.mark.slow

HEADER = "/* penstock\nmaterialize: table\n*/\n"
COLUMNS = "[id, a, b, g]"
BASE = "SELECT id::INT AS id, a::INT AS a, b::INT AS b, g::INT AS g FROM s.raw"
MOVED = "SELECT id::INT AS id, a::INT AS a, b::INT // 2 AS b, g::INT AS g FROM s.raw"
TURNED = "SELECT id::INT AS id, b::INT AS b, a::INT AS a, g::INT AS g FROM s.raw"
ORDERED = f"{BASE} ORDER BY b::INT, id::INT"
COUNT = "SELECT count(*) AS n FROM s.mid"


def _project(queries: dict[str, str], columns: str = COLUMNS) -> Project:
    files = {
        "penstock.yaml": "name: shop\n",
        "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
        "pipelines/s/raw.source.yaml": f"format: csv\npath: d.csv\ncolumns: {columns}\n",
        **{f"pipelines/s/{name}.sql": f"{HEADER}{query}\n" for name, query in queries.items()},
    }
    return read_project({path: text.encode() for path, text in files.items()})


def _built(project: Project) -> dict[str, tuple[list[str], Counter[str]]]:
    """Each dataset's columns and rows, all made anew from the same source."""
    chance = random.Random(3)  # noqa: S311 - data for a test
    rows = [{name: chance.choice([None, "0", "1", "2", "3"]) for name in ("id", "a", "b", "g", "z")} for _ in range(25)]
    found: dict[str, tuple[list[str], Counter[str]]] = {}
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; CREATE SCHEMA s")
        for name in topological(project):
            task = project.datasets[name].task
            if isinstance(task, FileSource):
                listed = ", ".join(f"{column} VARCHAR" for column in task.columns)
                connection.execute(f"CREATE TABLE {name} ({listed}, _file VARCHAR, _interval_start TIMESTAMP)")
                marks = ", ".join("?" for _ in task.columns)
                for row in rows:
                    values = [row.get(column) for column in task.columns]
                    connection.execute(f"INSERT INTO {name} VALUES ({marks}, 'd.csv', NULL)", values)
            else:
                assert isinstance(task, SqlTask)
                connection.execute(f"CREATE TABLE {name} AS {task.text}")
            answer = connection.execute(f"SELECT * FROM {name}")
            names = [column[0] for column in answer.description or ()]
            found[name] = (names, Counter(map(str, answer.fetchall())))
    return found


def _held(before: Project, after: Project) -> set[str]:
    """The datasets whose versions are the same; those must hold the same rows. Which of the others moved rows."""
    old, new = versions_of(before), versions_of(after)
    was, now = _built(before), _built(after)
    same = {name for name in old if name in new and old[name].fingerprint == new[name].fingerprint}
    assert {name: now[name] for name in same} == {name: was[name] for name in same}
    return {name for name in was if name in now and was[name] != now[name]}


UPSTREAM = {
    # an edit of a column of `base`, and a query over it that reads that column in a way that is easily overlooked
    "an alias that HAVING prefers": "SELECT a, sum(b) AS g FROM s.base GROUP BY a HAVING g > 3",
    "rows made by a function": "SELECT id, generate_subscripts(range(b), 1) AS k FROM s.base",
    "rows made of a text": "SELECT id, regexp_split_to_table(b::VARCHAR, '1') AS k FROM s.base",
    "a subquery among the keys": (
        "SELECT a, (SELECT max(q.b) FROM s.base AS q WHERE q.id = t.id) AS k FROM s.base AS t GROUP BY ALL"
    ),
    "an order below a text": "SELECT string_agg(id::TEXT, ',') AS k FROM (SELECT id FROM s.base ORDER BY b, id) AS q",
    "an order in a CTE": "WITH q AS (SELECT id FROM s.base ORDER BY b, id) SELECT list(id) AS k FROM q",
    "an order below numbers": "SELECT id, row_number() OVER () AS k FROM (SELECT id FROM s.base ORDER BY b, id) AS q",
    "an order in an array": "SELECT ARRAY(SELECT id FROM s.base ORDER BY b, id) AS k",
    "a column by number": "SELECT id, #3 AS k FROM s.base",
    "a row as text": "SELECT t::VARCHAR AS w FROM s.base AS t",
    "a filter": "SELECT id FROM s.base WHERE b > 1",
    "a join": "SELECT t.id FROM s.base AS t JOIN s.base AS u ON t.b = u.a",
    "a window": "SELECT id, sum(a) OVER (PARTITION BY b) AS k FROM s.base",
    "a qualified window": "SELECT id FROM s.base QUALIFY rank() OVER (ORDER BY b) = 1",
}


@pytest.mark.parametrize("query", UPSTREAM.values(), ids=UPSTREAM)
def test_a_reader_of_an_edited_column_is_another_version(query: str) -> None:
    below = {"mid": query, "down": COUNT}
    before, after = _project({"base": BASE, **below}), _project({"base": MOVED, **below})
    assert "s.mid" in _held(before, after)


TURNS = {
    "stars in a union": "SELECT * FROM s.other UNION ALL SELECT * FROM s.base",
    "stars that are taken off": "SELECT * FROM s.other EXCEPT SELECT * FROM s.base",
    "names by position": "SELECT q.p, q.r FROM s.base AS q(o, p, r)",
    "names of a CTE by position": "WITH q(o, p, r) AS (SELECT * FROM s.base) SELECT p, r FROM q",
    "all columns folded": "SELECT coalesce(*COLUMNS(*)) AS w FROM s.base",
    "an order by all": "SELECT list(b) AS w FROM (SELECT * FROM s.base ORDER BY ALL) AS q",
    "a row": "SELECT id FROM s.other WHERE (id, a, b, g) IN (SELECT row(*COLUMNS(*)) FROM s.base)",
}


@pytest.mark.parametrize("query", TURNS.values(), ids=TURNS)
def test_a_reader_of_columns_by_their_place_is_another_version_when_they_change_places(query: str) -> None:
    before = _project({"other": BASE, "base": BASE, "mid": query})
    assert "s.mid" in _held(before, _project({"other": BASE, "base": TURNED, "mid": query}))


OWN = {
    # two queries of `mid`, and one of `down` over it
    "a CTE under other names": (
        "WITH c AS (SELECT id, a, b FROM s.base) SELECT t.id, q.y FROM s.base AS t JOIN c AS q(x, y) ON true",
        "WITH c AS (SELECT id, a * 5 AS a, b FROM s.base) SELECT t.id, q.y FROM s.base AS t JOIN c AS q(x, y) ON true",
        "SELECT sum(y) AS n FROM s.mid",
    ),
    "groups by an alias of a later branch": (
        "SELECT a AS p, 1 AS q FROM s.base GROUP BY p UNION ALL SELECT g AS z, sum(b) AS y FROM s.base GROUP BY z",
        "SELECT a AS p, 1 AS q FROM s.base GROUP BY p UNION ALL SELECT g // 2 AS z, sum(b) AS y FROM s.base GROUP BY z",
        COUNT,
    ),
    "an alias of a later branch used beside it": (
        "SELECT a AS p, b AS q FROM s.base UNION ALL SELECT g AS z, z + 1 AS y FROM s.base",
        "SELECT a AS p, b AS q FROM s.base UNION ALL SELECT g * 5 AS z, z + 1 AS y FROM s.base",
        "SELECT sum(q) AS n FROM s.mid",
    ),
    "an aggregate that belongs outside": (
        "SELECT t.a AS k, 1 AS one FROM s.base AS t",
        "SELECT (SELECT sum(t.a)) AS k, 1 AS one FROM s.base AS t",
        COUNT,
    ),
    "all columns in a filter": (
        "SELECT id FROM (SELECT id, b % 2 AS b FROM s.base) AS q WHERE COLUMNS(*) > 1",
        "SELECT id FROM (SELECT id, b % 3 AS b FROM s.base) AS q WHERE COLUMNS(*) > 1",
        COUNT,
    ),
    "a method of an alias": (
        "SELECT id, b::VARCHAR || 'x' AS n, n.length() AS m FROM s.base",
        "SELECT id, b::VARCHAR || 'xyz' AS n, n.length() AS m FROM s.base",
        "SELECT sum(m) AS n FROM s.mid",
    ),
    "a method of an alias in a filter": (
        "SELECT id, b::VARCHAR || 'x' AS n FROM s.base WHERE n.length() > 2",
        "SELECT id, b::VARCHAR || 'xyz' AS n FROM s.base WHERE n.length() > 2",
        COUNT,
    ),
    "a method of a row": (
        "SELECT q.to_json() AS j FROM (SELECT a, b FROM s.base) AS q",
        "SELECT q.to_json() AS j FROM (SELECT a, b * 2 AS b FROM s.base) AS q",
        "SELECT string_agg(j, '') AS n FROM s.mid",
    ),
    "a position in brackets": (
        "SELECT a % 2 AS k, count(*) AS n FROM s.base GROUP BY (1)",
        "SELECT a % 3 AS k, count(*) AS n FROM s.base GROUP BY (1)",
        COUNT,
    ),
    "an alias in front": (
        "WITH c AS (SELECT k: a + 1, j: b + k FROM s.base) SELECT j FROM c",
        "WITH c AS (SELECT k: a + 100, j: b + k FROM s.base) SELECT j FROM c",
        "SELECT sum(j) AS n FROM s.mid",
    ),
    "FROM in front": (
        "FROM (SELECT unnest([1, 2]) AS a, b FROM s.base) AS q SELECT a, b",
        "FROM (SELECT unnest([1, 2, 3]) AS a, b FROM s.base) AS q SELECT a, b",
        COUNT,
    ),
    "a measure that is another": (
        "SELECT a, sum(b) AS n FROM s.base GROUP BY a",
        "SELECT a, max(b) AS n FROM s.base GROUP BY a",
        "SELECT sum(n) AS n FROM s.mid",
    ),
    "one row for many": (
        "SELECT b AS n FROM s.base",
        "SELECT sum(b) AS n FROM s.base",
        COUNT,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "below"), OWN.values(), ids=OWN)
def test_what_an_edit_of_a_query_moves_is_another_version(before: str, after: str, below: str) -> None:
    old = _project({"base": BASE, "mid": before, "down": below})
    new = _project({"base": BASE, "mid": after, "down": below})
    assert "s.down" in _held(old, new)


def test_where_rows_are_stored_is_no_column() -> None:
    below = {"mid": "SELECT rowid AS r, id FROM s.base"}
    assert "s.mid" in _held(_project({"base": BASE, **below}), _project({"base": ORDERED, **below}))


def test_columns_of_a_source_change_places() -> None:
    below = {"mid": "SELECT q.p, q.r FROM s.raw AS q(o, p, r)"}
    assert "s.mid" in _held(_project(below), _project(below, "[id, b, a, g]"))


def test_a_new_column_takes_the_name_of_an_alias() -> None:
    below = {"mid": "SELECT a AS z, count(*) AS k FROM s.base GROUP BY a HAVING z > 0"}
    wider = BASE.replace(" FROM", ", 0 AS z FROM")
    _held(_project({"base": BASE, **below}), _project({"base": wider, **below}))


def test_is_distinct_from_is_no_from() -> None:
    project = _project({"mid": "SELECT id, b IS DISTINCT FROM a AS b FROM s.raw"})
    task = project.datasets["s.mid"].task
    assert isinstance(task, SqlTask)
    assert task.forms is not None
