"""What one transaction will write, decided before any of it is written: entries, and the state they make.

Invariants: an append is taken whole or not at all; a fact that may be recorded only once makes one entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.changes import Changes
from penstock.ledger.facts import LeaseTaken
from penstock.ledger.journal import Entry, LedgerDamagedError, link, refused
from penstock.ledger.state import fold, once
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Value
    from penstock.ledger.operations import Operation
    from penstock.model.errors import PenstockError

Head = tuple[int, str, "int | None"]
"""A journal's last number and hash, and the newest token."""
RowKey = tuple[str, "tuple[Value, ...]"]
"""A state table and a row's key."""


class Draft:
    """The entries that follow a journal's head. `known` are those rows of `asked_once` that the store has."""

    def __init__(self, head: Head, now: Callable[[], str], known: Container[RowKey]) -> None:
        self._seq, self._previous, self._newest = head
        self._now, self._known = now, known
        self.entries: list[Entry] = []
        self.changes = Changes()

    def answer(self, facts: Sequence[Fact], token: int | None) -> tuple[Entry, ...] | PenstockError:
        """The entries made of one append, or why it is refused; refused, it leaves no trace."""
        refusal = refused(facts, token, self._newest)
        if refusal is not None:
            return refusal
        try:
            made = self._enter(facts)
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
            return _unrecordable(facts, error)
        for entry, operations in made:
            self.entries.append(entry)
            self.changes.add(operations)
            self._seq, self._previous = entry.seq, entry.hash
        for fact in facts:
            if isinstance(fact, LeaseTaken):
                self._newest = fact.token
        return tuple([entry for entry, _ in made])

    def _enter(self, facts: Sequence[Fact]) -> list[tuple[Entry, tuple[Operation, ...]]]:
        """Entries with their operations; what may be recorded only once and is there is left out."""
        made: list[tuple[Entry, tuple[Operation, ...]]] = []
        seq, previous = self._seq, self._previous
        asked: set[RowKey] = set()
        for fact in facts:
            row = _row_once(fact)
            if row is not None:
                if row in asked or row in self._known or self.changes.has(*row):
                    continue
                asked.add(row)
            entry = link(seq + 1, self._now(), fact, previous)
            made.append((entry, fold(entry, fact)))
            seq, previous = entry.seq, entry.hash
        return made


def asked_once(facts: Sequence[Fact]) -> tuple[RowKey, ...]:
    """The rows whose facts are left out if the store has them."""
    return tuple([row for fact in facts if (row := _row_once(fact)) is not None])


def _row_once(fact: Fact) -> RowKey | None:
    row = once(fact)
    return None if row is None else (row[0], tuple(row[1].values()))


def _unrecordable(facts: Sequence[Fact], error: Exception) -> LedgerDamagedError:
    kinds = ", ".join(sorted({type(fact).__name__ for fact in facts}))
    failure = LedgerDamagedError(
        Finding(
            code="ledger.unrecordable",
            message=f"{kinds} could not be recorded: {type(error).__name__}: {error}",
            expected="facts whose values fit each other",
            remedy="report this as a fault of Penstock; nothing of it was kept, and the ledger is whole",
        )
    )
    failure.__cause__ = error
    return failure
