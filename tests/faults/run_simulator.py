"""The simulator over the real engine, with its figures: seeds, faults asked, faults fired, promises broken.

python tests/faults/run_simulator.py             10,000 seeds
python tests/faults/run_simulator.py 500 20000   500 seeds from 20,000 on
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from penstock.sim.judging import simulate

SEEDS = 10_000


def main(seeds: int = SEEDS, first: int = 0) -> int:
    """Live every seed's life; 1 if a promise was broken."""
    asked, fired = Counter[str](), Counter[str]()
    broken, lives, began = [], 0, time.monotonic()
    for seed in range(first, first + seeds):
        outcome = simulate(seed)
        lives += outcome.lives
        asked.update(map(str, outcome.asked.elements()))
        fired.update(map(str, outcome.fired.elements()))
        broken += [f"seed {seed}: {violation}" for violation in outcome.violations]
    for fault in sorted(asked):
        print(f"  {fault:<60} asked {asked[fault]:>6}  fired {fired[fault]:>6}")
    took = time.monotonic() - began
    print(f"simulator: {seeds} seeds, {lives} executors, asked {asked.total()}, fired {fired.total()}, {took:.0f} s")
    print("\n".join(broken) or "no promise broken")
    return 1 if broken or fired.total() == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
