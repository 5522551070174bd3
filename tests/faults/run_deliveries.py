"""A hundred deliveries into one shop, two under way at once, half of them killed at a random step and carried on.

python tests/faults/run_deliveries.py [COUNT] [SEED]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from drill import driver
from many_deliveries import Yard, shop_with_retail_1

COUNT, SEED = 100, 20101203


def main(given: list[str]) -> int:
    """Deliver so many changes; 1 if anything was wrong or nothing was killed."""
    count, seed = (int(given[at]) if len(given) > at else usual for at, usual in enumerate((COUNT, SEED)))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="penstock-deliveries-") as place:
        folder = Path(place)
        with driver(folder / "one") as one, driver(folder / "two") as two:
            figures = Yard(shop_with_retail_1(folder / "shop", one), (one, two), seed).deliver_all(count)
    print(f"deliveries (seed {seed}): {figures}; {time.monotonic() - began:.0f} s", flush=True)
    for wrong in figures.wrong:
        print(f"  {wrong}", flush=True)
    held = not figures.wrong and figures.fired and figures.refused == figures.tampered
    print("held" if held else "NOT held")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
