"""Seeded damage to the state files of a shop: cut, flipped, zeroed."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drill import SIGKILL, side_by_side
from small_shop import copy_shop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drill import Driver, Ending, Rehearsed
    from small_shop import Shop

STATE_FILES = ("ledger.db", "ledger.db-wal", "warehouse.duckdb", "warehouse.duckdb.wal")
QUESTION = ("query", "SELECT day, country, gross, net FROM sales.daily_revenue ORDER BY ALL", "--json")
CLEAR = {2, 3}
"""Exit codes of a command that says what is wrong with its input, or that it cannot run."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """One damage and what came of it: the answer to the question, what `doctor` said, whether that is acceptable."""

    what: str
    fired: bool
    query: Ending
    doctor: Ending
    verdict: str

    @property
    def silent(self) -> bool:
        """Whether the answer was wrong, or a command broke down, and nobody said so."""
        return self.verdict.startswith("!")


def damage(shop: Shop, seed: int) -> tuple[str, bool]:
    """Do one thing to one state file; says what, and whether a byte is different now."""
    chance = random.Random(seed)
    path = shop.root / ".penstock" / chance.choice(STATE_FILES)
    data = bytearray(path.read_bytes())
    kind = chance.choice(("cut", "flip", "flip", "zero"))
    start = chance.randrange(len(data))
    if kind == "cut":
        del data[start:]
    elif kind == "flip":
        data[start] ^= 1 << chance.randrange(8)
    else:
        end = min(len(data), start + chance.choice((1, 16, 512, 4096)))
        data[start:end] = bytes(end - start)
    changed = bytes(data) != path.read_bytes()
    path.write_bytes(data)
    return f"seed {seed}: {kind} {path.name} at {start}", changed


def damaged(shop: Shop, seed: int, answer: str, folder: Path, runner: Driver) -> Damaged:
    """Damage a copy, ask it the question, and let `doctor` look."""
    copy = copy_shop(shop, folder)
    what, fired = damage(copy, seed)
    query = runner.run(copy, QUESTION)
    doctor = runner.run(copy, ("doctor",))
    shutil.rmtree(folder)
    return Damaged(what, fired, query, doctor, _verdict(query, doctor, answer))


def killed_in_the_middle(
    plan: Rehearsed, seeds: Sequence[int], folder: Path, drivers: Sequence[Driver]
) -> list[Damaged]:
    """Kill a step between publishing and recording, so that both write-ahead logs hold something; damage it by seed."""
    shop = copy_shop(plan.before, folder / "killed")
    published = plan.names.index("after publish sales.daily_revenue") + 1
    ending = drivers[0].run(shop, plan.step.arguments, at=published)
    assert ending.signal == SIGKILL
    assert all((shop.root / ".penstock" / name).stat().st_size for name in STATE_FILES)
    asked = drivers[0].run(copy_shop(shop, folder / "whole"), QUESTION)
    assert asked.exit == 0
    answer = asked.output

    def one(seed: int, runner: Driver) -> Damaged:
        return damaged(shop, seed, answer, folder / f"damage-{seed}", runner)

    return side_by_side(one, seeds, drivers)


def _verdict(query: Ending, doctor: Ending, answer: str) -> str:
    for name, ending in (("query", query), ("doctor", doctor)):
        if ending.exit is None or ending.exit == 5:
            return f"! {name} broke down: signal {ending.signal}, {ending.output[-300:]}"
    if query.exit == 0 and query.output == answer:
        return "the answer is right"
    if query.exit in CLEAR:
        return "refused"
    if doctor.exit in {1, *CLEAR}:
        return "doctor finds it"
    return f"! wrong and silent: query {query.exit}, doctor {doctor.exit}"
