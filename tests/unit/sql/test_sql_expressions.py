from __future__ import annotations

import duckdb
import pytest

from penstock.sql.query import ExpressionError, expression_columns, is_aggregate, parse_expression


@pytest.mark.parametrize(
    ("text", "columns", "aggregate"),
    [
        ("quantity * unit_price", ("quantity", "unit_price"), False),
        ("sum(quantity) FILTER (WHERE NOT cancelled)", ("quantity", "cancelled"), True),
        ("count(*)", (), True),
        ("count(DISTINCT b) / nullif(sum(a), 0) -- share", ("b", "a"), True),
        ("row_number() OVER (PARTITION BY a ORDER BY b)", ("a", "b"), False),
        ("sum(a) FILTER (WHERE c) OVER (ORDER BY b)", ("a", "c", "b"), False),
        ("sum(sum(a)) OVER ()", ("a",), True),
        ("name.trim().upper()", ("name",), False),
        ("list_transform(l, x -> x + a)", ("l", "a"), False),
        ("invoice LIKE 'C%'", ("invoice",), False),
        ("s.field", ("s",), False),
        ("fsum(a)", ("a",), True),
        ("CASE WHEN b THEN a ELSE b END", ("b", "a"), False),
    ],
)
def test_columns_and_kind_of_an_expression(text: str, columns: tuple[str, ...], *, aggregate: bool) -> None:
    assert expression_columns(text) == columns
    assert is_aggregate(text) is aggregate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a b",
        "a AS b",
        "a, b",
        "*",
        "1) FROM x.y WHERE (1",
        "1), (2",
        "a) + (b",
        "1 /*",
        "(SELECT 1)",
        "a IN (SELECT b FROM c.d)",
        "EXISTS (FROM a.b)",
        "getenv('HOME')",
        "read_text('x')",
        "current_user",
        "$interval_start",
        "?",
        "SELECT 1",
        "a; DROP TABLE b",
        "(" * 300 + "a" + ")" * 300,
    ],
)
def test_anything_but_one_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert all(finding.code == "sql.expression" for finding in caught.value.findings)


def test_places_are_those_of_the_expression_itself() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("a +\n  b c d")
    (finding,) = caught.value.findings
    assert (finding.place.line, finding.place.column, finding.place.excerpt) == (2, 7, "b c d")


def test_every_aggregate_of_the_engine_is_known() -> None:
    rows = duckdb.execute(
        "SELECT DISTINCT function_name, len(parameters) FROM duckdb_functions() WHERE function_type = 'aggregate'"
    ).fetchall()
    assert len(rows) > 50
    windows = {"rank_dense", "row_number", "fill"}  # DuckDB 1.5 lists these too
    calls = [
        f"{name}({'*' if name == 'count' else ', '.join('abcdef'[:count])})"
        for name, count in rows
        if name not in windows
    ]
    assert [call for call in calls if not is_aggregate(call)] == []
