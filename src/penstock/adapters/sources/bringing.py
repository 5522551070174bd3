"""Brings a source's files in, from wherever they lie: the port `Files` over the project's folder and object stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.sources.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.engine.ports.arrivals import Landing
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource


class SourceFiles:
    """A `Files` for a project."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._local, self._spool = LocalFiles(root, spool), spool

    def land(
        self,
        source: FileSource,
        dataset: str,
        intervals: Sequence[Interval] | None,
        is_unwanted: Callable[[], bool] = lambda: False,
    ) -> AbstractContextManager[Landing]:
        """Read the intervals' files; see `Files.land`."""
        if source.storage is None:
            return self._local.land(source, dataset, intervals)
        from penstock.adapters.objects.landing import StoreObjects  # noqa: PLC0415 - only such sources need it

        return StoreObjects(self._spool).land(source, dataset, intervals, is_unwanted)
