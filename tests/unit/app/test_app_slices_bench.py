"""Floating point is compared in as many digits as the order of additions leaves alone."""

from __future__ import annotations

import duckdb
import pytest

from penstock.app.slices_bench import _rounded


def same(one: str, other: str, kind: str) -> bool:
    sql = f"SELECT count(DISTINCT hash({_rounded('x')})) FROM (VALUES ({one}::{kind}), ({other}::{kind})) AS t(x)"
    (row,) = duckdb.connect(":memory:").execute(sql).fetchall()
    return bool(row[0] == 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.1 + 0.2::DOUBLE", "0.3"),
        ("1e300", "1e300 * 1.0000000000000002"),
        ("-123456789.123456", "-123456789.12345601"),
        ("0", "-0"),
        ("'NaN'", "'NaN'"),
        ("'-inf'", "'-inf'"),
        ("NULL", "NULL"),
        ("1e-200", "1.0000000000000002e-200"),
    ],
)
def test_the_last_digits_do_not_count(one: str, other: str) -> None:
    assert same(f"({one})", f"({other})", "DOUBLE")


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT"])
@pytest.mark.parametrize(
    ("one", "other"),
    [("0.1", "0.10001"), ("0", "1e-30"), ("'inf'", "'-inf'"), ("'NaN'", "0"), ("-1", "1"), ("NULL", "0"), ("7", "8")],
)
def test_everything_else_does(one: str, other: str, kind: str) -> None:
    assert not same(f"({one})", f"({other})", kind)
