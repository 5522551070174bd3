"""Whether a ledger says the same everywhere: the chain is whole, and the tables are what the journal folds to."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from penstock.adapters.ledger import complaints
from penstock.adapters.ledger.anchor import Anchor, anchor_of, state_at, verify_anchor
from penstock.adapters.ledger.archive import read_archive
from penstock.adapters.ledger.database import read_entries, read_rows
from penstock.ledger.journal import LedgerDamagedError, verify
from penstock.ledger.state import TABLES, refold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.adapters.ledger.database import Database
    from penstock.ledger.journal import Entry
    from penstock.ledger.state import State
    from penstock.model.findings import Finding


def check(database: Database, place: str, archives: Path | None = None) -> tuple[Finding, ...]:
    """What is wrong with a journal and its tables, read from one snapshot; nothing if they agree.

    With the folder of its `archives`, also the entries that were moved there, from the very first one on.
    """
    anchor = anchor_of(database)
    broken = verify(read_entries(database), seq=anchor.seq, previous=anchor.hash)
    broken = broken or verify_anchor(database, anchor)
    if broken:
        return broken
    expected = refold(read_entries(database), state_at(database, anchor))
    findings = list(_differences(database, expected, place))
    if archives is not None and anchor.seq and not findings:
        findings += _verify_archives(database, anchor, archives)
    return tuple(findings)


def _differences(database: Database, expected: State, place: str) -> Iterator[Finding]:
    for table, (keys, _) in TABLES.items():
        rows = read_rows(database, table, order=None, limit=None, equal={})
        actual = {tuple(row[name] for name in keys): dict(row) for row in rows}
        differing = [key for key in {*actual, *expected[table]} if actual.get(key) != expected[table].get(key)]
        if differing:
            yield complaints.state_differs(place, table, len(differing))


def _verify_archives(database: Database, anchor: Anchor, folder: Path) -> tuple[Finding, ...]:
    """Read every archive, in order: with the journal one chain from the first entry on, which folds to the snapshot."""
    try:
        broken = verify(chain(_archived(database, folder), read_entries(database)))
        if broken:
            return broken
        state = refold(_archived(database, folder))
    except LedgerDamagedError as error:
        return error.findings
    return () if state == state_at(database, anchor) else (complaints.archives_differ(str(folder)),)


def _archived(database: Database, folder: Path) -> Iterator[Entry]:
    for row in read_rows(database, "compactions", order=None, limit=None, equal={}):
        yield from read_archive(folder / str(row["archive"]), str(row["archive_sha256"]))
