"""The hash chain over facts, their wire form, and the port through which they are kept.

Invariants: sequence numbers have no holes; each entry's hash covers its own canonical bytes and the hash before it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, get_args

from penstock.ledger.facts import Fact, LeaseTaken
from penstock.model.errors import PenstockError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

GENESIS = "0" * 64
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Fact)}
_FIELDS: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(sorted(field.name for field in fields(kind))) for kind in get_args(Fact)
}
_MAPS: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if str(field.type).startswith("Mapping"))
    for kind in get_args(Fact)
}
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
Value = str | int | None
Row = "Mapping[str, Value]"


class LeaseLostError(PenstockError):
    """Another process became the executor while this one worked; nothing of this attempt was recorded."""

    exit_code = 3


class LedgerDamagedError(PenstockError):
    """The ledger's chain or its state tables are not what the journal says."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recorded fact: its number (from 1), when it was recorded (ISO, UTC), and its link in the chain."""

    seq: int
    at: str
    kind: str
    body: str
    previous: str
    hash: str

    @property
    def fact(self) -> Fact:
        """The fact itself."""
        return decode(self.kind, self.body)


def encode(fact: Fact) -> tuple[str, str]:
    """A fact's kind and its body as canonical JSON; half a surrogate pair, which UTF-8 cannot hold, becomes `?`."""
    kind = type(fact)
    values = {name: getattr(fact, name) for name in _FIELDS[kind]}
    for name in _MAPS[kind]:
        values[name] = dict(values[name])
    body = _ENCODER.encode(values)
    return kind.__name__, body if body.isascii() else body.encode("utf-8", "replace").decode()


def decode(kind: str, body: str) -> Fact:
    """The fact of an entry.

    Raises:
        LedgerDamagedError: the kind is unknown or the body does not fit it (a newer Penstock wrote it, or damage).
    """
    try:
        fact: Fact = _KINDS[kind](**json.loads(body))
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerDamagedError(
            Finding(
                code="ledger.unknown_fact",
                message=f"the ledger holds a fact {kind!r} that this Penstock cannot read",
                expected=f"one of {len(_KINDS)} known kinds",
                remedy="use the Penstock version that wrote it, or newer",
            )
        ) from error
    return fact


def link(seq: int, at: str, fact: Fact, previous: str) -> Entry:
    """The entry that follows one with hash `previous`."""
    kind, body = encode(fact)
    return Entry(
        seq=seq,
        at=at,
        kind=kind,
        body=body,
        previous=previous,
        hash=chain_hash(seq, at, kind, body, previous),
    )


def chain_hash(seq: int, at: str, kind: str, body: str, previous: str) -> str:
    """SHA-256 over an entry's fields; each is preceded by its length, so no two entries share bytes."""
    digest = hashlib.sha256()
    for part in (str(seq), at, kind, body, previous):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def verify(entries: Iterable[Entry], *, seq: int = 0, previous: str = GENESIS) -> tuple[Finding, ...]:
    """What is wrong with a chain that follows an entry known by number and hash (by default: that has just begun)."""
    expected = seq + 1
    for entry in entries:
        if entry.seq != expected or entry.previous != previous:
            return (_damaged(entry.seq, f"follows {expected - 1} but does not continue it"),)
        if entry.hash != chain_hash(entry.seq, entry.at, entry.kind, entry.body, entry.previous):
            return (_damaged(entry.seq, "does not match its hash"),)
        previous, expected = entry.hash, expected + 1
    return ()


def refused(facts: Sequence[Fact], token: int | None, newest: int | None) -> LeaseLostError | None:
    """Why a store must not record these facts: their executor is not the newest, or a lease is not the next one.

    Taking a lease is a compare-and-set: its token follows the newest, whatever its taker read before. A taker that
    says by `token` what it saw in the ledger (0: none) may skip tokens, which the target may know of another ledger.
    """
    takes = any(isinstance(fact, LeaseTaken) for fact in facts)
    if token is not None and token != (newest or 0 if takes else newest):
        return stale_lease(token, newest)
    skips = token is not None
    for fact in facts:
        if not isinstance(fact, LeaseTaken):
            continue
        following = (newest or 0) + 1
        if fact.token < following or (fact.token > following and not skips):
            return stale_lease(fact.token, newest)
        newest = fact.token
    return None


def stale_lease(token: int, newest: int | None) -> LeaseLostError:
    """The refusal of an executor whose token is not the newest."""
    return LeaseLostError(
        Finding(
            code="ledger.lease_lost",
            message=f"this process holds executor token {token}, the newest is {newest}",
            remedy="another process took over; follow it, or run the command again",
        )
    )


def _damaged(seq: int, what: str) -> Finding:
    return Finding(
        code="ledger.chain_broken",
        message=f"journal entry {seq} {what}",
        expected="an unbroken hash chain",
        remedy="restore .penstock/ledger.db from a backup; entries before this one are intact",
    )


class Receipt(Protocol):
    """Facts handed in and on their way to the disk, behind everything handed in before them."""

    def result(self) -> tuple[Entry, ...]:
        """Wait until they are durable; the entries made of them.

        Raises:
            LeaseLostError: as `Journal.append`.
        """
        ...


class Journal(Protocol):
    """Keeps facts and the tables folded from them."""

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts in one transaction with their state; durable when this returns.

        A fact that may be recorded only once (`state.once`) and is there already makes no entry.

        Raises:
            LeaseLostError: `token` is given and is not the executor lease's newest, or a lease is taken without one and
                is not the next; nothing was recorded.
        """
        ...

    def submit(self, *facts: Fact, token: int | None = None) -> Receipt:
        """Hand facts in without waiting: they are recorded in order, within some 20 ms even if nobody waits."""
        ...

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry after a number, in order."""
        ...

    def rows(
        self, table: str, *, order: str | None = None, limit: int | None = None, **equal: Value
    ) -> tuple[Mapping[str, Value], ...]:
        """The rows of a state table whose columns equal the given values, in key order or that of a column.

        What was submitted is seen here only once it is recorded.
        """
        ...


class Pulse(Protocol):
    """Signs of life of the executor: kept beside the journal, because they are no facts."""

    def beat(self, token: int) -> bool:
        """Show that the executor of this token lives; False when a newer one has taken the lease."""
        ...

    def pulse(self) -> tuple[int, int]:
        """The newest token and how often its executor has shown itself. Judge it by your own monotonic clock."""
        ...
