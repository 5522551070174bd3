"""What became of old entries of the journal itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCompacted:
    """Entries up to `upto`, the last of which has `hash`, stand in an archive and no longer in the journal.

    `archive` is its file's name; `snapshot_sha256` is of the state as it was after that entry (`ledger/snapshot.py`).
    """

    upto: int
    hash: str
    archive: str
    archive_sha256: str
    snapshot_sha256: str
