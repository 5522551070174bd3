from __future__ import annotations

import duckdb
import pytest

from penstock.sql.block_pairs import changed_places
from penstock.sql.changes import ChangedPlace, ChangeKind
from penstock.sql.joins import Join, fanout_probe, joins
from penstock.sql.query import parse_query

OLD = """/* penstock
materialize: table
*/
WITH lines AS (
  SELECT customer, sum(quantity) AS quantity
  FROM sales.orders
  WHERE quantity > 0
  GROUP BY ALL
)
SELECT
  l.customer,
  l.quantity * 2 AS twice,
  c.name
FROM lines l
JOIN sales.customers AS c ON c.customer = l.customer
WHERE l.quantity > 10 AND c.country = 'UK'
"""


def edited(*edits: tuple[str, str]) -> str:
    text = OLD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def only(new: str, old: str = OLD) -> ChangedPlace:
    (place,) = changed_places(old, new)
    return place


def test_layout_comments_aliases_and_order_of_terms_are_no_change() -> None:
    same = edited(
        ("sales.customers AS c", "sales.customers k"),
        ("c.customer = l.customer", "l.customer = k.customer"),
        ("c.name", "k.name -- who"),
        ("l.quantity > 10 AND c.country = 'UK'", "k.country = 'UK'\n  AND l.quantity > 10"),
    )
    assert changed_places(OLD, same) == ()


def test_a_changed_filter_in_a_cte_is_placed_on_its_line() -> None:
    place = only(edited(("WHERE quantity > 0", "WHERE quantity >= 0")))
    assert (place.kind, place.line, place.excerpt) == (ChangeKind.FILTER, 7, "WHERE quantity >= 0")
    assert (place.old, place.new, place.removed) == ("quantity > 0", "quantity >= 0", False)


def test_a_changed_expression_is_paired_by_its_column() -> None:
    place = only(edited(("l.quantity * 2 AS twice", "l.quantity * 3 AS twice")))
    assert (place.kind, place.line, place.name) == (ChangeKind.EXPRESSION, 12, "twice")
    assert (place.old, place.new) == ("l.quantity * 2 AS twice", "l.quantity * 3 AS twice")


def test_an_added_join_leaves_the_columns_beside_it_alone() -> None:
    new = edited(
        ("  c.name\n", "  c.name,\n  d.description\n"),
        ("FROM lines l\n", "FROM lines l\nLEFT JOIN sales.codes d ON d.customer = l.customer\n"),
    )
    column, join = changed_places(OLD, new)
    assert (column.kind, column.line, column.old) == (ChangeKind.EXPRESSION, 14, None)
    assert (join.kind, join.line, join.name, join.old) == (ChangeKind.JOIN, 16, "sales.codes", None)
    assert join.excerpt == "LEFT JOIN sales.codes d ON d.customer = l.customer"


def test_a_removed_condition_is_placed_in_the_old_text() -> None:
    place = only(edited(("l.quantity > 10 AND ", "")))
    assert (place.kind, place.removed, place.line) == (ChangeKind.FILTER, True, 16)
    assert (place.old, place.new) == ("l.quantity > 10", None)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("SELECT a AS x FROM s.t", "SELECT a AS x FROM s.u", ChangeKind.SOURCE),
        ("SELECT a AS x FROM s.t", "SELECT DISTINCT a AS x FROM s.t", ChangeKind.DISTINCT),
        ("SELECT a AS x FROM s.t ORDER BY a LIMIT 3", "SELECT a AS x FROM s.t ORDER BY a LIMIT 4", ChangeKind.ORDERING),
        ("SELECT max(a) AS x FROM s.t GROUP BY b", "SELECT max(a) AS x FROM s.t GROUP BY c", ChangeKind.GROUPING),
        ("SELECT max(a) AS x FROM s.t GROUP BY b", "SELECT max(a) AS x FROM s.t GROUP BY ALL", ChangeKind.GROUPING),
        ("SELECT a AS x FROM s.t UNION SELECT 1", "SELECT a AS x FROM s.t UNION ALL SELECT 1", ChangeKind.SOURCE),
        (
            "SELECT t.a AS x FROM s.t JOIN s.u USING (k)",
            "SELECT t.a AS x FROM s.t LEFT JOIN s.u USING (k)",
            ChangeKind.JOIN,
        ),
        ("SELECT p.a AS x FROM s.t p, s.t q", "SELECT q.a AS x FROM s.t p, s.t q", ChangeKind.EXPRESSION),
        ("SELECT a AS x FROM s.t WHERE b", "SELECT a AS x FROM s.t HAVING b", ChangeKind.FILTER),
        ("SELECT len(a) AS x FROM s.t", "SELECT length(a) AS x FROM s.t", ChangeKind.EXPRESSION),
        ("SELECT a, b FROM s.t", "SELECT b, a FROM s.t", ChangeKind.EXPRESSION),
        (
            "SELECT * FROM (SELECT a FROM s.t WHERE b = 1) q",
            "SELECT * FROM (SELECT a FROM s.t WHERE b = 2) q",
            ChangeKind.FILTER,
        ),
    ],
)
def test_each_clause_has_its_kind(old: str, new: str, kind: ChangeKind) -> None:
    assert {place.kind for place in changed_places(old, new)} == {kind}


def test_a_condition_written_twice_counts_twice() -> None:
    place = only(
        old="SELECT a AS x FROM s.t WHERE a > 1 AND b", new="SELECT a AS x FROM s.t WHERE a > 1 AND b AND a > 1"
    )
    assert (place.kind, place.new, place.old) == (ChangeKind.FILTER, "a > 1", None)


def test_the_other_side_of_a_self_join_is_a_change_among_others() -> None:
    old = "SELECT p.a AS x, 1 AS y FROM s.t p, s.t q"
    new = "SELECT q.a AS x, 2 AS y FROM s.t p, s.t q"
    assert [place.name for place in changed_places(old, new)] == ["x", "y"]


def test_equality_joins_to_datasets_are_found_with_their_keys() -> None:
    text = (
        "SELECT 1 AS x FROM s.a\n"
        "JOIN s.b USING (k, m)\n"
        "LEFT JOIN s.c AS c ON lower(a.k) = c.k AND c.active AND c.since <= a.day\n"
        "JOIN (SELECT 1 AS k) d ON d.k = a.k\n"
        "SEMI JOIN s.e ON e.k = a.k\n"
        "CROSS JOIN s.f"
    )
    first, second = joins(parse_query(text, "x.sql"))
    assert first == Join(
        right_dataset="s.b",
        right_alias="b",
        kind="INNER",
        keys=(("k", "k"), ("m", "m")),
        line=2,
        excerpt="JOIN s.b USING (k, m)",
    )
    assert (second.right_dataset, second.kind, second.keys, second.line) == ("s.c", "LEFT", (("LOWER(a.k)", "k"),), 3)
    assert (second.conditions, second.exact) == (("active",), False)


def test_the_fanout_probe_returns_the_keys_that_multiply_rows_most_first() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE codes AS SELECT * FROM (VALUES ('a', true), ('a', true), ('a', true), ('b', true), ('b', true),"
        " ('c', true), ('d', true), ('d', false), (NULL, true), (NULL, true)) t(code, active)"
    )
    query = parse_query("SELECT 1 AS x FROM s.lines l JOIN s.codes c ON c.code = l.code AND c.active", "x.sql")
    (join,) = joins(query)
    assert connection.execute(fanout_probe(join, '"codes"')).fetchall() == [("a", 3), ("b", 2)]


def test_a_filter_of_several_conditions_that_moved_into_a_cte_is_one_place() -> None:
    old = (
        "SELECT o.day AS day, count(*) AS orders FROM shop.orders AS o WHERE o.day >= $a AND o.day < $b GROUP BY o.day"
    )
    new = (
        "WITH some AS (SELECT o.day AS day FROM shop.orders AS o WHERE o.day >= $a AND o.day < $b) "
        "SELECT day, count(*) AS orders FROM some GROUP BY day"
    )
    gone = [place for place in changed_places(old, new) if place.removed]
    assert [place.old for place in gone] == ["(o.day >= $a) AND (o.day < $b)"]
