"""How rows that were put aside are known to be past their time: by their moment, their interval, or what they say.

A row of a dataset without intervals holds its moment as text like all its values. Text that is no ISO date says
nothing: then the moment at which it was put aside counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

ASIDE = "/quarantine"
"""What follows an expiry's id in the target's own ledger where the rows count that were put aside."""
ISO_DATE = r"^\d{4}-\d\d-\d\d"
_MIDNIGHT = " 00:00:00"


def said_before(text: str) -> str:
    """The SQL of a text as one that sorts by its moment beside `sortable`; for DuckDB and Postgres alike."""
    return f"left(replace({text}, 'T', ' ') || '{_MIDNIGHT}', 19)"


def sortable(moment: datetime) -> str:
    """A moment as text that sorts as moments do: `2024-03-01 00:00:00`, in UTC."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
