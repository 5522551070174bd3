"""An empty difference blocks where rows are known that would differ; every other place nothing went through is said."""

from __future__ import annotations

from dataclasses import replace

from policy_cases import REVENUE, assert_fails, assert_passes, finding, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.vacuous_diff import judge
from penstock.quality.exercise import Comparison, Exercise, Grounds, PlaceSeen, Sides, Tally
from penstock.quality.synthesis import MadeUp
from penstock.quality.witness import Witness
from penstock.sql.changes import ChangedPlace, ChangeKind

PLACE = ChangedPlace(
    kind=ChangeKind.FILTER, line=9, excerpt="WHERE quantity >= 0", old="quantity > 0", new="quantity >= 0"
)
ROWS = MadeUp(dataset="sales.stg_invoices", columns=(("quantity", "INTEGER"),), rows=(("0",),))
WITNESS = Witness(world=(ROWS,), columns=("gross",), old=(), new=(("0.00",),))
UNSEEN = PlaceSeen(
    place=PLACE,
    grounds=Grounds.NO_ROW_CROSSED,
    tally=Tally(rows=1200, old=1100, new=1100, crossing=0),
    sides=Sides(rows=1200, met=(("quantity > 0", 1100),)),
    witness=WITNESS,
)
SEEN = PlaceSeen(place=PLACE, grounds=Grounds.CROSSED, tally=Tally(rows=9, old=5, new=6, crossing=1))


def exercise(*places: PlaceSeen, comparison: Comparison = Comparison.NOT_EXERCISED) -> Exercise:
    return Exercise(
        dataset=REVENUE, file="pipelines/sales/daily_revenue.sql", comparison=comparison, places=tuple(places)
    )


def test_places_that_rows_went_through_pass() -> None:
    verdict = judge(review(exercises=(exercise(SEEN, comparison=Comparison.EXERCISED),)))
    assert_passes(verdict)
    assert verdict.summary == "1 changed place in 1 query: 1 gone through."


def test_rows_that_others_outweigh_fail_with_rows_that_would_show_it() -> None:
    hidden = replace(SEEN, witness=WITNESS)
    verdict = judge(review(exercises=(exercise(hidden, comparison=Comparison.EXERCISED),)))
    assert_fails(verdict, "outweighed")
    assert verdict.findings[0].message.startswith("rows took another way in sales.daily_revenue")
    tested = exercise(replace(hidden, test="a free sample"), comparison=Comparison.EXERCISED)
    assert_passes(judge(review(exercises=(tested,))))


def test_nothing_moved_and_nothing_went_through_fails_with_rows_that_would_show_it() -> None:
    verdict = judge(review(exercises=(exercise(UNSEEN),)))
    assert_fails(verdict, "")
    found = verdict.findings[0]
    assert (found.place.file, found.place.line) == ("pipelines/sales/daily_revenue.sql", 9)
    assert found.message.endswith("went through what changed in sales.daily_revenue: quantity > 0 → quantity >= 0")
    assert found.found == (
        "no row was treated otherwise than before: 1,200 rows seen, old takes 1,100, new takes 1,100, 0 cross; "
        "quantity > 0: 1,100"
    )
    assert found.remedy == (
        "add a data test for sales.daily_revenue, for instance sales.stg_invoices with (quantity=0): "
        "the old query gives nothing, the new one (gross=0.00)"
    )


def test_a_data_test_that_tells_them_apart_is_enough() -> None:
    assert_passes(judge(review(exercises=(exercise(replace(UNSEEN, test="an order of nothing")),))))


def test_a_place_beside_one_that_moved_is_only_mentioned() -> None:
    verdict = judge(review(exercises=(exercise(SEEN, UNSEEN, comparison=Comparison.DIFFERENT),)))
    assert_passes(verdict)
    assert [found.severity for found in verdict.findings] == [Severity.WARNING]
    assert verdict.summary == "2 changed places in 1 query: 1 gone through; 1 not, which the dossier lists."


def test_a_place_for_which_no_row_is_known_is_only_mentioned() -> None:
    verdict = judge(review(exercises=(exercise(replace(UNSEEN, witness=None)),)))
    assert_passes(verdict)
    assert verdict.findings[0].remedy is not None
    assert verdict.findings[0].remedy.startswith("look at it by hand")


def test_it_is_not_applicable_without_a_changed_query_or_after_a_failed_run() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    failed = judge(review(exercises=(exercise(UNSEEN),), run_findings=(finding(),)))
    assert failed.outcome is Outcome.NOT_APPLICABLE
