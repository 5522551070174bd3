"""What is tried on a dataset's slices, and how the trials are judged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from penstock.model.findings import Finding, Severity
from penstock.model.intervals import Grain, Interval
from penstock.quality.comparison import ColumnMovement, DatasetDiff, RowExample
from penstock.quality.slicing import (
    NEWEST,
    OLDEST,
    Order,
    Scenario,
    SliceOutcome,
    SliceVerdict,
    Step,
    Trial,
    WhyNot,
    outcome_of,
    scenarios,
    windows,
)


def days(count: int, start: str = "2024-03-01") -> tuple[Interval, ...]:
    first = Interval.parse(f"{start}/2030-01-01").start
    return tuple(Interval(Grain.DAY.step(first, n), Grain.DAY.step(first, n + 1)) for n in range(count))


WEEK = days(7)
SPAN = Interval(WEEK[0].start, WEEK[-1].end)


def tried(*, merged: bool = False, seed: int = 0, occupied: tuple[Interval, ...] = WEEK) -> dict[Order, Scenario]:
    return {each.order: each for each in scenarios(WEEK, merged=merged, seed=seed, occupied=occupied)}


def built(scenario: Scenario) -> list[Interval]:
    return [step.interval for step in scenario.steps]


# -- which slices -----------------------------------------------------------------------------------------------------


def test_a_short_history_is_tried_whole() -> None:
    assert windows(days(5)) == (days(5),)
    assert windows(days(NEWEST)) == (days(NEWEST),)


def test_of_a_long_history_the_oldest_and_the_newest_slices_are_tried() -> None:
    history = days(100)
    assert windows(history) == (history[:OLDEST], history[-NEWEST:])
    assert windows(history[::-1]) == windows(history)


def test_windows_that_would_meet_are_one() -> None:
    assert windows(days(NEWEST + OLDEST - 1)) == (days(NEWEST + OLDEST - 1)[-NEWEST:],)


def test_no_window_goes_over_a_gap() -> None:
    before, after = days(4), days(6, "2024-06-01")
    assert windows([*before, *after]) == (before[:OLDEST], after)


def test_slices_without_a_neighbour_are_no_window() -> None:
    assert windows([WEEK[0], WEEK[2], WEEK[4]]) == ()
    assert windows([]) == ()
    assert windows([WEEK[0], WEEK[2], WEEK[3]]) == (WEEK[2:4],)


# -- which orders -----------------------------------------------------------------------------------------------------


def test_slices_of_an_interval_are_tried_in_every_order() -> None:
    assert set(tried()) == set(Order) - {Order.EMPTY}


@pytest.mark.parametrize("seed", range(20))
def test_every_order_builds_every_slice_and_the_mixed_one_is_neither_up_nor_down(seed: int) -> None:
    found = tried(seed=seed)
    assert built(found[Order.NATURAL]) == list(WEEK)
    assert built(found[Order.REVERSED]) == list(WEEK[::-1])
    assert sorted(built(found[Order.SHUFFLED])) == list(WEEK)
    assert built(found[Order.SHUFFLED]) not in (list(WEEK), list(WEEK[::-1]))
    assert found[Order.LATE].picked in WEEK[1:-1], "with neighbours on both sides"


def test_the_same_seed_tries_the_same_and_another_seed_something_else() -> None:
    assert tried(seed=7) == tried(seed=7)
    assert len({tuple(built(tried(seed=seed)[Order.SHUFFLED])) for seed in range(10)}) > 1


def test_the_mixed_order_of_three_slices_is_still_another() -> None:
    three = WEEK[:3]
    for seed in range(30):
        mixed = next(s for s in scenarios(three, merged=False, seed=seed) if s.order is Order.SHUFFLED)
        assert built(mixed) not in (list(three), list(three[::-1]))


def test_one_build_covers_all_slices_at_once() -> None:
    assert tried()[Order.AGAIN].steps == (Step(interval=SPAN),)


def test_the_late_slice_is_hidden_from_all_and_built_again_once_it_is_there() -> None:
    late = tried()[Order.LATE]
    assert late.picked is not None
    assert late.steps[:-1] == tuple(Step(interval=piece, hidden=late.picked) for piece in WEEK)
    assert late.steps[-1] == Step(interval=late.picked)
    assert late.hidden is None, "at the end everything is seen"


def test_as_it_arrives_no_slice_sees_the_input_of_later_ones() -> None:
    for step in tried()[Order.ARRIVING].steps[:-1]:
        assert step.hidden == Interval(step.interval.end, SPAN.end)
    assert tried()[Order.ARRIVING].steps[-1].hidden is None


def test_the_emptied_slice_is_built_with_its_input_and_then_without() -> None:
    emptied = tried()[Order.EMPTIED]
    assert built(emptied)[:-1] == list(WEEK)
    assert emptied.steps[-1] == Step(interval=emptied.picked or SPAN, hidden=emptied.picked)
    assert emptied.hidden == emptied.picked, "it is compared with one build that does not see it either"


def test_the_slice_that_something_befalls_is_one_with_input() -> None:
    for seed in range(10):
        assert tried(seed=seed, occupied=(WEEK[2],))[Order.LATE].picked == WEEK[2]


def test_without_input_to_hide_nothing_is_tried_that_hides_some() -> None:
    assert set(tried(occupied=())) == {Order.AGAIN, Order.NATURAL, Order.REVERSED, Order.SHUFFLED, Order.REPLAYED}
    assert not any(scenario.hides for scenario in tried(occupied=()).values())


# -- merges, which are taken in turn ----------------------------------------------------------------------------------


def test_a_merge_out_of_order_is_merged_again_from_the_first_that_came_too_early() -> None:
    backwards = tried(merged=True)[Order.REVERSED]
    assert built(backwards) == [*WEEK[::-1], *WEEK[1:]], "the oldest came last, and all others too early"
    assert backwards.out_of_turn == len(WEEK)


def test_a_late_slice_of_a_merge_is_merged_again_with_all_that_follow() -> None:
    late = tried(merged=True)[Order.LATE]
    again = late.steps[len(WEEK) :]
    assert [step.interval for step in again] == [piece for piece in WEEK if piece >= late.picked]  # type: ignore[operator]
    assert all(step.hidden is None for step in again)


def test_a_merge_is_tried_with_an_empty_slice_and_not_with_an_emptied_one() -> None:
    found = tried(merged=True)
    assert Order.EMPTIED not in found
    assert {step.hidden for step in found[Order.EMPTY].steps} == {found[Order.EMPTY].picked}


# -- judging ----------------------------------------------------------------------------------------------------------


def trial(order: Order, *, added: int = 0, failure: Finding | None = None) -> Trial:
    diff = DatasetDiff(
        dataset="s.daily",
        old_rows=7,
        new_rows=7 + added,
        added=added,
        removed=0,
        changed=0,
        columns=(
            ColumnMovement(name="x", numeric=True, changed_rows=added, old_total=Decimal(1), new_total=Decimal(1)),
        ),
        examples=(RowExample(key=(("day", "2024-03-02"),), column="x", old="3", new="1"),) if added else (),
    )
    return Trial(scenario=tried()[order], window=SPAN, diff=diff, failure=failure)


def verdict(*trials: Trial, why: WhyNot | None = None) -> SliceVerdict:
    return SliceVerdict(
        dataset="s.daily", file="daily.sql", outcome=outcome_of(trials), trials=trials, slices=WEEK, rows=7, why=why
    )


def test_slices_are_equal_only_if_they_are_in_every_order() -> None:
    assert outcome_of([trial(Order.NATURAL), trial(Order.LATE)]) is SliceOutcome.EQUAL
    assert outcome_of([trial(Order.NATURAL), trial(Order.LATE, added=1)]) is SliceOutcome.DIFFERENT
    assert outcome_of([]) is SliceOutcome.NOT_TRIED


def test_a_refused_build_is_a_difference() -> None:
    refused = Finding(code="engine.doubled_key", message="several new rows have the same key")
    assert outcome_of([trial(Order.NATURAL, failure=refused)]) is SliceOutcome.DIFFERENT
    (finding,) = verdict(trial(Order.NATURAL, failure=refused)).findings
    assert finding.found == "several new rows have the same key"


def test_a_difference_names_the_orders_the_rows_and_the_first_examples() -> None:
    (finding,) = verdict(trial(Order.NATURAL), trial(Order.REVERSED, added=2), trial(Order.LATE, added=3)).findings
    assert finding.code == "slices.different"
    assert finding.severity is Severity.ERROR
    assert "newest first: 2 row(s) differ" in finding.message
    assert "late, and that slice built again" in finding.message
    assert "oldest first" not in finding.message
    assert finding.found == "day=2024-03-02: x is 1 by slices, 3 at once"


def test_where_the_plainest_order_differs_the_others_are_counted() -> None:
    trials = [trial(Order.NATURAL, added=4), trial(Order.REVERSED, added=4), trial(Order.LATE, added=9)]
    (finding,) = verdict(*trials).findings
    assert finding.message.endswith("slice by slice, oldest first: 4 row(s) differ; and so in 2 other order(s)")


def test_that_it_differs_from_itself_is_always_said() -> None:
    (finding,) = verdict(trial(Order.AGAIN, added=1), trial(Order.NATURAL, added=1)).findings
    assert "built at once a second time: 1 row(s) differ; slice by slice" in finding.message


def test_what_differs_only_when_it_is_repeated_is_said_to() -> None:
    (finding,) = verdict(trial(Order.NATURAL), trial(Order.AGAIN, added=1)).findings
    assert finding.message.startswith("s.daily comes out otherwise when the same is built a second time")


def test_equal_slices_are_no_finding() -> None:
    assert verdict(trial(Order.NATURAL), trial(Order.LATE)).findings == ()


@pytest.mark.parametrize("why", WhyNot)
def test_what_was_not_tried_is_said_where_somebody_can_do_something_about_it(why: WhyNot) -> None:
    codes = {finding.code for finding in verdict(why=why).findings}
    inherent = why in {WhyNot.NOT_SLICED, WhyNot.NOT_SQL, WhyNot.ONE_SLICE}
    assert codes == (set() if inherent else {"slices.not_tried"})
    assert verdict(why=why).to_json()["why"] == str(why)
