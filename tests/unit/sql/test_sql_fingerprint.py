from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.sql.fingerprint import canonical, digest

EQUAL = [
    (
        "SELECT o.a FROM s.o o WHERE o.b = 1 AND o.c = 2",
        "select t.a /* hi */\nfrom s.o as t where (2 = t.c) and t.b = 1 -- x",
    ),
    ("SELECT a FROM s.o WHERE p AND (q AND r)", "SELECT a FROM s.o WHERE (r AND q) AND p"),
    ("SELECT a FROM s.o WHERE p OR q OR r", "SELECT a FROM s.o WHERE r OR (p OR q)"),
    ("WITH c AS (SELECT a FROM s.o) SELECT c.a FROM c", "WITH d AS (SELECT a FROM s.o) SELECT e.a FROM d e"),
    ("SELECT o.a FROM s.o", "SELECT s.o.a FROM s.o"),
    ("SELECT o.a FROM s.o", "SELECT x.a FROM s.o AS x"),
    ("SELECT a + b * 2 AS k FROM s.o", "SELECT 2 * b + a AS k FROM s.o"),
    (
        "SELECT a FROM s.o WHERE EXISTS (SELECT 1 FROM s.w t WHERE t.a = o.a)",
        "SELECT a FROM s.o u WHERE EXISTS (SELECT 1 FROM s.w WHERE u.a = w.a)",
    ),
    (
        "SELECT x.a, y.z FROM s.o x JOIN s.w y ON x.a = y.a WHERE x.b > 0 AND y.z > 0",
        "SELECT y.a, x.z FROM s.o y JOIN s.w x ON y.a = x.a WHERE x.z > 0 AND y.b > 0",
    ),
    (
        "SELECT a FROM s.o WHERE a IN (SELECT max(t.z) FROM s.w t)",
        "SELECT a FROM s.o WHERE a IN (SELECT max(w.z) FROM s.w)",
    ),
]

DIFFERENT = [
    ("SELECT o FROM s.o o", "SELECT o FROM s.o t"),
    ("SELECT len(a) AS k FROM s.o", "SELECT length(a) AS k FROM s.o"),
    ("SELECT sum(x.a) FROM s.o x", "SELECT sum(y.a) FROM s.o y"),
    ("SELECT a + b FROM s.o", "SELECT b + a FROM s.o"),
    ("SELECT a - b AS k FROM s.o", "SELECT b - a AS k FROM s.o"),
    ("SELECT a / b AS k FROM s.o", "SELECT b / a AS k FROM s.o"),
    ("SELECT a / b AS k FROM s.o", "SELECT a // b AS k FROM s.o"),
    ("SELECT a || b AS k FROM s.o", "SELECT b || a AS k FROM s.o"),
    ("SELECT a + b + c AS k FROM s.o", "SELECT c + b + a AS k FROM s.o"),
    ("SELECT date_trunc('month', d) AS k FROM s.o", "SELECT date_trunc(month, d) AS k FROM s.o"),
    ("SELECT x.a FROM s.o x, s.o y", "SELECT y.a FROM s.o x, s.o y"),
    ("SELECT x.a FROM s.o x, s.w y", "SELECT x.a FROM s.w y, s.o x"),
    ("SELECT a FROM s.o UNION SELECT a FROM s.w", "SELECT a FROM s.o UNION ALL SELECT a FROM s.w"),
    ("SELECT a FROM s.o UNION SELECT a FROM s.w", "SELECT a FROM s.w UNION SELECT a FROM s.o"),
    ("SELECT a FROM s.o WHERE b > 1", "SELECT a FROM s.o WHERE b >= 1"),
    ("SELECT a FROM s.o WHERE b = 'A'", "SELECT a FROM s.o WHERE b = 'a'"),
    ("SELECT a FROM s.o WHERE b = 1", "SELECT a FROM s.o WHERE b = '1'"),
    ("SELECT a AS k FROM s.o", "SELECT a AS K FROM s.o"),
    ("SELECT a, b FROM s.o", "SELECT b, a FROM s.o"),
    ("SELECT a FROM s.o WHERE p AND (q OR r)", "SELECT a FROM s.o WHERE p AND q OR r"),
    ("SELECT a FROM s.o WHERE NOT (p AND q)", "SELECT a FROM s.o WHERE NOT p AND q"),
    ("SELECT a FROM s.o WHERE p AND q AND q", "SELECT a FROM s.o WHERE p AND q"),
    (
        "WITH c AS (SELECT a FROM s.o), d AS (SELECT a FROM s.w) SELECT a FROM c",
        "WITH c AS (SELECT a FROM s.o), d AS (SELECT a FROM s.w) SELECT a FROM d",
    ),
    ("WITH c AS (SELECT 1 AS a) SELECT a FROM c", "WITH c AS MATERIALIZED (SELECT 1 AS a) SELECT a FROM c"),
    ("SELECT a FROM s.o ORDER BY a", "SELECT a FROM s.o ORDER BY a NULLS FIRST"),
    ("SELECT a FROM s.o ORDER BY a", "SELECT a FROM s.o ORDER BY a DESC"),
    (
        "SELECT x.a FROM s.o x WHERE EXISTS (SELECT 1 FROM s.w y WHERE y.a = x.a)",
        "SELECT x.a FROM s.o x WHERE EXISTS (SELECT 1 FROM s.w y WHERE y.a = y.a)",
    ),
    ("SELECT a FROM s.o LEFT JOIN s.w USING (a)", "SELECT a FROM s.o RIGHT JOIN s.w USING (a)"),
    ("SELECT count(a) AS n FROM s.o", "SELECT count(DISTINCT a) AS n FROM s.o"),
    ("SELECT a FROM s.o WHERE d >= $interval_start", "SELECT a FROM s.o WHERE d >= $interval_end"),
    ("SELECT CAST(a AS INT) AS k FROM s.o", "SELECT TRY_CAST(a AS INT) AS k FROM s.o"),
    ("SELECT a FROM s.o", "SELECT a FROM w.o"),
    ("SELECT (SELECT 1 FROM s.w x) FROM s.o", "SELECT (SELECT 1 FROM s.w y) FROM s.o"),
    ("SELECT * EXCLUDE (a) FROM s.o", "SELECT * EXCLUDE (b) FROM s.o"),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_what_does_not_matter_leaves_the_fingerprint_alone(left: str, right: str) -> None:
    assert canonical(left) == canonical(right)
    assert digest(left) == digest(right)
    assert len(digest(left)) == 64


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE SCHEMA s")
    made.execute(
        "CREATE TABLE s.o AS SELECT i % 7 AS a, i % 3 AS b, i % 5 AS c, i % 2 = 0 AS p, i % 3 = 0 AS q,"
        " i % 5 = 0 AS r FROM range(100) t(i)"
    )
    made.execute("CREATE TABLE s.w AS SELECT i AS a, i * 2 AS z FROM range(5) t(i)")
    return made


def answer(connection: duckdb.DuckDBPyConnection, text: str) -> tuple[list[str], list[tuple[object, ...]]]:
    result = connection.execute(text)
    return [column[0] for column in result.description], sorted(result.fetchall(), key=repr)


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_fingerprints_answer_the_same(connection: duckdb.DuckDBPyConnection, left: str, right: str) -> None:
    assert answer(connection, left) == answer(connection, right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_what_may_matter_changes_the_fingerprint(left: str, right: str) -> None:
    assert canonical(left) != canonical(right)
    assert digest(left) != digest(right)


TERMS = ["o.a > 2", "o.b = 1", "(o.p OR o.q)", "o.a + o.b * o.c > 3", "o.a IN (SELECT w.a FROM s.w)", "NOT o.r"]
NAMES = st.sampled_from(["o", "t", "Alias1", "a", "x"])


@settings(max_examples=60)
@given(
    terms=st.permutations(TERMS),
    alias=NAMES,
    gap=st.sampled_from([" ", "\n", " /* c */ ", "\t-- c\n"]),
    upper=st.booleans(),
)
def test_any_order_of_conditions_alias_and_layout_is_one_query(
    connection: duckdb.DuckDBPyConnection, terms: list[str], alias: str, gap: str, *, upper: bool
) -> None:
    plain = "SELECT o.c, count(*) AS n FROM s.o o WHERE " + " AND ".join(TERMS) + " GROUP BY o.c"
    other = "SELECT o.c, count(*) AS n FROM s.o o WHERE " + " AND ".join(terms) + " GROUP BY o.c"
    other = other.replace("o.", f"{alias}.").replace("s.o o", f"s.o {alias}").replace(f" {alias}.o", " s.o")
    other = (
        other.replace(" ", gap).replace(f"GROUP{gap}BY", "GROUP BY").replace("SELECT", "SELECT" if upper else "select")
    )
    assert digest(plain) == digest(other)
    assert answer(connection, plain) == answer(connection, other)


MUTATIONS = [
    ("> 2", ">= 2"),
    ("o.b = 1", "o.b = 2"),
    ("OR", "AND"),
    ("count(*)", "sum(1)"),
    ("NOT o.r", "o.r"),
    ("o.b * o.c", "o.b / o.c"),
]


@given(order=st.permutations(TERMS), mutation=st.sampled_from(MUTATIONS))
def test_a_mutation_is_never_hidden_by_reordering(order: list[str], mutation: tuple[str, str]) -> None:
    plain = "SELECT o.c, count(*) AS n FROM s.o o WHERE " + " AND ".join(TERMS) + " GROUP BY o.c"
    other = "SELECT o.c, count(*) AS n FROM s.o o WHERE " + " AND ".join(order) + " GROUP BY o.c"
    mutated = other.replace(*mutation)
    assert mutated != other
    assert digest(mutated) != digest(plain)


def test_long_queries_have_a_fingerprint_too() -> None:
    chain = " OR ".join(f"a = {index}" for index in range(2000))
    turned = " OR ".join(f"{index} = a" for index in reversed(range(2000)))
    assert digest(f"SELECT a FROM s.o WHERE {chain}") == digest(f"SELECT a FROM s.o WHERE {turned}")
    assert digest(f"SELECT a FROM s.o WHERE {chain}") != digest(f"SELECT a FROM s.o WHERE {turned} OR a = 1")


X, Y = "x AS (SELECT k, v FROM s.t)", "y AS (SELECT k FROM s.u)"
JOINED = "SELECT x.v FROM y JOIN x USING (k)"


def test_ctes_may_be_defined_in_another_order() -> None:
    assert digest(f"WITH {X}, {Y} {JOINED}") == digest(f"WITH {Y}, {X} {JOINED}")
    renamed = JOINED.replace("x", "b").replace("y ", "a ")
    assert digest(f"WITH {X}, {Y} {JOINED}") == digest(f"WITH a{Y[1:]}, b{X[1:]} {renamed}")


def test_ctes_that_change_places_in_the_query_do_not_mean_the_same() -> None:
    swapped = f"WITH x{Y[1:]}, y{X[1:]} SELECT x.k FROM x, y"
    assert digest(f"WITH {X}, {Y} SELECT x.k FROM x, y") != digest(swapped)
    assert digest(f"WITH {X}, {Y} SELECT k FROM x UNION ALL SELECT k FROM y") != digest(
        f"WITH {X}, {Y} SELECT k FROM y UNION ALL SELECT k FROM x"
    )


def test_a_cte_is_seen_only_by_those_after_it() -> None:
    seen = "WITH u AS (SELECT 1 AS k), y AS (SELECT k FROM u) SELECT y.k FROM y, u"
    hidden = "WITH y AS (SELECT k FROM s.u), u AS (SELECT 1 AS k) SELECT y.k FROM y, u"
    assert digest(seen) != digest(hidden)


def test_signs_and_casts_have_two_spellings() -> None:
    assert digest("SELECT a FROM s.t WHERE a != 1") == digest("SELECT a FROM s.t WHERE a <> 1")
    assert digest("SELECT a::INT AS b FROM s.t") == digest("SELECT CAST(a AS INT) AS b FROM s.t")
    assert digest("SELECT a::INT AS b FROM s.t") != digest("SELECT TRY_CAST(a AS INT) AS b FROM s.t")


def test_what_the_database_binds_otherwise_is_told_apart() -> None:
    assert digest("SELECT (~a) - 1 AS b FROM s.t") != digest("SELECT ~a - 1 AS b FROM s.t")
    assert digest("SELECT l + m AS b FROM s.t") != digest("SELECT m + l AS b FROM s.t")
    assert digest("SELECT a + 1 AS b FROM s.t") == digest("SELECT 1 + a AS b FROM s.t")


@pytest.mark.parametrize("function", ["make_timestamp", "epoch_ms", "to_timestamp"])
def test_a_function_for_which_the_parser_shares_a_constant_may_stand_in_a_query_twice(function: str) -> None:
    once, twice = f"SELECT {function}(a) AS k FROM s.o", f"SELECT {function}(a) AS k, {function}(b) AS l FROM s.o"
    assert canonical(once) != canonical(twice)
    assert canonical(f"{once} AS t") == canonical(once)
