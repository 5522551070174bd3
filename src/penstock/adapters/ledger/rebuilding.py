"""Makes the state tables anew from the journal: after a migration, and where somebody wrote to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.ledger.anchor import anchor_of, state_at, verify_anchor
from penstock.adapters.ledger.committing import undone_if_it_fails
from penstock.adapters.ledger.database import clear_state, fold_into, put_state, read_entries
from penstock.ledger.journal import LedgerDamagedError, verify

if TYPE_CHECKING:
    from penstock.adapters.ledger.committing import Writer
    from penstock.adapters.ledger.database import Database


def rebuild_state(database: Database) -> None:
    """Empty the state tables; fill them with the state at which the journal begins, and what follows. In a transaction.

    Raises:
        LedgerDamagedError: the snapshot or an entry cannot be read.
    """
    anchor = anchor_of(database)
    clear_state(database)
    put_state(database, state_at(database, anchor))
    fold_into(database, read_entries(database, anchor.seq))


def repair_state(writer: Writer) -> None:
    """Make the state tables anew in one transaction, if the journal is whole.

    Raises:
        LedgerDamagedError: it is not, and nothing was changed.
    """
    with undone_if_it_fails(writer):
        writer.begin()
        anchor = anchor_of(writer)
        broken = verify(read_entries(writer), seq=anchor.seq, previous=anchor.hash) or verify_anchor(writer, anchor)
        if broken:
            raise LedgerDamagedError(broken)
        rebuild_state(writer)
        writer.commit()
