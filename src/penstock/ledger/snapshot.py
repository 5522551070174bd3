"""The state as text: one line for each row, tables and keys in order, so that equal states are equal bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.ledger.journal import LedgerDamagedError
from penstock.ledger.state import TABLES, empty_state
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.ledger.state import State

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def lines_of(state: State) -> Iterator[str]:
    """One line for each row; what a row does not hold is left out."""
    for table in sorted(state):
        rows = state[table]
        for key in sorted(rows):
            values = {name: value for name, value in rows[key].items() if value is not None}
            yield _ENCODER.encode([table, values]) + "\n"


def state_of(lines: Iterable[str]) -> State:
    """The state of such lines; a column that is new since then holds nothing.

    Raises:
        LedgerDamagedError: a line is none of these.
    """
    state = empty_state()
    try:
        for line in lines:
            table, values = json.loads(line)
            keys, others = TABLES[table]
            row = {name: values.get(name) for name in (*keys, *others)}
            state[table][tuple(row[name] for name in keys)] = row
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerDamagedError(_unreadable(error)) from error
    return state


def digest_of(lines: Iterable[str]) -> str:
    """SHA-256 of the whole text."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


def _unreadable(error: Exception) -> Finding:
    return Finding(
        code="ledger.snapshot_unreadable",
        message=f"the snapshot of the state cannot be read: {error}",
        expected="one row of a state table in each line",
        remedy="restore the ledger from a backup",
    )
