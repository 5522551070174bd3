"""Schedules against the minute walk, in full: every form of cron text in many zones over ten years, with the figures.

python tests/faults/run_cron.py             320 texts
python tests/faults/run_cron.py 1000        more of them
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from cron_texts import FEATURES, features_of, texts
from judging_cron import Judgement, judge
from minute_walk import utc, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minute_walk import Clock

SEED, TEXTS = 20101209, 320
START, END = utc("2010-01-01"), utc("2020-01-01")
ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Juba",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Fiji",
    "Pacific/Norfolk",
    "Pacific/Tongatapu",
)


def main(arguments: Sequence[str]) -> int:
    """Judge every text in every zone; 1 if anything differs."""
    began = time.monotonic()
    chosen = texts(random.Random(SEED), int(arguments[0]) if arguments else TEXTS)
    forms = Counter(form for text in chosen for form in features_of(text))
    missing = [form for form in FEATURES if not forms[form]]
    total = Judgement()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        clocks: list[Clock] = list(pool.map(partial(watch, start=START, end=END), ZONES))
        changes = sum(len(clock.runs) - 1 for clock in clocks)
        _say(f"{len(ZONES)} clocks read from {START:%Y} to {END:%Y}, changed {changes} times", began)
        for number, judged in enumerate(pool.map(partial(judge, clocks=clocks), chosen), 1):
            total.add(judged)
            for difference in judged.differences:
                print(f"  {difference}", flush=True)
            if number % 40 == 0:
                _say(f"{number} of {len(chosen)} texts: {total}", began)
    _say(f"{len(chosen)} texts of {len(FEATURES) - len(missing)} of {len(FEATURES)} forms: {total}", began)
    held = not total.differences and not missing and changes > 0
    print("held" if held else "NOT held")
    return 0 if held else 1


def _say(what: str, began: float) -> None:
    print(f"{what}; {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
