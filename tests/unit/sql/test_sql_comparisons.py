from __future__ import annotations

import pytest

from penstock.sql.comparisons import Comparison, comparisons, conjuncts
from penstock.sql.renaming import rename_columns


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("quantity > 0", [("quantity", ">", "0", True)]),
        ("0 < quantity", [("quantity", ">", "0", True)]),
        ("quantity >= -5", [("quantity", ">=", "-5", True)]),
        ("code LIKE 'C%' AND n = 1", [("code", "LIKE", "C%", True), ("n", "=", "1", True)]),
        ("n > 1 OR n < 0", [("n", ">", "1", False), ("n", "<", "0", False)]),
        ("NOT n > 1", [("n", ">", "1", False)]),
        ("code IN ('a', 'b')", [("code", "=", "a", False), ("code", "=", "b", False)]),
        ("n BETWEEN 1 AND 3", [("n", ">=", "1", True), ("n", "<=", "3", True)]),
        ("day >= DATE '2024-01-01'", [("day", ">=", "2024-01-01", True)]),
        ("regexp_matches(code, '^x')", [("code", "~", "^x", True)]),
        ("sum(n) FILTER (WHERE n > 2)", [("n", ">", "2", False)]),
        ("a > b", []),
        ("length(code) > 3", []),
    ],
)
def test_literals_that_columns_are_compared_with(text: str, found: list[tuple[str, str, str, bool]]) -> None:
    assert comparisons(text) == tuple(Comparison(*one) for one in found)


def test_only_what_must_be_true_is_a_conjunct() -> None:
    assert conjuncts("a AND (b AND c > 1)") == ("a", "b")
    assert conjuncts("a OR b") == ()
    assert conjuncts("NOT a") == ()


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("trim(value)", "trim(Raw)"),
        ("value(value)", "value(Raw)"),
        ("'value' || VALUE", "'value' || Raw"),
        ("t.value + value.x", "t.value + value.x"),
        ('"value" -- value', "Raw -- value"),
    ],
)
def test_only_bare_columns_get_another_name(text: str, renamed: str) -> None:
    assert rename_columns(text, {"value": "Raw"}) == renamed
