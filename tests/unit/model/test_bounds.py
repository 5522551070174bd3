"""How far something may move: a bound's text, what it holds, and whether it wants movement at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.model.stories import Bound

percents = st.decimals(min_value=-1000, max_value=1000, places=3)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("-5%..0%", "-5", "0"),
        (" -5% .. +2.5% ", "-5", "2.5"),
        ("0%..0%", "0", "0"),
        ("none", "0", "0"),
        ("any", "-Infinity", "Infinity"),
    ],
)
def test_a_bound_is_read_from_its_text(text: str, low: str, high: str) -> None:
    assert Bound.parse(text) == Bound(low=Decimal(low), high=Decimal(high))


@pytest.mark.parametrize(
    "text", ["", "5%", "5%..", "..5%", "-5..0", "-5%..0", "5%..-5%", "a%..b%", "1%..2%..3%", "all"]
)
def test_what_is_no_bound_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a bound") as caught:
        Bound.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["NaN%..NaN%", "sNaN%..1%", "-Infinity%..5%", "-5%..Infinity%"])
def test_a_bound_is_made_of_finite_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="is not a bound"):
        Bound.parse(text)


def test_both_ends_belong_to_a_bound() -> None:
    bound = Bound.parse("-5%..2%")
    assert bound.holds(Decimal(-5))
    assert bound.holds(Decimal(2))
    assert not bound.holds(Decimal("-5.001"))
    assert not bound.holds(Decimal("2.001"))


@given(percents)
def test_any_holds_everything_and_none_holds_only_standing_still(percent: Decimal) -> None:
    assert Bound.parse("any").holds(percent)
    assert Bound.parse("none").holds(percent) == (percent == 0)


@pytest.mark.parametrize(
    ("text", "wants"), [("any", False), ("none", False), ("-5%..0%", True), ("0%..3%", True), ("1%..3%", True)]
)
def test_only_a_real_range_wants_movement(text: str, wants: bool) -> None:
    assert Bound.parse(text).wants_movement is wants


@given(low=percents, high=percents)
def test_a_bound_survives_its_text(low: Decimal, high: Decimal) -> None:
    bound = Bound(low=min(low, high), high=max(low, high))
    assert Bound.parse(str(bound)) == bound


def test_any_survives_its_text() -> None:
    assert Bound.parse(str(Bound.parse("any"))) == Bound.parse("any")
