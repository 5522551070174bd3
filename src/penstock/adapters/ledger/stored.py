"""A `Journal` and its `Pulse` over a database, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.adapters.ledger.committing import Committer
from penstock.adapters.ledger.database import read_entries, read_rows
from penstock.adapters.ledger.statements import NEWEST, PULSE, beat
from penstock.ledger.journal import LedgerDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.adapters.ledger.committing import Writer
    from penstock.adapters.ledger.compaction import Compaction
    from penstock.adapters.ledger.database import Database
    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry, Receipt, Value
    from penstock.model.findings import Finding


class StoredLedger(ABC):
    """What the stores have in common. Close it when done; several processes may have it open at once.

    `place` says where it is, without anything that is secret.
    """

    place: str

    def __init__(self, writer: Writer, reader: Database, now: Callable[[], str]) -> None:
        self._reader, self._now = reader, now
        self._committer = Committer(writer, now)

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts and their state; durable on return. See `Journal.append`."""
        return self._committer.append(*facts, token=token)

    def submit(self, *facts: Fact, token: int | None = None) -> Receipt:
        """Hand facts in; see `Journal.submit`."""
        return self._committer.submit(*facts, token=token)

    def flush(self) -> None:
        """Wait until what was handed in so far is recorded or refused."""
        self._committer.flush()

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry after a number, in order; see `Journal.entries`."""
        return read_entries(self._reader, after)

    def newest(self) -> int:
        """The number of the newest entry; 0 without any."""
        ((seq,),) = self._reader.fetch(NEWEST)
        return int(seq)

    def rows(
        self, table: str, *, order: str | None = None, limit: int | None = None, **equal: Value
    ) -> tuple[Mapping[str, Value], ...]:
        """State rows; see `Journal.rows`."""
        return read_rows(self._reader, table, order=order, limit=limit, equal=equal)

    def beat(self, token: int) -> bool:
        """Show that the executor of this token lives; see `Pulse.beat`. What is not durable here is not missed."""
        return bool(self._heart().fetch(beat(self._reader.dialect), (token, token)))

    def pulse(self) -> tuple[int, int]:
        """The newest token and how often its executor has shown itself; see `Pulse.pulse`."""
        ((token, beats),) = self._reader.fetch(PULSE)
        return int(token), int(beats)

    def check(self, archives: Path | None = None) -> tuple[Finding, ...]:
        """Verify the chain and fold the journal again; what differs from the tables is a finding.

        With the folder of its `archives`, also the entries that were moved there, from the very first one on.
        """
        from penstock.adapters.ledger.checking import check  # noqa: PLC0415 - only `doctor` needs it

        with self._snapshot() as database:
            return check(database, self.place, archives)

    def compact(self, before: str, archives: Path) -> Compaction | None:
        """Move the entries recorded before a moment (ISO, UTC) to a file in a folder; None if there are none.

        Raises:
            LedgerDamagedError: what would be moved is not whole, or something cannot be written; nothing was changed.
            WaitingError: somebody else compacts or writes for long.
        """
        from penstock.adapters.ledger.compaction import carry_through, prepare  # noqa: PLC0415 - as `check`

        with self._snapshot() as database:
            prepared = prepare(database, before, archives)
        if prepared is None:
            return None
        with self._writing() as writer:
            done = carry_through(prepared, writer, self._now)
            writer.tidy()
        return done

    def repair_state(self) -> None:
        """Make the state tables anew from the journal, in one transaction.

        Raises:
            LedgerDamagedError: the journal is not whole; nothing was changed.
            WaitingError: somebody else writes for long.
        """
        from penstock.adapters.ledger.rebuilding import repair_state  # noqa: PLC0415 - as `check`

        with self._writing() as writer:
            repair_state(writer)

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        """A connection of its own, behind what was handed in here before."""
        self.flush()
        writer = self._new_writer()
        try:
            yield writer
        except writer.errors as error:
            raise LedgerDamagedError(writer.failed(error)) from error
        finally:
            writer.close()

    @abstractmethod
    def close(self) -> None:
        """Record what was handed in and close every connection."""

    @abstractmethod
    def _heart(self) -> Database:
        """A connection whose commits need not be on the disk."""

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Database]:
        """A connection that sees the ledger as it is now, whoever writes meanwhile."""

    @abstractmethod
    def _new_writer(self) -> Writer:
        """A connection for writing, beside the one that appends."""
