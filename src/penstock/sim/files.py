"""Files that arrive, in memory."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.engine.ports import Landing
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import FileSource
    from penstock.sim.rows import Drive


class MemoryFiles:
    """A `Files`: one row for each interval. What `missing` names (`dataset@start`) has not arrived."""

    def __init__(self, drive: Drive, missing: frozenset[str] = frozenset()) -> None:
        self._drive, self.missing = drive, missing

    @contextmanager
    def land(self, source: FileSource, dataset: str, intervals: Sequence[Interval] | None) -> Iterator[Landing]:
        """Read these intervals' files; see `Files.land`."""
        starts = [interval.start for interval in intervals or ()]
        absent = [start for start in starts if f"{dataset}@{stamp(start)}" in self.missing]
        if absent:
            raise TaskError(tuple(_missing(dataset, stamp(start)) for start in absent))
        path = Path(f"/sim/land/{dataset}/{'-'.join(stamp(start) for start in starts)}.parquet")
        self._drive[path] = tuple((start.replace(tzinfo=None), f"{source.path}@{stamp(start)}") for start in starts)
        yield Landing(path=path, files=tuple(stamp(start) for start in starts))
        del self._drive[path]


def _missing(dataset: str, start: str) -> Finding:
    return Finding(
        code="source.missing_file",
        message=f"the file of {dataset} for {start} is not there",
        place=Place(dataset=dataset),
        expected="one file for every interval",
    )
