"""Moves old entries of the journal to an archive, in a way that `checking` can verify.

Invariants: the archive is on the disk, and was read back, before anything is deleted; anchor, snapshot, deletion and
the fact that tells of them are one transaction, so a kill leaves the old journal or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, takewhile
from typing import TYPE_CHECKING

from penstock.adapters.ledger.anchor import Anchor, anchor_of, put_anchor, state_at, verify_anchor
from penstock.adapters.ledger.archive import read_archive, write_archive
from penstock.adapters.ledger.committing import begin_draft, undone_if_it_fails
from penstock.adapters.ledger.database import read_entries
from penstock.ledger.facts import JournalCompacted
from penstock.ledger.journal import LedgerDamagedError, verify
from penstock.ledger.snapshot import digest_of, lines_of
from penstock.ledger.state import refold
from penstock.model.errors import PenstockError, WaitingError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.adapters.ledger.committing import Writer
    from penstock.adapters.ledger.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What was moved: how many entries, the last one's number, and the file's name."""

    entries: int
    upto: int
    archive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A compaction whose archive is written and whose transaction is not: what it replaces, and with what."""

    anchor: Anchor
    fact: JournalCompacted
    lines: tuple[str, ...]


def prepare(database: Database, before: str, folder: Path) -> Prepared | None:
    """Write the entries recorded before a moment (ISO, UTC) to an archive; None if there are none.

    Raises:
        LedgerDamagedError: what would be moved is not whole, or the archive cannot be written.
    """
    anchor = anchor_of(database)
    _refuse(verify_anchor(database, anchor))
    old = takewhile(lambda entry: entry.at < before, read_entries(database, anchor.seq))
    first = next(old, None)
    if first is None:
        return None
    archived = write_archive(folder, chain([first], old))
    path = folder / archived.name
    _refuse(verify(read_archive(path, archived.sha256), seq=anchor.seq, previous=anchor.hash))
    state = refold(read_archive(path, archived.sha256), state_at(database, anchor))
    lines = tuple(lines_of(state))
    fact = JournalCompacted(
        upto=archived.last.seq,
        hash=archived.last.hash,
        archive=archived.name,
        archive_sha256=archived.sha256,
        snapshot_sha256=digest_of(lines),
    )
    return Prepared(anchor=anchor, fact=fact, lines=lines)


def carry_through(prepared: Prepared, writer: Writer, now: Callable[[], str]) -> Compaction:
    """Let the journal begin after the archive, and say so in it, in one transaction.

    Raises:
        WaitingError: somebody else compacted meanwhile; nothing was changed.
    """
    fact = prepared.fact
    with undone_if_it_fails(writer):
        draft = begin_draft(writer, now, ())
        if anchor_of(writer) != prepared.anchor:
            raise WaitingError(_OVERTAKEN)
        answer = draft.answer((fact,), None)
        if isinstance(answer, PenstockError):
            raise answer
        put_anchor(writer, Anchor(seq=fact.upto, hash=fact.hash), prepared.lines)
        writer.write(draft)
    return Compaction(entries=fact.upto - prepared.anchor.seq, upto=fact.upto, archive=fact.archive)


def _refuse(findings: tuple[Finding, ...]) -> None:
    if findings:
        raise LedgerDamagedError(findings)


_OVERTAKEN = Finding(
    code="ledger.overtaken",
    message="another process compacted the ledger at the same time",
    remedy="look at it again: `penstock doctor`",
)
