"""What every driver is: a program called with a shape, a number of tasks and a folder, that answers with its laps.

A driver must be able to run in any of the environments, so this module needs the standard library alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`tasks` no-op tasks: in a `chain`, each after the one before; in a `fan`, none after another."""

    shape: str
    tasks: int
    folder: Path

    def name(self, number: int) -> str:
        """A task's name."""
        return f"t{number:05d}"

    def before(self, number: int) -> str | None:
        """The name of the task it waits for."""
        return self.name(number - 1) if self.shape == "chain" and number else None


def job() -> Job:
    """The job on the command line."""
    shape, tasks, folder = sys.argv[1:]
    return Job(shape=shape, tasks=int(tasks), folder=Path(folder))


class Stopwatch:
    """Seconds of wall time and of processor time, of this process and of everything it has started."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), tree_cpu()

    def lap(self) -> tuple[float, float]:
        """Wall and processor seconds since the last lap."""
        wall, cpu = time.perf_counter(), tree_cpu()
        taken = (wall - self._wall, cpu - self._cpu)
        self._wall, self._cpu = wall, cpu
        return taken


def tree_cpu() -> float:
    """Processor seconds of this process, of its ended children and of its running descendants."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _running_descendants()


def _running_descendants() -> float:
    """As Linux tells it, with the children that they have waited for; elsewhere there is no /proc, and 0."""
    children: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        fields = text.rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])
        children[int(fields[1])].append((int(stat.parent.name), ticks / TICKS))
    total, todo = 0.0, [os.getpid()]
    while todo:
        for child, seconds in children[todo.pop()]:
            total += seconds
            todo.append(child)
    return total


def answer(**laps: tuple[float, float]) -> None:
    """Tell the benchmark the laps, as the last line of standard output."""
    print(json.dumps(laps))


def must(done: int, job: Job) -> None:
    """End with an error unless every task has left its durable trace: a program that does nothing is quick."""
    if done != job.tasks:
        raise SystemExit(f"{done} of {job.tasks} tasks left a trace")
