"""`kill -9` at durable steps of a delivery: carried on, it ends as if nothing had happened, nothing is there twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from drill import Plan, attempt_all, spread

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver, Rehearsed, Tally

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("shop")]

KILLS = {
    "deliver RETAIL-1": 2,
    "approve RETAIL-1": 3,
    "resume RETAIL-1": 3,
    "deliver RETAIL-2": 1,
    "approve RETAIL-2": 2,
    "resume RETAIL-2": 4,
    "rollback RETAIL-2": 8,
    "failing window of RETAIL-2": 2,
    "run of new datasets": 4,
}
"""How many evenly spread points of each step are tried here; `run_faults.py` tries every one."""

DELICATE = (
    ("resume RETAIL-1", "within git merge in the project"),
    ("resume RETAIL-1", "after git merge in the project"),
    ("resume RETAIL-1", "after swap prod"),
    ("resume RETAIL-2", "after publish sales.daily_revenue"),
    ("rollback RETAIL-2", "after swap prod"),
    ("failing window of RETAIL-2", "after ledger IntervalObserved(failed)+RollbackBegun"),
    ("run of new datasets", "after swap dev"),
)
"""Between an effect and its record, where a naive engine does things twice."""


def test_a_killed_delivery_carried_on_ends_as_if_nothing_had_happened(
    rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    plans = [Plan(step, (at,)) for step, count in KILLS.items() for at in spread(len(rehearsed[step].names), count)]
    plans += [Plan(step, (rehearsed[step].names.index(name) + 1,)) for step, name in DELICATE]

    tally = attempt_all(plans, rehearsed, drivers, tmp_path)

    _held(tally, "kills")
    assert tally.fired == len(plans) >= 30


def test_a_recovery_that_is_killed_again_and_again_ends_as_well(
    rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    chance = random.Random(20101201)
    steps = (
        "resume RETAIL-1",
        "resume RETAIL-2",
        "rollback RETAIL-2",
        "failing window of RETAIL-2",
        "approve RETAIL-2",
    )
    plans = [Plan(step, tuple(chance.randint(1, len(rehearsed[step].names) // 2) for _ in range(5))) for step in steps]

    tally = attempt_all(plans, rehearsed, drivers, tmp_path)

    _held(tally, "kills during recovery")
    assert tally.asked == 25
    assert tally.fired > 2 * len(plans), "a recovery that ends before its turn to die is no fault; most must die"


def _held(tally: Tally, what: str) -> None:
    print(f"{what}: {tally}")
    assert [(trial.step, trial.fired, trial.wrong) for trial in tally.failed] == []
