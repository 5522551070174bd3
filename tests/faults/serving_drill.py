"""One drill: a world, processes that serve it, faults meanwhile, the rest of the work in peace, the judgement."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving_faults import disturb
from serving_judge import judge, read
from serving_world import NeverError, Servers, make_world

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from serving_faults import Fault, Tally
    from serving_world import World

STUCK = 30.0
"""Seconds without any run's beginning or end after which the work counts as stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill came to."""

    processes: int
    runs: int
    tally: Tally
    seconds: float
    wrong: list[str]

    def __str__(self) -> str:
        """The figures."""
        verdict = "held" if not self.wrong else f"NOT held: {len(self.wrong)} complaints"
        return f"{self.processes} processes, {self.runs} due runs; {self.tally}; {self.seconds:.0f} s; {verdict}"


def drill(
    folder: Path,
    faults: Sequence[Fault],
    chance: random.Random,
    *,
    processes: int,
    pipelines: int,
    missed: int,
    effort: int,
    lease: float,
    pause: float = 1.0,
) -> Drilled:
    """Serve `pipelines` that each `missed` so many fires with `processes` processes, and judge."""
    began = time.monotonic()
    world = make_world(folder / "project", pipelines=pipelines, missed=missed, effort=effort)
    servers = Servers(world=world, lease=lease, said=folder / "said.txt")
    try:
        servers.start(processes)
        tally = disturb(servers, faults, chance, pause=pause)
        _await_end(world, pipelines * missed)
        codes = servers.stop()
    finally:
        servers.kill()
    seen = read(world)
    wrong = [
        *tally.wrong,
        *judge(seen),
        *[f"a server that was asked to stop ended with {code}" for code in codes if code],
    ]
    return Drilled(processes=processes, runs=len(seen.runs), tally=tally, seconds=time.monotonic() - began, wrong=wrong)


def _await_end(world: World, runs: int) -> None:
    """Wait until all runs were asked for, and none is left.

    Raises:
        NeverError: nothing moves any more.
    """
    moved, before = time.monotonic(), (-1, -1)
    while True:
        now = (int(world.rows("SELECT count(*) FROM runs")[0][0]), world.left())
        if now[0] >= runs and not now[1]:
            return
        if now != before:
            moved, before = time.monotonic(), now
        elif time.monotonic() - moved > STUCK:
            raise NeverError(f"{now[1]} of {now[0]} runs are left, and nothing moves")
        time.sleep(0.2)
