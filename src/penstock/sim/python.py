"""A project's Python tasks, in memory: a function stands in for the worker process."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.sim.rows import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.sim.rows import Drive, Row


class MemoryPython:
    """A `PythonRunner` whose every task gives one row for each moment of its inputs, holding a digest of them."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    def run(self, dataset: Dataset, inputs: Mapping[str, Path], output: Path, interval: Interval | None) -> None:
        """Leave the task's rows at `output`."""
        rows = [row for path in inputs.values() for row in self._drive[path]]
        if interval is None:
            made: tuple[Row, ...] = ((None, digest(dataset.name, *sorted(value for _, value in rows))),)
        else:
            moments = sorted({moment for moment, _ in rows if moment is not None})
            made = tuple(
                (at, digest(dataset.name, *(value for moment, value in rows if moment == at))) for at in moments
            )
        self._drive[output] = made

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of its own; what lies in it is gone afterwards."""
        folder = Path("/sim/scratch")
        yield folder
        for path in [path for path in self._drive if path.parent == folder]:
            del self._drive[path]
