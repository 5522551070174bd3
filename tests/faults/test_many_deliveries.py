"""Changes delivered side by side, killed and tampered with: production only ever shows what was promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from many_deliveries import Yard
from small_shop import copy_shop

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver, Rehearsed

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("shop")]


def test_killed_and_tampered_deliveries_leave_true_evidence_and_a_promoted_state(
    rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    shop = copy_shop(rehearsed["deliver RETAIL-2"].before, tmp_path)
    figures = Yard(shop, drivers, seed=20101203).deliver_all(2)
    print(figures)
    assert figures.wrong == []
    assert figures.fired
    assert figures.refused == figures.tampered == 1
