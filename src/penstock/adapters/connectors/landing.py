"""Has connectors bring rows through the executor's worker processes: the port `Connectors` over real ones."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.adapters.connectors.bringing import STATE
from penstock.adapters.connectors.rows import PROGRESS
from penstock.adapters.databases.pulling import TELL_EVERY, progress
from penstock.engine.ports.arrivals import Landing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.engine.ports.processes import Order, Processes

LOOK_EVERY = 0.5


class ConnectorReader:
    """A `Connectors`; rows lie in the scratch folder of the process that brought them, which the warehouse may read."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    @contextmanager
    def land(self, order: Order, tell: Callable[[str], None]) -> Iterator[Landing]:
        """Have a source read; see `Connectors.land`."""
        with self._processes.scratch() as folder:
            order, began = replace(order, output=folder / "_output.parquet"), time.monotonic()
            with _telling(folder, tell, began):
                measured = self._processes.run(order)
            seconds = time.monotonic() - began
            if seconds > TELL_EVERY:
                tell(progress(_count(folder), seconds))
            state = folder / STATE
            yield Landing(
                path=order.output,
                files=(),
                bytes=order.output.stat().st_size,
                state=state.read_text(encoding="utf-8") if state.is_file() else None,
                measured=measured,
            )


@contextmanager
def _telling(folder: Path, tell: Callable[[str], None], began: float) -> Iterator[None]:
    """For the time of a block: say now and then how many rows have come."""
    over = threading.Event()

    def watch() -> None:
        told = began
        while not over.wait(LOOK_EVERY):
            now, count = time.monotonic(), _count(folder)
            if count and now - told >= TELL_EVERY:
                told = now
                tell(progress(count, now - began))

    watcher = threading.Thread(target=watch, name="penstock-connector", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _count(folder: Path) -> int:
    """How many rows the worker says there are; 0 if it has not said yet."""
    with suppress(OSError, ValueError):
        return int((folder / PROGRESS).read_text(encoding="ascii"))
    return 0
