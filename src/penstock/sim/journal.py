"""The ledger in memory: the same chain and the same fold as every other store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.ledger.journal import GENESIS, Entry, link, stale_lease
from penstock.ledger.state import TABLES, apply, fold
from penstock.sim.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Value


class MemoryJournal:
    """A `Journal`. What it holds survives a `Crash`, as a disk would."""

    def __init__(self, now: Callable[[], str], faults: Faults | None = None) -> None:
        self._now, self._faults = now, faults or Faults()
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self.tables: dict[str, dict[tuple[Value, ...], dict[str, Value]]] = {name: {} for name in TABLES}

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts and their state; see `Journal.append`."""
        kinds = ", ".join(type(fact).__name__ for fact in facts)
        with self._faults.step(f"append {kinds}"):
            return self.write(*facts, token=token)

    def write(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts as `append` does, but as somebody whom the fault plan does not concern."""
        with self._lock:
            newest = max((int(row["token"] or 0) for row in self.tables["leases"].values()), default=None)
            if token is not None and token != newest:
                raise stale_lease(token, newest)
            return tuple(self._keep(fact) for fact in facts)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry after a number, in order."""
        return iter(self._entries[after:])

    def rows(self, table: str, **equal: Value) -> tuple[Mapping[str, Value], ...]:
        """State rows; see `Journal.rows`."""
        keys, others = TABLES[table]
        unknown = set(equal) - {*keys, *others}
        if unknown:
            raise KeyError(f"{table} has no column {sorted(unknown)}")
        with self._lock:
            rows = [dict(row) for row in self.tables[table].values()]
        found = [row for row in rows if all(row[name] == value for name, value in equal.items())]
        return tuple(
            sorted(
                found, key=lambda row: [str(row[name]) if isinstance(row[name], str) else row[name] for name in keys]
            )
        )

    def _keep(self, fact: Fact) -> Entry:
        previous = self._entries[-1].hash if self._entries else GENESIS
        entry = link(len(self._entries) + 1, self._now(), fact, previous)
        self._entries.append(entry)
        for operation in fold(entry):
            apply(self.tables[operation.table], operation)
        return entry
