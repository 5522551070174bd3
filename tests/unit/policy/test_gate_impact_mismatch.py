"""What moves on real data is what the story says moves: no more, no further, and no less."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from policy_cases import (
    REVENUE,
    STAGED,
    assert_fails,
    assert_passes,
    column,
    diff,
    example,
    finding,
    impact,
    join,
    review,
    story,
)

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.impact_mismatch import judge
from penstock.quality.comparison import DatasetDiff, RowExample, compare_queries, read_diff
from penstock.quality.comparison_sql import Side

DOUBLED = column(new="1950.00", changed=40)
EXAMPLES = tuple(example(day=f"2011-01-0{day}", old=f"{day}.50", new=f"{day * 2}.00") for day in range(1, 6))
ROW_GONE = RowExample(key=(("day", "2011-01-09"),), column=None, old="{'net': 1}", new=None)
ROW_CAME = RowExample(key=(("day", "2011-01-08"),), column=None, old=None, new="{'net': 2}")


def test_nothing_moved_and_nothing_declared_passes() -> None:
    verdict = judge(review(diffs=(diff(REVENUE, column()),)))
    assert_passes(verdict)
    assert verdict.summary == "1 dataset compared with production: 0 moved, in 0 columns, all as declared."


def test_movement_as_declared_passes() -> None:
    moved = diff(REVENUE, column(new="970.00", changed=12), rows=(100, 98))
    declared = story(impact=impact(rows="-5%..0%", columns={"net": "-5%..0%"}))
    verdict = judge(review(story=declared, diffs=(moved,)))
    assert_passes(verdict)
    assert verdict.summary == "1 dataset compared with production: 1 moved, in 1 column, all as declared."


def test_a_dataset_that_the_impact_does_not_mention_must_not_move() -> None:
    verdict = judge(
        review(story=story(impact=impact(STAGED, rows="any")), diffs=(diff(REVENUE, DOUBLED), diff(STAGED)))
    )
    assert_fails(verdict, "undeclared")


def test_movement_outside_of_the_declared_rows_fails_however_small() -> None:
    declared = story(impact=impact(columns={"net": "any"}, where="country = 'France'"))
    moved = diff(REVENUE, column(new="970.00", changed=12))
    assert_passes(judge(review(story=declared, diffs=(moved,), outside=(diff(REVENUE, column()),))))
    elsewhere = diff(REVENUE, column(new="974.99", changed=1))
    verdict = judge(review(story=declared, diffs=(moved,), outside=(elsewhere,)))
    assert_fails(verdict, "outside")
    assert verdict.findings[0].expected == "nothing but rows with country = 'France', as the story's impact has it"
    assert verdict.summary.endswith("1 moved outside of the declared rows.")


def test_undeclared_movement_is_told_with_numbers_and_at_most_three_rows() -> None:
    verdict = judge(review(diffs=(diff(REVENUE, DOUBLED, examples=EXAMPLES),)))
    assert_fails(verdict, "undeclared")
    assert verdict.summary == "The declared impact is contradicted in 1 dataset (1 compared): 1 moved undeclared."
    found = verdict.findings[0]
    figures = "total 1,000.00 → 1,950.00 (+95.0000%), 40 of 100 rows changed"
    assert found.message == f"net of {REVENUE} moved and the story does not say so"
    rows = "day=2011-01-01: 1.50 → 2.00; day=2011-01-02: 2.50 → 4.00; day=2011-01-03: 3.50 → 6.00"
    assert found.found == f"{figures}; for instance {rows}"
    assert found.expected == "no movement, as the story's impact has it"
    assert (found.place.dataset, found.place.field) == (REVENUE, "net")
    assert (found.place.file, found.place.line) == ("pipelines/sales/daily_revenue.sql", None)
    assert found.remedy == "mend the query; if the movement is wanted, declare it under `impact` in stories/RETAIL-2.md"


def test_movement_out_of_bounds_is_told_with_the_bounds() -> None:
    declared = story(impact=impact(columns={"net": "-5%..0%"}))
    verdict = judge(review(story=declared, diffs=(diff(REVENUE, DOUBLED),)))
    assert_fails(verdict, "out_of_bounds")
    assert verdict.findings[0].expected == "-5%..0%, as the story's impact has it"


def test_rows_that_came_and_went_are_shown() -> None:
    verdict = judge(review(diffs=(diff(added=1, removed=1, examples=(ROW_CAME, ROW_GONE, example())),)))
    assert_fails(verdict, "undeclared")
    assert verdict.findings[0].message.startswith(f"the row count of {REVENUE} moved")
    assert str(verdict.findings[0].found).endswith("for instance added {'net': 2}; removed {'net': 1}")


def test_a_column_without_examples_of_its_own_shows_rows_that_came_and_went() -> None:
    declared = story(impact=impact(rows="any"))
    lost = diff(REVENUE, column(new="999"), rows=(100, 99), examples=(ROW_GONE, example("gross")))
    verdict = judge(review(story=declared, diffs=(lost,)))
    assert str(verdict.findings[0].found).endswith("for instance removed {'net': 1}")


def test_a_value_that_is_null_is_shown_as_such() -> None:
    verdict = judge(review(diffs=(diff(REVENUE, DOUBLED, examples=(example(old=None, new="3"),)),)))
    assert str(verdict.findings[0].found).endswith("day=2011-01-04: NULL → 3")


def test_declared_movement_that_never_came_fails() -> None:
    declared = story(impact=impact(rows="-5%..0%", columns={"net": "-5%..0%"}))
    verdict = judge(review(story=declared, diffs=(diff(REVENUE, column(), examples=(example(),)),)))
    assert_fails(verdict, "never_came", "never_came")
    assert verdict.findings[0].remedy == (
        "look whether the change does what it should; if it does, correct `impact` in stories/RETAIL-2.md"
    )
    assert "for instance" not in str(verdict.findings[1].found)


def test_every_other_column_is_named_in_words() -> None:
    verdict = judge(review(story=story(impact=impact(every="-5%..0%")), diffs=(diff(REVENUE, column()),)))
    assert_fails(verdict, "never_came")
    assert verdict.findings[0].message.startswith(f"every other column of {REVENUE} did not move")
    assert verdict.findings[0].place.field is None


def test_an_undeclared_column_fails() -> None:
    assert_fails(judge(review(diffs=(diff(REVENUE, schema_added=("margin",)),))), "schema")


def test_the_summary_counts_each_kind() -> None:
    declared = story(impact=impact(columns={"gross": "-5%..0%", "orders": "-5%..0%"}))
    moved = diff(REVENUE, DOUBLED, column("gross", new="1", changed=1), column("orders"), schema_removed=("old",))
    verdict = judge(review(story=declared, diffs=(moved, diff(STAGED))))
    assert_fails(verdict, "undeclared", "out_of_bounds", "never_came", "schema")
    assert verdict.summary == (
        "The declared impact is contradicted in 1 dataset (2 compared):"
        " 1 moved undeclared, 1 moved out of bounds, 1 never came, 1 changed the schema undeclared."
    )


# --- the join behind it


def test_a_join_of_the_dataset_is_named_in_the_place_and_in_the_remedy() -> None:
    verdict = judge(review(diffs=(diff(REVENUE, DOUBLED),), multiplying=(join(),)))
    assert_fails(verdict, "undeclared")
    found = verdict.findings[0]
    assert (found.place.file, found.place.line) == ("pipelines/sales/daily_revenue.sql", 9)
    assert found.place.excerpt == "LEFT JOIN sales.products AS products USING (stock_code)"
    assert (found.place.dataset, found.place.field) == (REVENUE, "net")
    assert str(found.remedy).startswith(
        "the join with sales.products finds up to 4 rows for one key (stock_code=85123A: 4): join one row per key;"
    )


def test_a_join_without_examples_is_named_without_any() -> None:
    verdict = judge(review(diffs=(diff(REVENUE, DOUBLED),), multiplying=(join(examples=()),)))
    assert "up to 4 rows for one key: join one row per key;" in str(verdict.findings[0].remedy)


def test_a_join_upstream_is_named_and_one_elsewhere_is_not() -> None:
    upstream, elsewhere = join(STAGED, file="stg.sql", line=3), join("sales.other", file="other.sql")
    reads = {REVENUE: ("sales.middle",), "sales.middle": (STAGED, REVENUE), STAGED: ()}
    moved = (diff(REVENUE, DOUBLED),)
    verdict = judge(review(diffs=moved, multiplying=(elsewhere, upstream), reads=reads))
    assert (verdict.findings[0].place.file, verdict.findings[0].place.line) == ("stg.sql", 3)
    assert judge(review(diffs=moved, multiplying=(elsewhere,), reads=reads)).findings[0].place.line is None


def test_the_dataset_s_own_join_comes_before_one_upstream() -> None:
    reads = {REVENUE: (STAGED,)}
    both = (join(STAGED, file="stg.sql"), join())
    verdict = judge(review(diffs=(diff(REVENUE, DOUBLED),), multiplying=both, reads=reads))
    assert verdict.findings[0].place.file == "pipelines/sales/daily_revenue.sql"


def test_a_join_explains_more_rows_and_never_fewer() -> None:
    more = judge(review(diffs=(diff(rows=(100, 110)),), multiplying=(join(),)))
    fewer = judge(review(diffs=(diff(rows=(100, 90)),), multiplying=(join(),)))
    assert (more.findings[0].place.line, fewer.findings[0].place.line) == (9, None)
    others = judge(review(diffs=(diff(added=3, removed=3),), multiplying=(join(),)))
    assert others.findings[0].place.line == 9


def test_a_join_explains_no_movement_that_never_came() -> None:
    declared = story(impact=impact(rows="-5%..0%"))
    verdict = judge(review(story=declared, diffs=(diff(),), multiplying=(join(),)))
    assert verdict.findings[0].place.line is None


# --- what could not be compared


@pytest.mark.parametrize(
    "declared", [impact(rows="-5%..0%"), impact(columns={"net": "1%..2%"}), impact(every="1%..2%")]
)
def test_movement_declared_for_a_dataset_that_the_change_leaves_alone_never_came(declared: dict[str, object]) -> None:
    verdict = judge(review(story=story(impact=declared)))
    assert_fails(verdict, "never_came")
    assert verdict.findings[0].message == f"{REVENUE} was declared to move, and the change does not touch it"
    assert verdict.findings[0].expected == "the declared movement"


@pytest.mark.parametrize("bound", ["none", "any"])
def test_a_declaration_that_expects_nothing_needs_no_comparison(bound: str) -> None:
    assert judge(review(story=story(impact=impact(rows=bound)))).outcome is Outcome.NOT_APPLICABLE


def test_movement_declared_for_a_dataset_that_is_new_cannot_come() -> None:
    verdict = judge(review(story=story(impact=impact(rows="-5%..0%")), new_datasets=(REVENUE,)))
    assert_fails(verdict, "never_came")
    assert verdict.findings[0].found == "it is not in production"


def test_a_dataset_declared_new_must_be_made() -> None:
    declared = story(impact=impact(new=True))
    assert judge(review(story=declared, new_datasets=(REVENUE,))).outcome is Outcome.NOT_APPLICABLE
    verdict = judge(review(story=declared))
    assert_fails(verdict, "never_came")
    assert verdict.findings[0].message == f"{REVENUE} was declared new, and the change does not touch it"
    assert verdict.findings[0].expected == "a new dataset"


def test_a_dataset_whose_rows_all_go_with_it_is_removed_as_declared() -> None:
    declared = story(impact=impact(rows="-100%..-100%"))
    assert judge(review(story=declared, removed=(REVENUE,))).outcome is Outcome.NOT_APPLICABLE
    assert_fails(judge(review(story=declared)), "never_came")


def test_a_story_of_new_datasets_alone_is_not_judged() -> None:
    assert judge(review(new_datasets=(REVENUE,))).outcome is Outcome.NOT_APPLICABLE


def test_after_a_failed_run_nothing_is_judged() -> None:
    declared = story(impact=impact(rows="-5%..0%"))
    failed = review(story=declared, run_findings=(finding("run.failed"),))
    assert judge(failed).outcome is Outcome.NOT_APPLICABLE
    warned = review(story=declared, run_findings=(finding("run.slow", Severity.WARNING),))
    assert_fails(judge(warned), "never_came")


# --- on real rows

COLUMNS = (("day", "DATE"), ("net", "DECIMAL(18,2)"), ("lines", "BIGINT"))
INVOICES = (
    "(VALUES (DATE '2011-01-04', 'A', 10.00), ('2011-01-04', 'B', 5.50), ('2011-01-05', 'B', 7.00))"
    " AS i(day, code, net)"
)
PRODUCTS = "(VALUES ('A', 'star'), ('B', 'boat'), ('B', 'BOAT')) AS p(code, name)"


def compared(new: str, key: tuple[str, ...]) -> DatasetDiff:
    """The diff that DuckDB finds between the invoices by day and what `new` selects."""
    old = f"(SELECT day, CAST(sum(net) AS DECIMAL(18,2)) AS net, count(*) AS lines FROM {INVOICES} GROUP BY day)"
    sides = [Side(relation=relation, columns=COLUMNS) for relation in (old, f"({new})")]
    comparison = compare_queries(REVENUE, *sides, key=key)
    with duckdb.connect() as connection:
        rows = {name: connection.execute(sql).fetchall() for name, sql in comparison.queries.items()}
    return read_diff(comparison, rows)


JOINED = (
    "SELECT day, CAST(sum(i.net) AS DECIMAL(18,2)) AS net, count(*) AS lines"
    f" FROM {INVOICES} LEFT JOIN {PRODUCTS} USING (code) GROUP BY day"
)
PRODUCT_A = f"SELECT day, CAST(net AS DECIMAL(18,2)) AS net, 1::BIGINT AS lines FROM {INVOICES} WHERE code = 'A'"


def test_a_join_that_doubles_revenue_is_stopped_with_the_numbers_the_rows_and_the_line() -> None:
    moved = compared(JOINED, ("day",))
    declared = story(impact=impact(columns={"lines": "0%..100%"}))
    verdict = judge(review(story=declared, diffs=(moved,), multiplying=(join(),)))
    assert_fails(verdict, "undeclared")
    found = str(verdict.findings[0].found)
    assert found.startswith("total 22.50 → 35.00 (+55.5556%), 2 of 2 rows changed; for instance ")
    assert "day=2011-01-04: 15.50 → 21.00; day=2011-01-05: 7.00 → 14.00" in found
    assert verdict.findings[0].place.line == 9


@pytest.mark.parametrize("key", [("day",), ()])
def test_rows_that_a_filter_takes_away_are_measured_with_and_without_a_key(key: tuple[str, ...]) -> None:
    moved = compared(PRODUCT_A, key)
    assert (moved.old_rows, moved.new_rows, moved.columns[1].new_total) == (2, 1, Decimal("10.00"))
    assert_passes(judge(review(story=story(impact=impact(rows="-50%..0%", every="any")), diffs=(moved,))))
    assert_fails(judge(review(diffs=(moved,))), "undeclared", "undeclared", "undeclared")
    tight = story(impact=impact(rows="-49%..0%", columns={"net": "-50%..0%", "lines": "-70%..0%"}))
    assert_fails(judge(review(story=tight, diffs=(moved,))), "out_of_bounds", "out_of_bounds")


@pytest.mark.parametrize("key", [("day",), ()])
def test_an_equal_rewrite_agrees_with_no_declared_impact(key: tuple[str, ...]) -> None:
    same = f"SELECT day, sum(net)::DECIMAL(18,2) AS net, count(code) AS lines FROM {INVOICES} GROUP BY day"
    assert_passes(judge(review(diffs=(compared(same, key),))))
