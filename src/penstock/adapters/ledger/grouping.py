"""Group commit without a writer's thread: the first who needs a result commits for everybody who handed in before.

Invariants: one commit at a time, in the order of handing in; whoever waits is answered or made the next to commit;
what nobody waits for is committed by an attendant thread within about `LINGER` seconds, and what of it could not be
begun stays in line, before everything handed in later, until it can.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from penstock.ledger.journal import LedgerDamagedError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry
    from penstock.model.errors import PenstockError

LINGER = 0.015
AGAIN = 0.5
"""Seconds before what could not be begun is tried again, if nobody comes before."""
GROUP_LIMIT = 256
_INTERRUPTED = Finding(
    code="ledger.interrupted",
    message="a write to the ledger was interrupted; whether it was kept is known when the ledger is read again",
    remedy="run the same command again; it goes on from what was kept",
)
_NOT_BEGUN = Finding(
    code="ledger.closed_before",
    message="the ledger was closed before this could be written; nothing handed in later was written either",
    remedy="run the same command again; it settles what was left open",
)


class Request:
    """One append, and a `Receipt` for it. Whoever commits it sets `entries` or `error`; `attended`: somebody asks."""

    __slots__ = ("_gates", "_grouping", "attended", "entries", "error", "facts", "settled", "token")

    def __init__(self, grouping: Grouping, facts: tuple[Fact, ...], token: int | None, *, attended: bool) -> None:
        self.facts, self.token, self.attended = facts, token, attended
        self.entries: tuple[Entry, ...] | None = None
        self.error: Exception | None = None
        self.settled = False
        self._grouping = grouping
        self._gates: list[threading.Lock] | None = None

    def result(self) -> tuple[Entry, ...]:
        """Wait until the facts are durable; see `Receipt.result`."""
        if not self.settled:
            self._grouping.settle(self)
        if self.error is not None:
            raise self.error
        return self.entries or ()

    def wait_here(self) -> threading.Lock:
        """A closed gate, opened when the request is settled or its waiter is to commit. Under the grouping's lock."""
        gate = threading.Lock()
        gate.acquire()
        if self._gates is None:
            self._gates = []
        self._gates.append(gate)
        return gate

    def take_gate(self) -> threading.Lock | None:
        """One waiter's gate, which the caller opens. Under the grouping's lock."""
        return self._gates.pop() if self._gates else None

    def leave(self, gate: threading.Lock) -> bool:
        """Wait no longer at a gate; False if it was taken to be opened. Under the grouping's lock."""
        if self._gates is None or gate not in self._gates:
            return False
        self._gates.remove(gate)
        return True

    def end(self) -> None:
        """What was not answered was interrupted: its outcome is on the disk. Under the grouping's lock."""
        if self.entries is None and self.error is None:
            self.error = LedgerDamagedError(_INTERRUPTED)
        self.settled = True


class Grouping:
    """Gathers requests and has them committed by `commit`.

    It answers each of them and raises for none; or it could not begin, says why, and has answered none.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Request]], PenstockError | None],
        *,
        linger: float = LINGER,
        again: float = AGAIN,
    ) -> None:
        self._commit, self._linger, self._again = commit, linger, again
        self._held_up = False
        self._lock = threading.Lock()
        self._pending: deque[Request] = deque()
        self._leading = False
        self._bell = threading.Lock()
        self._bell.acquire()
        self._rung = False
        self._closing = threading.Event()
        self._attendant: threading.Thread | None = None

    def submit(self, facts: tuple[Fact, ...], token: int | None, *, attended: bool = False) -> Request:
        """Hand facts in; `attended` when the caller is about to ask for the result."""
        request = Request(self, facts, token, attended=attended)
        with self._lock:
            self._pending.append(request)
            if not attended and not self._rung:
                self._ring()
        return request

    @property
    def waiting(self) -> int:
        """How many requests nobody has begun to commit."""
        return len(self._pending)

    def flush(self) -> None:
        """Wait until everything handed in so far is committed or refused, or cannot be begun now."""
        self.settle(self.submit((), None, attended=True))

    def close(self) -> None:
        """Commit what is pending and stop the attendant; what cannot be begun even now is left out, as by a crash."""
        self.flush()
        with self._lock:
            attendant, self._attendant = self._attendant, None
            self._closing.set()
            if attendant is not None and not self._rung:
                self._rung = True
                self._bell.release()
        if attendant is not None:
            attendant.join()
        with self._lock:
            for request in self._pending:
                request.error = LedgerDamagedError(_NOT_BEGUN)
                request.settled = True
            self._pending.clear()

    def settle(self, request: Request) -> None:
        """Wait until somebody has committed the request; if nobody is about to, do it here."""
        with self._lock:
            if request.settled:
                return
            request.attended = True
            gate = request.wait_here() if self._leading else None
            self._leading = True
        if gate is not None and not self._chosen(request, gate):
            return
        try:
            while not request.settled:
                self._commit_next()
        finally:
            self._hand_over()

    def _chosen(self, request: Request, gate: threading.Lock) -> bool:
        """Wait at a gate; whether to commit now. Who is interrupted there passes that on."""
        try:
            gate.acquire()
        except BaseException:
            with self._lock:
                chosen = not request.leave(gate) and not request.settled
            if chosen:
                self._hand_over()
            raise
        return not request.settled

    def _commit_next(self) -> None:
        group: list[Request] = []
        reason: PenstockError | None = None
        try:
            with self._lock:
                while self._pending and len(group) < GROUP_LIMIT:
                    group.append(self._pending.popleft())
            reason = self._commit(group)
        finally:
            with self._lock:
                self._held_up = reason is not None
                if reason is not None:
                    group = self._put_back(group, reason)
                for request in group:
                    request.end()
                gates = [gate for request in group for gate in iter(request.take_gate, None)]
            for gate in gates:
                gate.release()

    def _put_back(self, group: Sequence[Request], reason: PenstockError) -> list[Request]:
        """Keep what nobody waits for at the head of the line; the others, told why. Under the grouping's lock.

        Nobody would read what is said to the former, and what was handed in after them must not be written first.
        """
        line = [*group, *self._pending]
        self._pending = deque(request for request in line if not request.attended)
        told = [request for request in line if request.attended]
        for request in told:
            request.error = reason
        if self._pending and not self._rung:
            self._ring()
        return told

    def _hand_over(self) -> None:
        """Make a waiter the next to commit; with none, whoever comes next will be."""
        with self._lock:
            gate = next((gate for request in self._pending if (gate := request.take_gate()) is not None), None)
            if gate is None:
                self._leading = False
        if gate is not None:
            gate.release()

    def _ring(self) -> None:
        """Wake the attendant, or make it on first need."""
        self._rung = True
        if self._attendant is None and not self._closing.is_set():
            self._attendant = threading.Thread(target=self._attend, name="penstock-ledger", daemon=True)
            self._attendant.start()
        self._bell.release()

    def _attend(self) -> None:
        while True:
            self._bell.acquire()
            self._closing.wait(self._again if self._held_up else self._linger)
            with self._lock:
                if self._closing.is_set():
                    return
                self._rung = False
                idle = not self._pending
            if not idle:
                self.flush()
