"""The ledger in memory: the same chain and the same fold as every other store.

What was submitted is pending until the next append, result or flush writes it, in order and as one durable step;
`lose_pending` is what a crash does to it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.ledger.draft import Draft, asked_once
from penstock.ledger.journal import GENESIS
from penstock.ledger.operations import Drop, Put
from penstock.ledger.state import TABLES, apply
from penstock.model.errors import PenstockError
from penstock.sim.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry, Receipt, Value


class Submitted:
    """A `Receipt` of a `MemoryJournal`."""

    def __init__(self, journal: MemoryJournal, facts: tuple[Fact, ...], token: int | None) -> None:
        self.facts, self.token = facts, token
        self.outcome: tuple[Entry, ...] | PenstockError | None = None
        self._journal = journal

    def result(self) -> tuple[Entry, ...]:
        """Have everything pending recorded; see `Receipt.result`.

        Raises:
            RuntimeError: a crash lost these facts, and somebody outlived it.
        """
        if self.outcome is None:
            self._journal.flush()
        if self.outcome is None:
            raise RuntimeError("a crash lost what was submitted")
        if isinstance(self.outcome, PenstockError):
            raise self.outcome
        return self.outcome


class MemoryJournal:
    """A `Journal` and its `Pulse`. What it recorded survives a `Crash`, as a disk would."""

    def __init__(self, now: Callable[[], str], faults: Faults | None = None) -> None:
        self._now, self._faults = now, faults or Faults()
        self._lock = threading.RLock()
        self._entries: list[Entry] = []
        self._pending: list[Submitted] = []
        self._beats: tuple[int, int] = (0, 0)
        self.tables: dict[str, dict[tuple[Value, ...], dict[str, Value]]] = {name: {} for name in TABLES}

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts and their state, after what is pending; see `Journal.append`."""
        with self._lock:
            receipt = Submitted(self, facts, token)
            self._pending.append(receipt)
        return receipt.result()

    def submit(self, *facts: Fact, token: int | None = None) -> Receipt:
        """Hand facts in; see `Journal.submit`."""
        with self._lock:
            receipt = Submitted(self, facts, token)
            self._pending.append(receipt)
        return receipt

    def flush(self) -> None:
        """Record what is pending, as one durable step; without anything pending it is none."""
        with self._lock:
            if not self._pending:
                return
            kinds = ", ".join(type(fact).__name__ for receipt in self._pending for fact in receipt.facts)
            with self._faults.step(f"append {kinds}"):
                group, self._pending = self._pending, []
                outcomes = self._record(*((receipt.facts, receipt.token) for receipt in group))
                for receipt, outcome in zip(group, outcomes, strict=True):
                    receipt.outcome = outcome

    @property
    def pending(self) -> tuple[Fact, ...]:
        """What a crash would lose now."""
        return tuple(fact for receipt in self._pending for fact in receipt.facts)

    def lose_pending(self) -> int:
        """The process that handed facts in is gone, and what was pending with it; how many facts that were."""
        with self._lock:
            lost, self._pending = len(self.pending), []
            return lost

    def write(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts at once, as another process whom neither the fault plan nor what is pending here concerns."""
        with self._lock:
            (outcome,) = self._record((facts, token))
        if isinstance(outcome, PenstockError):
            raise outcome
        return outcome

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry after a number, in order."""
        return iter(self._entries[after:])

    def newest(self) -> int:
        """The number of the newest entry; 0 without any."""
        return len(self._entries)

    def rows(
        self, table: str, *, order: str | None = None, limit: int | None = None, **equal: Value
    ) -> tuple[Mapping[str, Value], ...]:
        """State rows; see `Journal.rows`."""
        keys, others = TABLES[table]
        unknown = ({*equal} | ({order} if order else set())) - {*keys, *others}
        if unknown:
            raise KeyError(f"{table} has no column {sorted(unknown)}")
        with self._lock:
            rows = [dict(row) for row in self.tables[table].values()]
        found = [row for row in rows if all(row[name] == value for name, value in equal.items())]
        sorting = [order, *keys] if order else list(keys)
        found.sort(key=lambda row: [(row[name] is not None, row[name]) for name in sorting])
        return tuple(found[:limit])

    def beat(self, token: int) -> bool:
        """Show that the executor of this token lives; see `Pulse.beat`."""
        with self._lock:
            newest, beats = self.pulse()
            if newest != token or token == 0:
                return False
            self._beats = (token, beats + 1)
            return True

    def pulse(self) -> tuple[int, int]:
        """The newest token and how often its executor has shown itself."""
        with self._lock:
            newest = self._newest() or 0
            return newest, self._beats[1] if self._beats[0] == newest else 0

    def _newest(self) -> int | None:
        return max((int(row["token"] or 0) for row in self.tables["leases"].values()), default=None)

    def _record(self, *appends: tuple[tuple[Fact, ...], int | None]) -> list[tuple[Entry, ...] | PenstockError]:
        """One transaction: what each append came to, in order."""
        last = self._entries[-1] if self._entries else None
        head = (last.seq, last.hash) if last else (0, GENESIS)
        asked = [row for facts, _ in appends for row in asked_once(facts)]
        known = {(table, key) for table, key in asked if key in self.tables[table]}
        draft = Draft((*head, self._newest()), self._now, known)
        answers = [draft.answer(facts, token) for facts, token in appends]
        self._entries += draft.entries
        for change in draft.changes:
            if isinstance(change, Drop):
                apply(self.tables[change.table], change)
                continue
            for values in change.values:
                row = dict(zip(change.names, values, strict=True))
                apply(self.tables[change.table], Put(table=change.table, values=row))
        return answers
