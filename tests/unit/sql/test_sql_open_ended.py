"""Columns that grow with the number of rows are told from the query."""

from __future__ import annotations

import pytest

from penstock.sql.open_ended import counting_columns


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT day, count(*) AS n, count(DISTINCT id) AS orders FROM a.b GROUP BY day", {"n", "orders"}),
        ("SELECT CAST(sum(x) AS DECIMAL(18, 2)) AS Revenue, max(x) AS best FROM a.b", {"revenue"}),
        (
            "WITH d AS (SELECT s, sum(x) AS t FROM a.b GROUP BY s) SELECT s, t / 2 AS half, s AS same FROM d",
            {"t", "half"},
        ),
        ("SELECT row_number() OVER (ORDER BY x) AS place, x AS y FROM a.b", {"place"}),
        ("SELECT x FROM a.b", set()),
    ],
)
def test_counts_and_sums_and_what_is_made_of_them(query: str, columns: set[str]) -> None:
    assert counting_columns(query) == columns
