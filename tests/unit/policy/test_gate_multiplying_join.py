"""A join that repeats rows is refused where something moved that should not have, and else mentioned."""

from __future__ import annotations

from policy_cases import REVENUE, STAGED, assert_fails, assert_passes, column, diff, impact, join, review, story

from penstock.model.findings import Severity
from penstock.policy.gates.multiplying_join import judge

MOVED = diff(REVENUE, column(new="1950.00", changed=40))


def test_no_such_join_passes() -> None:
    verdict = judge(review(diffs=(MOVED,)))
    assert_passes(verdict)
    assert verdict.findings == ()


def test_a_join_behind_undeclared_movement_fails_at_its_line() -> None:
    verdict = judge(review(diffs=(MOVED,), multiplying=(join(),)))
    assert_fails(verdict, "")
    found = verdict.findings[0]
    assert (found.place.file, found.place.line, found.place.dataset) == (
        "pipelines/sales/daily_revenue.sql",
        9,
        REVENUE,
    )
    assert found.message == (
        f"the join of {REVENUE} with sales.products repeats rows up to 4 times; {REVENUE} moved undeclared"
    )
    assert found.found == "up to 4 rows of sales.products for one key, for instance stock_code=85123A: 4"
    assert verdict.summary == f"1 join with up to 4 rows for one key, and undeclared movement behind it in {REVENUE}."


def test_a_join_behind_movement_out_of_bounds_fails() -> None:
    declared = story(impact=impact(columns={"net": "0%..5%"}))
    assert_fails(judge(review(story=declared, diffs=(MOVED,), multiplying=(join(),))), "")


def test_a_join_behind_declared_movement_is_only_noted() -> None:
    declared = story(impact=impact(columns={"net": "any"}))
    verdict = judge(review(story=declared, diffs=(MOVED,), multiplying=(join(),)))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]
    assert verdict.findings[0].message.endswith("repeats rows up to 4 times")
    assert verdict.summary == "1 join with up to 4 rows for one key; nothing moved undeclared behind it."


def test_a_join_is_not_blamed_for_rows_that_went_nor_for_movement_that_never_came() -> None:
    assert_passes(judge(review(diffs=(diff(rows=(100, 90)),), multiplying=(join(),))))
    declared = story(impact=impact(rows="0%..5%"))
    assert_passes(judge(review(story=declared, diffs=(diff(),), multiplying=(join(),))))


def test_a_join_upstream_of_the_movement_fails_and_one_elsewhere_is_noted() -> None:
    joins = (join("sales.other", file="other.sql", copies=9), join(STAGED, file="stg.sql"))
    verdict = judge(review(diffs=(MOVED,), multiplying=joins, reads={REVENUE: (STAGED,)}))
    assert_fails(verdict, "", "")
    assert [(one.place.file, one.severity) for one in verdict.findings] == [
        ("other.sql", Severity.NOTE),
        ("stg.sql", Severity.ERROR),
    ]
    assert verdict.summary.startswith("2 joins with up to 9 rows for one key")


def test_all_datasets_that_a_join_moved_are_named() -> None:
    both = (MOVED, diff(STAGED, rows=(10, 20)))
    verdict = judge(review(diffs=both, multiplying=(join(STAGED, examples=()),), reads={REVENUE: (STAGED,)}))
    assert verdict.findings[0].message.endswith(f"; {REVENUE}, {STAGED} moved undeclared")
    assert verdict.findings[0].found == "up to 4 rows of sales.products for one key"
