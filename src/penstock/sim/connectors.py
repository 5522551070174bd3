"""Connectors in memory: rows that have come so far, handed over from the state on that is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.engine.ports.arrivals import Landing
from penstock.sim.clock import EPOCH
from penstock.sim.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.engine.ports.processes import Order
    from penstock.sim.rows import Drive, Row


class MemoryConnectors:
    """A `Connectors`. `there` is how many rows its other end has by now; the n-th belongs to the n-th day.

    A state is how many rows were read. `asked` lists the states that were gone on from.
    """

    def __init__(self, drive: Drive, faults: Faults | None = None) -> None:
        self._drive, self._faults = drive, faults or Faults()
        self._numbers = count(1)
        self.there = 0
        self.asked: list[str | None] = []

    @contextmanager
    def land(self, order: Order, tell: Callable[[str], None]) -> Iterator[Landing]:
        """Hand over what came since the order's state; see `Connectors.land`."""
        self._faults.effort(f"reading of {order.dataset.name}")
        self.asked.append(order.state)
        first, there = int(order.state or 0), self.there
        rows: tuple[Row, ...] = tuple(_row(number) for number in range(first, there))
        path = Path(f"/sim/brought/{next(self._numbers)}.parquet")
        self._drive[path] = rows
        tell(f"read {len(rows)} rows")
        yield Landing(path=path, files=(), bytes=len(rows), state=str(there))
        del self._drive[path]


def _row(number: int) -> Row:
    return ((EPOCH + timedelta(days=number)).replace(tzinfo=None), f"row {number}")
