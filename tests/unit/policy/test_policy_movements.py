"""Where a diff and the declared impact disagree, down to the last digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import REVENUE, column, diff, example, impact

from penstock.policy.movements import Contradiction, Fault, contradictions, percent_moved, percent_text, unbounded
from penstock.quality.comparison import ColumnMovement, DatasetDiff, RowExample

if TYPE_CHECKING:
    from penstock.model.stories import Impact

WHOLE_ROW = RowExample(key=(), column=None, old=None, new="{'net': 1}")


def found(one: DatasetDiff, declared: dict[str, Impact] | None = None) -> list[tuple[Fault, str | None]]:
    return [(each.fault, each.column) for each in full(one, declared)]


def full(one: DatasetDiff, declared: dict[str, Impact] | None = None) -> tuple[Contradiction, ...]:
    return contradictions(one, (declared or {}).get(one.dataset))


# --- rows


def test_standing_still_agrees_with_no_declaration() -> None:
    assert found(diff(REVENUE, column())) == []


@pytest.mark.parametrize("rows", [None, "none", "0%..0%"])
def test_rows_that_are_not_declared_to_move_must_not(rows: str | None) -> None:
    moved = diff(rows=(100, 101))
    assert found(moved, impact(rows=rows)) == [(Fault.UNDECLARED, None)]
    assert full(moved)[0].figures == "100 → 101 rows (+1.0000%), 1 added and 0 removed"
    assert full(moved, impact(rows=rows))[0].declared == "no movement"


def test_rows_swapped_for_others_have_moved_though_their_count_stands() -> None:
    swapped = diff(added=3, removed=3)
    assert found(swapped) == [(Fault.UNDECLARED, None)]
    assert found(swapped, impact(rows="none")) == [(Fault.UNDECLARED, None)]
    assert found(swapped, impact(rows="-5%..5%")) == []
    assert found(swapped, impact(rows="1%..5%")) == [(Fault.OUT_OF_BOUNDS, None)]


def test_without_a_key_rows_are_judged_by_their_count() -> None:
    changed = diff(added=3, removed=3, examples=(WHOLE_ROW,))
    assert found(changed) == []
    assert found(changed, impact(rows="-5%..5%")) == [(Fault.NEVER_CAME, None)]
    assert found(diff(rows=(100, 99), examples=(WHOLE_ROW,))) == [(Fault.UNDECLARED, None)]


@pytest.mark.parametrize(
    ("new", "agrees"), [(94, False), (95, True), (98, True), (99, True), (100, False), (101, False)]
)
def test_rows_move_within_their_bounds_ends_included(new: int, agrees: bool) -> None:
    assert (found(diff(rows=(100, new)), impact(rows="-5%..-1%")) == []) is agrees


def test_rows_that_appear_in_an_empty_dataset_are_within_no_bound_but_any() -> None:
    assert found(diff(rows=(0, 5)), impact(rows="-100%..900%")) == [(Fault.OUT_OF_BOUNDS, None)]
    assert found(diff(rows=(0, 5)), impact(rows="any")) == []
    assert "(from zero)" in full(diff(rows=(0, 5)))[0].figures


@pytest.mark.parametrize(("rows", "expected"), [("-5%..0%", True), ("5%..5%", True), ("any", False), ("none", False)])
def test_declared_movement_of_rows_must_come(rows: str, expected: bool) -> None:
    assert found(diff(), impact(rows=rows)) == ([(Fault.NEVER_CAME, None)] if expected else [])


# --- columns


@pytest.mark.parametrize("bound", [None, "none"])
def test_a_column_that_is_not_declared_to_move_must_not(bound: str | None) -> None:
    moved = diff(REVENUE, column(new="1050", changed=4))
    assert found(moved, impact(columns={"net": bound} if bound else {})) == [(Fault.UNDECLARED, "net")]
    assert full(moved)[0].figures == "total 1,000.00 → 1,050 (+5.0000%), 4 of 100 rows changed"


def test_values_that_change_and_keep_their_total_have_moved() -> None:
    assert found(diff(REVENUE, column(changed=2))) == [(Fault.UNDECLARED, "net")]
    assert found(diff(REVENUE, column(changed=2)), impact(columns={"net": "-1%..1%"})) == []


def test_a_total_that_moves_with_the_rows_has_moved() -> None:
    lost = diff(REVENUE, column(new="990"), rows=(100, 99))
    assert found(lost, impact(rows="-5%..0%")) == [(Fault.UNDECLARED, "net")]
    assert found(lost, impact(rows="-5%..0%", every="any")) == []


def test_without_a_key_a_total_may_move_with_declared_rows_if_every_column_may() -> None:
    lost = diff(REVENUE, column(new="990"), rows=(100, 99), examples=(WHOLE_ROW,))
    assert found(lost, impact(rows="-5%..0%", every="any")) == []
    assert found(lost, impact(rows="-5%..0%", columns={"net": "-2%..0%"})) == []
    assert found(lost, impact(rows="-5%..0%")) == [(Fault.UNDECLARED, "net")]


def test_the_total_of_a_key_column_moves_with_the_rows_alone() -> None:
    number = RowExample(key=(("number", "7"),), column=None, old="{}", new=None)
    lost = diff(REVENUE, column("number", new="993"), rows=(100, 99), examples=(number,))
    assert found(lost, impact(rows="-5%..0%")) == []
    retyped = diff(REVENUE, column("number", new="993", changed=1), rows=(100, 99), examples=(number,))
    assert found(retyped, impact(rows="-5%..0%")) == [(Fault.UNDECLARED, "number")]


@pytest.mark.parametrize(("new", "agrees"), [("949.99", False), ("950", True), ("999.99", True), ("1000.01", False)])
def test_a_column_moves_within_its_bounds_ends_included(new: str, agrees: bool) -> None:
    moved = diff(REVENUE, column(new=new, changed=1))
    expected = [] if agrees else [(Fault.OUT_OF_BOUNDS, "net")]
    assert found(moved, impact(columns={"net": "-5%..0%"})) == expected


def test_bounds_are_held_against_the_exact_movement() -> None:
    a_penny = diff(REVENUE, column(old="1000000000.00", new="1000000000.01", changed=1))
    assert found(a_penny, impact(columns={"net": "-5%..0%"})) == [(Fault.OUT_OF_BOUNDS, "net")]


def test_a_named_bound_comes_before_that_of_every_column() -> None:
    moved = diff(REVENUE, column(new="900", changed=9), column("gross", new="900", changed=9))
    declared = impact(columns={"net": "-5%..0%"}, every="-20%..0%")
    assert found(moved, declared) == [(Fault.OUT_OF_BOUNDS, "net")]


def test_a_total_that_grows_from_zero_is_within_no_bound_but_any() -> None:
    grown = diff(REVENUE, column(old="0", new="5", changed=1))
    assert found(grown, impact(columns={"net": "-99%..99%"})) == [(Fault.OUT_OF_BOUNDS, "net")]
    assert found(grown, impact(columns={"net": "any"})) == []


def test_values_in_place_of_nothing_at_all_have_moved() -> None:
    filled = diff(REVENUE, column(old=None, new="0", changed=1))
    assert full(filled)[0].figures == "total nothing → 0 (+0.0000%), 1 of 100 rows changed"


@pytest.mark.parametrize(("changed", "agrees"), [(5, True), (6, False)])
def test_a_column_that_cannot_be_added_up_is_measured_by_its_changed_rows(changed: int, agrees: bool) -> None:
    moved = diff(REVENUE, column("country", changed=changed, numeric=False))
    for bound in ("-5%..0%", "0%..5%", "-2%..5%"):
        assert (found(moved, impact(columns={"country": bound})) == []) is agrees
    assert found(moved, impact(columns={"country": "any"})) == []
    assert full(moved)[0].figures == f"{changed} of 100 rows changed"


@pytest.mark.parametrize(("bound", "expected"), [("-5%..0%", True), ("5%..5%", True), ("any", False), ("none", False)])
def test_declared_movement_of_a_column_must_come(bound: str, expected: bool) -> None:
    still = diff(REVENUE, column(), column("gross", new="990", changed=1))
    declared = impact(columns={"net": bound, "gross": "-5%..0%"})
    assert found(still, declared) == ([(Fault.NEVER_CAME, "net")] if expected else [])


def test_movement_declared_for_every_column_must_come_in_one_of_them() -> None:
    declared = impact(every="-5%..0%")
    assert found(diff(REVENUE, column(), column("gross")), declared) == [(Fault.NEVER_CAME, "*")]
    assert found(diff(REVENUE, column(), column("gross", new="990", changed=1)), declared) == []
    assert found(diff(REVENUE, column()), impact(every="any")) == []


def test_named_columns_do_not_speak_for_every_other() -> None:
    declared = impact(columns={"net": "-5%..0%"}, every="-5%..0%")
    moved = column(new="990", changed=1)
    assert found(diff(REVENUE, moved, column("gross")), declared) == [(Fault.NEVER_CAME, "*")]
    assert found(diff(REVENUE, moved), declared) == []


# --- schema


@pytest.mark.parametrize(
    ("change", "figures"),
    [
        ({"schema_added": ("margin",)}, "a new column"),
        ({"schema_removed": ("margin",)}, "the column is gone"),
        ({"schema_retyped": (("margin", "INTEGER", "BIGINT"),)}, "type INTEGER → BIGINT"),
    ],
)
def test_another_schema_must_be_declared(change: dict[str, object], figures: str) -> None:
    other = diff(REVENUE, **change)  # type: ignore[arg-type]  # keywords of one of the fields
    assert found(other) == [(Fault.SCHEMA, "margin")]
    assert full(other)[0].figures == figures
    assert found(other, impact(columns={"margin": "none"})) == [(Fault.SCHEMA, "margin")]
    assert found(other, impact(columns={"margin": "any"})) == []
    assert found(other, impact(columns={"margin": "0%..5%"})) == []
    assert found(other, impact(every="any")) == []


def test_a_bound_for_a_column_that_is_not_there_is_a_mistake() -> None:
    assert found(diff(REVENUE, column()), impact(columns={"nett": "any"})) == [(Fault.NEVER_CAME, "nett")]


# --- as a whole


@pytest.mark.parametrize(
    ("bound", "new", "beyond"),
    [
        ("any", "1501", True),
        ("any", "1500", False),
        ("any", "499", True),
        ("0%..900%", "9000", False),
        ("gone", "1", False),
    ],
)
def test_any_covers_a_total_that_moves_by_half_at_most(bound: str, new: str, beyond: bool) -> None:
    moved = diff(REVENUE, column(new=new, changed=90))
    named = unbounded(moved, impact(columns={"net": bound})[REVENUE], Decimal(50))
    assert [one.fault for one in named] == ([Fault.UNBOUNDED] if beyond else [])


@pytest.mark.parametrize(
    ("new", "changed", "rows"),
    [("300", 90, (100, 30)), ("900", 90, (100, 30)), ("300", 49, (100, 100))],
)
def test_what_goes_with_rows_is_no_movement_of_values(new: str, changed: int, rows: tuple[int, int]) -> None:
    moved = diff(REVENUE, column(new=new, changed=changed), rows=rows)
    assert unbounded(moved, impact(every="any")[REVENUE], Decimal(50)) == ()


def test_what_comes_of_nothing_or_is_new_wants_no_bound() -> None:
    said = impact(every="any")[REVENUE]
    assert unbounded(diff(REVENUE, column(old="0", new="9", changed=9)), said, Decimal(50)) == ()
    assert unbounded(diff(REVENUE, column(new="9000", changed=9), rows=(0, 9)), said, Decimal(50)) == ()
    assert unbounded(diff(REVENUE, column(new="9000", changed=9)), None, Decimal(50)) == ()


@pytest.mark.parametrize(("bound", "faults"), [("-5%..5%", [Fault.COARSER]), ("any", [])])
def test_values_keep_fractions_unless_anything_may_happen_to_them(bound: str, faults: list[Fault]) -> None:
    rounded = replace(column(new="1001.00", changed=90), lost_fractions=True)
    assert [fault for fault, _ in found(diff(REVENUE, rounded), impact(columns={"net": bound}))] == faults


def test_a_column_declared_gone_must_go() -> None:
    declared = impact(columns={"returns": "gone"})
    assert found(diff(REVENUE, column(), schema_removed=("returns",)), declared) == []
    assert full(diff(REVENUE, column("returns")), declared)[0].figures == "the column is still there"
    assert found(diff(REVENUE, column()), declared) == [(Fault.NEVER_CAME, "returns")]


def test_a_dataset_declared_new_that_is_there_must_not_move() -> None:
    assert found(diff(REVENUE, column(new="1", changed=1)), impact(new=True)) == [(Fault.UNDECLARED, "net")]


def test_any_for_a_dataset_allows_everything() -> None:
    wild = diff(
        REVENUE,
        column(new="0", changed=100),
        column("country", changed=100, numeric=False),
        rows=(100, 7),
        schema_added=("x",),
        schema_removed=("y",),
        examples=(example(),),
    )
    assert found(wild, impact(rows="any", every="any")) == []


totals = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


@given(old=totals, new=totals)
def test_percentages_are_exact(old: Decimal, new: Decimal) -> None:
    percent = percent_moved(old, new)
    if old == 0:
        assert percent == (0 if new == 0 else None)
    else:
        assert percent is not None
        assert Fraction(old) + abs(Fraction(old)) * percent / 100 == Fraction(new)
    assert percent_text(percent)


@given(old=totals, new=totals, changed=st.integers(0, 3), rows=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_whatever_moves_is_either_allowed_or_named(
    old: Decimal, new: Decimal, changed: int, rows: tuple[int, int]
) -> None:
    moved = diff(
        REVENUE, ColumnMovement(name="net", numeric=True, changed_rows=changed, old_total=old, new_total=new), rows=rows
    )
    expected: list[tuple[Fault, str | None]] = [(Fault.UNDECLARED, None)] if rows[0] != rows[1] else []
    expected += [(Fault.UNDECLARED, "net")] if changed or old != new else []
    assert found(moved) == expected
    assert found(moved, impact(rows="any", every="any")) == []
