"""A disk that is full or fails: a clear error, exit 3, and once there is room the delivery goes on with no loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drill import RUN_FAILED, carry_on, fail_every_write, judged
from small_shop import copy_shop

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver, Rehearsed

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("shop")]


@pytest.mark.parametrize("step", ["approve RETAIL-2", "resume RETAIL-2", "rollback RETAIL-2"])
def test_a_write_that_fails_is_said_and_made_good(
    step: str, rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    tally = fail_every_write(rehearsed[step], ("ENOSPC", "EIO"), drivers, tmp_path, most=3)

    print(f"failing writes in {step}: {tally}")
    assert [(trial.at, trial.wrong) for trial in tally.failed] == []
    assert tally.asked == tally.fired > 0


@pytest.mark.parametrize("size", [3_000, 40_000, 90_000, 200_000])
def test_files_that_cannot_grow_stop_the_delivery_and_room_lets_it_go_on(
    size: int, rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    plan = rehearsed["resume RETAIL-1"]
    shop = copy_shop(plan.before, tmp_path)

    broken = drivers[0].run(shop, plan.step.arguments, file_limit=size)

    assert broken.exit == RUN_FAILED, broken.output
    assert "to do: free space or fix the disk" in broken.output
    carry_on(shop, plan.step, drivers[0])
    assert judged(plan, shop) == []
