"""Several `penstock serve` on one project, their executor killed, stopped and woken: every due run is done once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from serving_drill import drill
from serving_faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("serving")]


def test_every_due_run_is_done_once_whatever_becomes_of_the_executor(tmp_path: Path) -> None:
    faults = (Fault.KILL, Fault.STOP, Fault.WAKE, Fault.STOP, Fault.KILL)

    done = drill(
        tmp_path, faults, random.Random(20101209), processes=2, pipelines=4, missed=15, effort=2_000_000, lease=1.0
    )

    print(done)
    assert done.wrong == []
    assert [each.fault for each in done.tally.fired] == list(faults)
    assert sum(each.working for each in done.tally.fired) >= 2, "faults that hit nobody at work prove little"
    assert all(each.takeover is not None for each in done.tally.fired if each.fault is not Fault.WAKE)
    assert done.runs >= 60
