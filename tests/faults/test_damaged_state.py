"""Cut, flipped and zeroed state files: refused with a clear error, found by `doctor`, or the answer is still right."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from damage import killed_in_the_middle

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver, Rehearsed

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("shop")]


def test_damaged_state_is_never_silently_wrong(
    rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    found = killed_in_the_middle(rehearsed["resume RETAIL-2"], range(50), tmp_path, drivers)

    fired = sum(each.fired for each in found)
    print(f"damages: asked {len(found)}, fired {fired}, {Counter(each.verdict for each in found)}")
    assert [(each.what, each.verdict) for each in found if each.silent] == []
    assert fired >= 45
    assert sum(each.verdict != "the answer is right" for each in found) >= 10
