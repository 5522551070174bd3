"""Where a compacted journal begins: its anchor, the state as it was there, and whether the journal vouches for both."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from penstock.adapters.ledger.database import read_entries
from penstock.ledger.facts import JournalCompacted
from penstock.ledger.journal import GENESIS, LedgerDamagedError
from penstock.ledger.snapshot import digest_of, state_of
from penstock.ledger.state import empty_state
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.adapters.ledger.database import Database
    from penstock.ledger.state import State

LINES_IN_A_PART = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The entry after which the journal begins; number 0 where nothing was compacted."""

    seq: int
    hash: str


def anchor_of(database: Database) -> Anchor:
    """The journal's anchor: of several, which only somebody else can have written, the last."""
    rows = database.fetch("SELECT seq, hash FROM anchor ORDER BY seq DESC LIMIT 1")
    return Anchor(seq=int(rows[0][0]), hash=str(rows[0][1])) if rows else Anchor(seq=0, hash=GENESIS)


def verify_anchor(database: Database, anchor: Anchor) -> tuple[Finding, ...]:
    """What is wrong with where the journal begins: it must say itself what was before, and hold that state."""
    if anchor.seq == 0:
        return ()
    fact = _told(database, anchor)
    if fact is None:
        return (_unknown_anchor(anchor),)
    if digest_of(_snapshot(database)) != fact.snapshot_sha256:
        return (_altered_snapshot(),)
    return ()


def state_at(database: Database, anchor: Anchor) -> State:
    """The tables as they were where the journal begins.

    Raises:
        LedgerDamagedError: the snapshot cannot be read.
    """
    return state_of(_snapshot(database)) if anchor.seq else empty_state()


def put_anchor(database: Database, anchor: Anchor, lines: Iterable[str]) -> None:
    """Let the journal begin after this entry, with the state in these lines; the entries before it go."""
    mark = database.dialect.mark
    database.fetch("DELETE FROM snapshot")
    database.fetch("DELETE FROM anchor")
    rest, number = iter(lines), 0
    while part := list(islice(rest, LINES_IN_A_PART)):
        number += 1
        packed = zlib.compress("".join(part).encode())
        database.fetch(f"INSERT INTO snapshot (part, data) VALUES ({mark}, {mark})", (number, packed))
    database.fetch(f"INSERT INTO anchor (seq, hash) VALUES ({mark}, {mark})", (anchor.seq, anchor.hash))
    database.fetch(f"DELETE FROM journal WHERE seq <= {mark}", (anchor.seq,))


def _told(database: Database, anchor: Anchor) -> JournalCompacted | None:
    """The fact that tells of an anchor; of several, the last, and only if no later anchor is told of."""
    facts = (entry.fact for entry in read_entries(database) if entry.kind == JournalCompacted.__name__)
    last = max((fact for fact in facts if isinstance(fact, JournalCompacted)), key=lambda f: f.upto, default=None)
    return last if last is not None and (last.upto, last.hash) == (anchor.seq, anchor.hash) else None


def _snapshot(database: Database) -> Iterator[str]:
    for (data,) in database.fetch("SELECT data FROM snapshot ORDER BY part"):
        try:
            text = zlib.decompress(bytes(data)).decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise LedgerDamagedError(_altered_snapshot()) from error
        yield from text.splitlines(keepends=True)


def _unknown_anchor(anchor: Anchor) -> Finding:
    return Finding(
        code="ledger.anchor_unknown",
        message=f"the journal begins after entry {anchor.seq}, but holds no fact that says so",
        expected="the fact JournalCompacted for the entry after which it begins",
        remedy="restore the ledger from a backup; somebody removed entries from it",
    )


def _altered_snapshot() -> Finding:
    return Finding(
        code="ledger.snapshot_altered",
        message="the state with which the journal begins is not the one that the journal names",
        expected="the digest in its last fact JournalCompacted",
        remedy="restore the ledger from a backup; somebody wrote to it",
    )
