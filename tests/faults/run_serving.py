"""Several schedulers under faults, and work at scale, in full, with the figures: asked, fired, passed, times.

python tests/faults/run_serving.py                              everything (about half an hour)
python tests/faults/run_serving.py schedulers --stops 300 --kills 100 --runs 10000
python tests/faults/run_serving.py tasks                        one run of 10,000 tasks
python tests/faults/run_serving.py queue                        a million runs that wait
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from serving_drill import drill
from serving_faults import Fault
from serving_scale import expected_sum, fill_and_claim, request, run_large, states

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = 20101209
PROCESSES = (2, 5)
PIPELINES = 20
EFFORT = 20_000
LEASE = 2.0
WOKEN = 0.25
"""The share of stops after which the executor is woken about when its lease ends."""
TASKS, QUEUE, CLAIMS, SERVED = 10_000, 1_000_000, 5_000, 5_000


def faults(stops: int, kills: int, chance: random.Random) -> list[Fault]:
    """So many of each, in some order."""
    woken = round(stops * WOKEN)
    chosen = [Fault.STOP] * (stops - woken) + [Fault.WAKE] * woken + [Fault.KILL] * kills
    chance.shuffle(chosen)
    return chosen


def schedulers(folder: Path, given: argparse.Namespace) -> bool:
    """Due runs under faults, with each number of processes in turn."""
    chance = random.Random(given.seed)
    held = True
    for place, processes in enumerate(PROCESSES):
        share = [(amount + place) // len(PROCESSES) for amount in (given.stops, given.kills, given.runs)]
        done = drill(
            folder / f"with_{processes}",
            faults(share[0], share[1], chance),
            chance,
            processes=processes,
            pipelines=PIPELINES,
            missed=-(-share[2] // PIPELINES),
            effort=EFFORT,
            lease=LEASE,
        )
        print(f"schedulers, lease {LEASE:.0f} s, seed {given.seed}: {done}", flush=True)
        for sentence in done.wrong[:20]:
            print(f"  {sentence}", flush=True)
        held = held and not done.wrong and len(done.tally.fired) == done.tally.asked
    return held


def tasks(folder: Path, _given: argparse.Namespace) -> bool:
    """One run of many tasks."""
    done = run_large(folder / "tasks", TASKS)
    print(f"tasks: {done}", flush=True)
    return (done.published, done.result) == (TASKS, expected_sum(TASKS))


def queue(folder: Path, _given: argparse.Namespace) -> bool:
    """Many runs that wait."""
    done = fill_and_claim(folder / "queue", QUEUE, CLAIMS, SERVED)
    print(f"queue: {done}", flush=True)
    urgent = [request(number).run for number in range(0, QUEUE, 1000)]
    found = states(folder / "queue" / "project")
    print(f"queue: {found}", flush=True)
    return list(done.claimed[: len(urgent)]) == urgent and sum(found.values()) == QUEUE and found["published"] == 1


def main(arguments: Sequence[str]) -> int:
    """Run the chosen parts, or all of them; 1 if any did not hold."""
    parts = {"schedulers": schedulers, "tasks": tasks, "queue": queue}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="what to run (default: all)")
    parser.add_argument("--stops", type=int, default=300, help="executors that are stopped")
    parser.add_argument("--kills", type=int, default=100, help="executors that are killed")
    parser.add_argument("--runs", type=int, default=10_000, help="due runs")
    parser.add_argument("--seed", type=int, default=SEED, help="of which faults come when")
    given = parser.parse_args(arguments)
    held = []
    with tempfile.TemporaryDirectory(prefix="penstock-serving-") as place:
        for name in given.parts or parts:
            began = time.monotonic()
            held.append(parts[name](Path(place), given))
            print(f"{name}: {'held' if held[-1] else 'NOT held'}; {time.monotonic() - began:.0f} s", flush=True)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
