"""Appending, for every store: groups of requests become one transaction each, and its failure ends the writing.

Invariants: a fact and its state are written in one transaction; a result is given only after the commit is durable;
after a failed commit nothing is written until the store is opened anew; a refused request leaves no trace; nothing is
written before what was handed in earlier and waits, unattended, for a store that cannot be written now.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from penstock.adapters.ledger.database import Database, held
from penstock.adapters.ledger.grouping import Grouping
from penstock.ledger.draft import Draft, asked_once
from penstock.ledger.journal import LedgerDamagedError
from penstock.model.errors import PenstockError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.adapters.ledger.grouping import Request
    from penstock.ledger.draft import Head
    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry, Receipt
    from penstock.model.findings import Finding


class Writer(Database, Protocol):
    """A database's one connection for writing, used by one thread at a time. `errors` are those that it raises."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What a statement may raise."""
        ...

    def begin(self) -> Head:
        """Begin a transaction that keeps other writers out; where the journal stands.

        Raises:
            PenstockError: it cannot begin now, and nothing is wrong with the store.
        """
        ...

    def write(self, draft: Draft) -> None:
        """Write a draft and commit; durable on return."""
        ...

    def commit(self) -> None:
        """Commit; durable on return."""
        ...

    def roll_back(self) -> None:
        """End a transaction without keeping anything, if one is open. Raises nothing."""
        ...

    def failed(self, error: BaseException) -> Finding:
        """What to tell those whose facts could not be written."""
        ...

    def tidy(self) -> None:
        """Give back the room of what was deleted, if that is possible now. Raises nothing."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Committer:
    """The writing half of a `Journal`."""

    def __init__(self, writer: Writer, now: Callable[[], str]) -> None:
        self._writer, self._now = writer, now
        self._failed: Exception | None = None
        self.grouping = Grouping(self._commit)

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts and their state; see `Journal.append`."""
        return self.grouping.submit(facts, token, attended=True).result()

    def submit(self, *facts: Fact, token: int | None = None) -> Receipt:
        """Hand facts in; see `Journal.submit`."""
        return self.grouping.submit(facts, token)

    def flush(self) -> None:
        """Wait until what was handed in so far is recorded or refused."""
        self.grouping.flush()

    def close(self) -> None:
        """Record what was handed in, and close the connection."""
        try:
            self.grouping.close()
        finally:
            self._writer.close()

    def _commit(self, group: Sequence[Request]) -> PenstockError | None:
        """One transaction for the whole group; a caller whose token is stale is told so and leaves no trace.

        Why it could not begin, if it could not; then nobody was answered.
        """
        try:
            answers = self._write(group)
        except PenstockError as error:
            self._writer.roll_back()
            return error
        except Exception as error:  # noqa: BLE001 - a group's front door: whoever waits must be answered
            self._writer.roll_back()
            self._failed = error
            answers = [self._failure(error) for _ in group]
        except BaseException:
            self._writer.roll_back()
            raise
        for request, answer in zip(group, answers, strict=True):
            if isinstance(answer, PenstockError):
                request.error = answer
            else:
                request.entries = answer
        return None

    def _write(self, group: Sequence[Request]) -> list[tuple[Entry, ...] | PenstockError]:
        if self._failed is not None:
            return [self._failure(self._failed) for _ in group]
        if not any(request.facts for request in group):
            return [()] * len(group)
        draft = begin_draft(self._writer, self._now, [request.facts for request in group])
        answers = [draft.answer(request.facts, request.token) for request in group]
        if draft.entries:
            self._writer.write(draft)
        else:
            self._writer.roll_back()
        return answers

    def _failure(self, error: Exception) -> LedgerDamagedError:
        failure = LedgerDamagedError(self._writer.failed(error))
        failure.__cause__ = error
        return failure


def begin_draft(writer: Writer, now: Callable[[], str], appends: Sequence[Sequence[Fact]]) -> Draft:
    """Begin a transaction, and a draft of what it will write."""
    head = writer.begin()
    asked = [row for facts in appends for row in asked_once(facts)]
    return Draft(head, now, held(writer, asked) if asked else ())


@contextmanager
def undone_if_it_fails(writer: Writer) -> Iterator[None]:
    """Roll a transaction back if it does not come to its end."""
    try:
        yield
    except BaseException:
        writer.roll_back()
        raise
