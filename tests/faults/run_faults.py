"""Every kill point and the long fault runs, with their figures: asked, fired, passed, seconds.

python tests/faults/run_faults.py                   everything
python tests/faults/run_faults.py kills recovery    some of: kills recovery disk damage swaps
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from damage import killed_in_the_middle
from drill import Plan, Tally, attempt_all, driver, fail_every_write, rehearse
from swapping import swap_under_readers, versions_of_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drill import Driver, Rehearsed

RECOVERIES, DEEPEST = 200, 5
DAMAGES = 1000
FAILING_WRITES = 5
SWAPS, READERS = 1200, 4


def distinct(names: Sequence[str]) -> list[int]:
    """Every step but those "before" that follow an "after" at once: the disk is the same at both."""
    last = ["", *names]
    return [
        number
        for number, name in enumerate(names, 1)
        if not (name.startswith("before ") and last[number - 1].startswith("after "))
    ]


class FullRun:
    """The parts of the full run over one rehearsed story."""

    def __init__(self, rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], folder: Path) -> None:
        self.rehearsed, self.drivers, self.folder = rehearsed, drivers, folder

    def kills(self) -> bool:
        """Kill at every distinct durable step of every command."""
        good = True
        for step, plan in self.rehearsed.items():
            tally = self._tried([Plan(step, (at,)) for at in distinct(plan.names)], f"kills in {step}")
            good = good and not tally.failed and tally.asked == tally.fired
        return good

    def recovery(self) -> bool:
        """Kill, and kill the recovery, up to five deep."""
        chance = random.Random(20101209)
        names = {step: plan.names for step, plan in self.rehearsed.items()}
        plans = []
        for number in range(RECOVERIES):
            step = list(names)[number % len(names)]
            depth = chance.randint(2, DEEPEST)
            plans.append(Plan(step, tuple(chance.randint(1, max(len(names[step]) // 2, 1)) for _ in range(depth))))
        tally = self._tried(plans, "kills during recovery")
        return not tally.failed and all(trial.fired for trial in tally.trials)

    def disk(self) -> bool:
        """Let every fsync of every command fail with ENOSPC, and some with EIO."""
        good = True
        for step, plan in self.rehearsed.items():
            began = time.monotonic()
            full = fail_every_write(plan, ("ENOSPC",), self.drivers, self.folder / "full")
            broken = fail_every_write(plan, ("EIO",), self.drivers, self.folder / "broken", most=FAILING_WRITES)
            tally = Tally([*full.trials, *broken.trials])
            _say(f"failing writes in {step}", tally, began)
            good = good and not tally.failed and tally.asked == tally.fired
        return good

    def damage(self) -> bool:
        """Damage state files."""
        began = time.monotonic()
        found = killed_in_the_middle(self.rehearsed["resume RETAIL-2"], range(DAMAGES), self.folder, self.drivers)
        counted = Counter(each.verdict for each in found).most_common()
        figures = ", ".join(f"{count} {verdict}" for verdict, count in counted)
        _line("damaged state files", f"asked {len(found)}, fired {sum(each.fired for each in found)}; {figures}", began)
        for each in found:
            if each.silent:
                print(f"  {each.what}: {each.verdict}", flush=True)
        return not any(each.silent for each in found)

    def swaps(self) -> bool:
        """Promote and roll back under readers."""
        began = time.monotonic()
        place = self.folder / "swaps"
        place.mkdir()
        with versions_of_all(place) as warehouse:
            seen = swap_under_readers(warehouse, SWAPS, READERS)
        _line(f"swaps under {READERS} readers", str(seen), began)
        return not seen.mixed and not seen.errors and seen.all_versions

    def _tried(self, plans: list[Plan], what: str) -> Tally:
        began = time.monotonic()
        tally = attempt_all(plans, self.rehearsed, self.drivers, self.folder)
        _say(what, tally, began)
        return tally


def _say(what: str, tally: Tally, began: float) -> None:
    _line(what, str(tally), began)
    for trial in tally.failed:
        print(f"  {trial.step} at {trial.at} ({', '.join(trial.fired)}): {'; '.join(trial.wrong)[:600]}", flush=True)


def _line(what: str, figures: str, began: float) -> None:
    print(f"{what}: {figures}; {time.monotonic() - began:.0f} s", flush=True)


def main(chosen: Sequence[str]) -> int:
    """Run the chosen parts, or all of them; 1 if any did not hold."""
    with tempfile.TemporaryDirectory(prefix="penstock-faults-") as place:
        folder = Path(place)
        with driver(folder / "one") as one, driver(folder / "two") as two:
            began = time.monotonic()
            rehearsed = rehearse(folder / "shop", one)
            print(f"the story without a fault: {len(rehearsed)} commands; {time.monotonic() - began:.0f} s", flush=True)
            full = FullRun(rehearsed, (one, two), folder)
            parts: dict[str, Callable[[], bool]] = {
                "kills": full.kills,
                "recovery": full.recovery,
                "disk": full.disk,
                "damage": full.damage,
                "swaps": full.swaps,
            }
            held = [parts[name]() for name in chosen or parts]
    print("held" if all(held) else "NOT held")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
