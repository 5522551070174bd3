"""A ledger, where there is one, knows how far a change's statements must reach, and misses what was cut off."""

from __future__ import annotations

import pytest

from penstock.delivery.verification import Recorded, recorded
from penstock.evidence.statements import Link
from penstock.ledger.facts import (
    ChangeApproved,
    ChangeOpened,
    ChangePromoted,
    ChangeRolledBack,
    Fact,
    IntervalObserved,
    RollbackBegun,
    StagePassed,
)
from penstock.sim.journal import MemoryJournal

ID = "SHOP-1"
OPENED = ChangeOpened(
    change=ID,
    title="Sales per day",
    story="stories/SHOP-1.md",
    story_sha256="0" * 64,
    author="ana",
    base_commit="c0",
    base_branch="main",
    branch="change/SHOP-1",
    until="2024-01-04",
)
STAGES = ("discovery", "design", "implementation", "review")
BEFORE_REVIEW = tuple(StagePassed(change=ID, stage=stage, commit="c1", envelope_sha256=stage) for stage in STAGES)
APPROVED = ChangeApproved(change=ID, by="bo", key_id="k", envelope_sha256="review", approval_sha256="approval")
PROMOTED = ChangePromoted(change=ID, promotion="p1", previous={}, observe_from="2024-01-04")
OBSERVED = IntervalObserved(change=ID, interval="2024-01-04/2024-01-05", state="held", detail="")
DONE = StagePassed(change=ID, stage="deployment", commit="c2", envelope_sha256="observation")
GOING_BACK = RollbackBegun(change=ID, reason="finance objects", by="bo")
BACK = ChangeRolledBack(change=ID, promotion="p2", reason="finance objects", by="bo")
WHOLE_WAY: tuple[Fact, ...] = (OPENED, *BEFORE_REVIEW, APPROVED, PROMOTED, OBSERVED, DONE, GOING_BACK, BACK)


def after(*facts: Fact) -> Recorded:
    journal = MemoryJournal(lambda: "2024-01-05T00:00:00+00:00")
    journal.append(*facts)
    return recorded(ID, journal)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (OPENED, Recorded()),
        (BEFORE_REVIEW[1], Recorded(reach=Link.DESIGN)),
        (BEFORE_REVIEW[3], Recorded(reach=Link.REVIEW)),
        (APPROVED, Recorded(reach=Link.APPROVAL)),
        (PROMOTED, Recorded(reach=Link.APPROVAL)),  # its statement follows the fact
        (OBSERVED, Recorded(reach=Link.DEPLOYMENT)),
        (DONE, Recorded(reach=Link.OBSERVATION, head="observation")),
        (GOING_BACK, Recorded(reach=Link.OBSERVATION)),  # the rollback's statement may be there already
        (BACK, Recorded(reach=Link.ROLLBACK)),
    ],
)
def test_the_chain_must_reach_what_the_ledger_saw_sealed(last: Fact, expected: Recorded) -> None:
    facts = WHOLE_WAY[: WHOLE_WAY.index(last) + 1]
    assert after(*facts) == expected


def test_an_approval_of_an_earlier_review_is_not_asked_for() -> None:
    again = StagePassed(change=ID, stage="review", commit="c3", envelope_sha256="second review")
    assert after(OPENED, *BEFORE_REVIEW, APPROVED, again) == Recorded(reach=Link.REVIEW)


def test_a_change_begun_afresh_must_reach_nothing_of_its_first_way() -> None:
    assert after(OPENED, *BEFORE_REVIEW, OPENED) == Recorded()


def test_a_ledger_that_does_not_know_the_change_asks_for_nothing() -> None:
    assert recorded(ID, MemoryJournal(lambda: "")) == Recorded()
