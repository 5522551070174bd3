"""Hostile names and values through every place that takes one: asked, used, refused, came back wrong.

python tests/faults/run_identifiers.py              4,000 for each dialect: every known text at every place
python tests/faults/run_identifiers.py 200 duckdb   so many, for these dialects
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hostile_texts import SEED, hostile_text
from identifier_trials import CANARY, DIALECTS, MAY_REFUSE, TRIALS, Bench, Refused, Trial

from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.model.errors import PenstockError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CASES = 4000
A_ROUND = 400
"""Trials after which a fresh target is made: what they leave behind makes it slow."""


@dataclass(slots=True)
class Told:
    """What came of the trials: how often a text came back equal, refusals by code, and what went wrong."""

    asked: int = 0
    used: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The figures."""
        refusals = ", ".join(f"{count} {code}" for code, count in self.refused.most_common())
        return (
            f"asked {self.asked}, came back equal {self.used.total()}, "
            f"refused {self.refused.total()} ({refusals or 'none'}), wrong {len(self.wrong)}"
        )


def try_all(dialect: str, cases: int, folder: Path) -> Told:
    """So many trials on a dialect, place after place, each with another hostile text; the canary is seen after each."""
    told = Told()
    for start in range(0, cases, A_ROUND):
        place = folder / str(start)
        place.mkdir()
        _round(dialect, range(start, min(start + A_ROUND, cases)), place, told)
    return told


def _round(dialect: str, numbers: range, folder: Path, told: Told) -> None:
    """Some of the trials, on a target and a ledger of their own."""
    ledger = SqliteLedger(folder / "ledger.db", lambda: "2024-03-01T00:00:00+00:00")
    with DIALECTS[dialect](folder) as target:
        for number in numbers:
            turn, place = divmod(number, len(TRIALS))
            text = hostile_text(place, turn)
            _try_one(text, TRIALS[place], Bench(target, ledger, folder / "spool", number), told)
            if target.canary() != CANARY:
                told.wrong.append(f"{number} {text!r}: the canary is {target.canary()}")
                break
    told.wrong += [f"the ledger after {numbers}: {finding.message}" for finding in ledger.check()]
    ledger.close()


def _try_one(text: str, trial: Trial, bench: Bench, told: Told) -> None:
    told.asked += 1
    try:
        found = trial(text, bench)
    except (AssertionError, PenstockError, ValueError, LookupError, OSError) as error:
        told.wrong.append(f"{bench.number} {trial.__name__} {text[:200]!r}: {type(error).__name__} {str(error)[:300]}")
        return
    if isinstance(found, Refused) and trial.__name__ in MAY_REFUSE:
        told.refused[f"{trial.__name__} {found.code}"] += 1
    elif found == text:
        told.used[trial.__name__] += 1
    else:
        told.wrong.append(f"{bench.number} {trial.__name__} {text[:200]!r}: came back as {str(found)[:200]!r}")


def _given(arguments: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    cases = int(arguments[0]) if arguments else CASES
    return cases, tuple(arguments[1:]) or tuple(DIALECTS)


def _figures(told: Told) -> Iterator[str]:
    yield str(told)
    yield "  came back equal: " + ", ".join(f"{name} {count}" for name, count in sorted(told.used.items()))
    yield from (f"  {line}" for line in told.wrong[:50])


def main(arguments: Sequence[str]) -> int:
    """Try so many on each dialect; 1 if anything went wrong."""
    cases, dialects = _given(arguments)
    wrong = 0
    for dialect in dialects:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="penstock-identifiers-") as place:
            told = try_all(dialect, cases, Path(place))
        for line in _figures(told):
            print(f"{dialect}: {line}" if line == str(told) else line)
        print(f"{dialect}: seed {SEED}, {time.monotonic() - began:.0f} s", flush=True)
        wrong += len(told.wrong)
    print("NOT held" if wrong else "held")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
