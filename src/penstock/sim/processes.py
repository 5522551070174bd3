"""A project's Python tasks and commands, in memory: a function stands in for the process that would run them."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.model.errors import TaskError
from penstock.model.findings import Finding
from penstock.sim.faults import Faults
from penstock.sim.rows import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.engine.ports.processes import Order
    from penstock.sim.rows import Drive, Row


class MemoryProcesses:
    """A `Processes` whose every task gives one row for each moment of its inputs, holding a digest of them.

    `stopped` counts how often each run was stopped; the empty name stands for all of them.
    """

    def __init__(self, drive: Drive, faults: Faults | None = None) -> None:
        self._drive, self._faults = drive, faults or Faults()
        self._folders = count(1)
        self.stopped: Counter[str] = Counter()

    def run(self, order: Order) -> Mapping[str, int]:
        """Leave the task's rows at the order's output; a simulated process uses nothing.

        Raises:
            TransientError, TaskError: the fault plan says so, or the run was stopped meanwhile.
        """
        name = order.dataset.name
        before = self.stopped[order.run], self.stopped[""]
        if order.is_unwanted():
            raise TaskError(Finding(code="sim.stopped", message=f"the process of {name} was not begun"))
        self._faults.effort(f"process of {name}")
        if before != (self.stopped[order.run], self.stopped[""]):
            raise TaskError(Finding(code="sim.stopped", message=f"the process of {name} was killed"))
        rows = [row for path in order.inputs.values() for row in self._drive[path]]
        if order.interval is None:
            made: tuple[Row, ...] = ((None, digest(name, *sorted(value for _, value in rows))),)
        else:
            moments = sorted({moment for moment, _ in rows if moment is not None})
            made = tuple((at, digest(name, *(value for moment, value in rows if moment == at))) for at in moments)
        self._drive[order.output] = made
        return {"cpu": 0, "memory": 0}

    def stop(self, run: str | None = None) -> int:
        """Whatever works at this moment fails."""
        self.stopped[run or ""] += 1
        return 0

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of its own; what lies in it is gone afterwards."""
        folder = Path(f"/sim/scratch/{next(self._folders)}")
        yield folder
        for path in [path for path in self._drive if path.parent == folder]:
            del self._drive[path]
