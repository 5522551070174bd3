"""Files that arrive, in memory."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.engine.ports.arrivals import Landing
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.sources import LandedFile
from penstock.sim.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource
    from penstock.sim.rows import Drive


class MemoryFiles:
    """A `Files`: one row for each interval. What `missing` names (`dataset@start`) has not arrived."""

    def __init__(self, drive: Drive, missing: frozenset[str] = frozenset(), faults: Faults | None = None) -> None:
        self._drive, self.missing, self._faults = drive, missing, faults or Faults()
        self._editions: Counter[str] = Counter()
        self._numbers = count(1)

    def correct(self, dataset: str, intervals: Iterable[Interval]) -> None:
        """Somebody replaces these intervals' files by others."""
        self._editions.update(f"{dataset}@{stamp(interval.start)}" for interval in intervals)

    @contextmanager
    def land(
        self,
        source: FileSource,
        dataset: str,
        intervals: Sequence[Interval] | None,
        is_unwanted: Callable[[], bool] = lambda: False,  # noqa: ARG002 - nothing is fetched from elsewhere
    ) -> Iterator[Landing]:
        """Read these intervals' files; see `Files.land`."""
        self._faults.effort(f"landing of {dataset}")
        starts = [interval.start for interval in intervals or ()]
        absent = [start for start in starts if f"{dataset}@{stamp(start)}" in self.missing]
        if absent:
            raise TaskError(tuple(_missing(dataset, stamp(start)) for start in absent))
        path = Path(f"/sim/land/{next(self._numbers)}.parquet")
        rows = []
        for start in starts:
            edition = self._editions[f"{dataset}@{stamp(start)}"]
            rows.append((start.replace(tzinfo=None), f"{source.path}@{stamp(start)}#{edition}"))
        self._drive[path] = tuple(rows)
        yield Landing(path=path, files=tuple(self._landed(dataset, stamp(start)) for start in starts), bytes=len(rows))
        del self._drive[path]

    def _landed(self, dataset: str, start: str) -> LandedFile:
        edition = self._editions[f"{dataset}@{start}"]
        return LandedFile(name=start, start=start, size=1, modified=edition, digest=str(edition), rows=1)


def _missing(dataset: str, start: str) -> Finding:
    return Finding(
        code="source.missing_file",
        message=f"the file of {dataset} for {start} is not there",
        place=Place(dataset=dataset),
        expected="one file for every interval",
    )
