"""What a row has to hold, all at once, to meet a condition is told from the query."""

from __future__ import annotations

import pytest

from penstock.sql.conjunctions import changed_first, conjunctions


def wishes(query: str) -> list[list[tuple[str, str, str]]]:
    return [[(wish.column, str(wish.relation), wish.literal) for wish in one] for one in conjunctions(query)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a = 'x' AND b > 9", [[("a", "=", "x"), ("b", ">", "9")]]),
        ("a = 'x' OR b < 2", [[("a", "=", "x")], [("b", "<", "2")]]),
        (
            "(a = 1 OR a = 2) AND b IS NULL",
            [[("a", "=", "1"), ("b", "IS NULL", "")], [("a", "=", "2"), ("b", "IS NULL", "")]],
        ),
        ("a IN ('x', 'y')", [[("a", "=", "x")], [("a", "=", "y")]]),
        ("a BETWEEN 2 AND 3", [[("a", "=", "2")], [("a", "=", "3")]]),
        ("9 < a", [[("a", ">", "9")]]),
        ("a > -1", [[("a", ">", "-1")]]),
        ("CAST(a AS DATE) >= DATE '2024-02-29'", [[("a", "=", "2024-02-29")]]),
        (r"a LIKE 'gift\_%' ESCAPE '\' AND b", [[("a", "LIKE", r"gift\_%"), ("b", "=", "true")]]),
        ("NOT b AND a = 1", [[("b", "=", "false"), ("a", "=", "1")]]),
        ("a = b AND c = 1", [[("c", "=", "1")]]),
        ("a + 1 > 2", []),
        ("CASE a WHEN 'x' THEN 1 ELSE c END + 1 < d", [[("a", "=", "x")]]),
    ],
)  # fmt: skip
def test_a_condition_is_met_by_one_of_its_ways(condition: str, expected: list[list[tuple[str, str, str]]]) -> None:
    assert wishes(f"SELECT 1 FROM s.t WHERE {condition}") == expected


def test_conditions_of_branches_filters_and_joins_count_and_plain_names_are_followed() -> None:
    query = """
    WITH t AS (SELECT code AS kind, n FROM s.o)
    SELECT sum(CASE WHEN kind = 'x' AND n > 1 THEN 1 END) FILTER (WHERE ok), t.n
    FROM t JOIN s.l AS l ON l.k = t.n AND l.size = 3
    """
    assert [[column for column, *_ in one] for one in wishes(query)] == [["size"], ["code", "n"], ["ok"]]


def test_what_not_all_queries_ask_for_is_told_apart() -> None:
    changed, shared = changed_first(
        ("SELECT 1 FROM s.t WHERE a = 1", "SELECT 1 FROM s.t WHERE a = 1 GROUP BY b HAVING c = 2")
    )
    assert [[wish.column for wish in one] for one in changed] == [["c"]]
    assert [[wish.column for wish in one] for one in shared] == [["a"]]


def test_a_condition_of_very_many_ways_is_told_by_some() -> None:
    many = " AND ".join(f"(a{at} = 1 OR a{at} = 2)" for at in range(30))
    assert 0 < len(conjunctions(f"SELECT 1 FROM s.t WHERE {many}")) <= 12
