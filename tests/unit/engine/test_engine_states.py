"""The state machine of a piece of work: what may follow what, and nothing else."""

from __future__ import annotations

from itertools import product

import pytest

from penstock.engine.states import FOLLOWS, HELD, OPEN, TaskState, moved

ENDS = frozenset(TaskState) - OPEN


@pytest.mark.parametrize(
    ("state", "to"), [(state, to) for state, to in product(TaskState, TaskState) if to not in FOLLOWS[state]]
)
def test_every_other_move_is_refused(state: TaskState, to: TaskState) -> None:
    with pytest.raises(ValueError, match=f"{to} cannot follow {state}"):
        moved(state, to)


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in TaskState for to in sorted(FOLLOWS[state])])
def test_every_move_of_the_table_is_allowed(state: TaskState, to: TaskState) -> None:
    assert moved(state, to) is to


@pytest.mark.parametrize("end", sorted(ENDS))
def test_nothing_follows_an_end(end: TaskState) -> None:
    assert not FOLLOWS[end]


def test_every_open_state_can_reach_an_end_and_be_cancelled() -> None:
    for state in OPEN:
        assert TaskState.CANCELLED in FOLLOWS[state]


def test_only_audited_rows_are_published_and_only_work_in_hand_fails() -> None:
    assert {state for state in TaskState if TaskState.PUBLISHED in FOLLOWS[state]} == {TaskState.AUDITING}
    assert {state for state in TaskState if TaskState.FAILED in FOLLOWS[state]} < HELD


def test_nothing_is_in_hand_that_was_not_queued_first() -> None:
    assert {state for state in TaskState if TaskState.LEASED in FOLLOWS[state]} == {TaskState.QUEUED}
