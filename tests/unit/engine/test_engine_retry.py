"""Waiting before the next attempt: longer each time, up to a cap, never by less than half."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.retry import delay_before
from penstock.model.pipelines import Retry

JITTER = st.floats(0, 1, exclude_max=True)


def test_delays_grow_by_the_factor_up_to_the_cap() -> None:
    retry = Retry(attempts=6, delay=2, factor=3, cap=20)
    assert [delay_before(number, retry, 1.0) for number in range(2, 7)] == [2, 6, 18, 20, 20]


def test_there_is_no_attempt_beyond_the_last() -> None:
    assert delay_before(4, Retry(attempts=3), 0.5) is None
    assert delay_before(2, Retry(attempts=1), 0.5) is None
    assert delay_before(3, Retry(attempts=3), 0.5) is not None


@given(st.integers(2, 40), st.floats(0.1, 100), st.floats(1, 10), st.floats(0.1, 1000), JITTER)
def test_jitter_takes_away_at_most_half(attempt: int, delay: float, factor: float, cap: float, jitter: float) -> None:
    retry = Retry(attempts=50, delay=delay, factor=factor, cap=cap)
    full, drawn = delay_before(attempt, retry, 1.0), delay_before(attempt, retry, jitter)
    assert full is not None
    assert drawn is not None
    assert full / 2 <= drawn <= full <= cap
