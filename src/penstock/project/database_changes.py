"""`read: changes` of a source file with `format: database`: what goes with it, and what does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.databases import Changes, DatabaseEngine

if TYPE_CHECKING:
    from penstock.documents import Fields

_SLOT = re.compile(r"[a-z][a-z0-9_]{0,29}")
_SETTINGS = ("publication", "slot", "reload")
_MOST_NAME = 63


def read_changes(fields: Fields) -> Changes | None:
    """How a table's changes are read; None if they are not."""
    if fields.choice("read", ("changes",)) is None:
        _refuse_settings(fields)
        return None
    if fields.text("engine") not in {None, DatabaseEngine.POSTGRES}:
        message = f"changes of {fields.text('engine')} are not read"
        expected = "engine: postgres; of others all rows, those of an `interval`, or what is new by `cursor`"
        fields.note("source.changes_engine", message, at="read", expected=expected, remedy="remove `read`")
    for other in ("query", "cursor"):
        if other in fields:
            message, expected = f"`read: changes` and `{other}` exclude each other", "read: changes of a `table`"
            fields.note("source.mode", message, at=other, expected=expected, remedy="remove one of the two")
    publication, slot = fields.text("publication") or "", fields.text("slot") or ""
    if len(publication.encode()) > _MOST_NAME or "\0" in publication:
        expected = f"the name of a publication, of at most {_MOST_NAME} bytes"
        fields.note("source.bad_publication", "this cannot be a publication", at="publication", expected=expected)
    if slot and not _SLOT.fullmatch(slot):
        expected = "lower-case letters, digits and _, at most 30, that the names of its slots begin with"
        fields.note("source.bad_slot", f"{slot!r} cannot begin a slot's name", at="slot", found=slot, expected=expected)
    return Changes(publication=publication, slot=slot)


def _refuse_settings(fields: Fields) -> None:
    for name in _SETTINGS:
        if name in fields:
            fields.raw(name)
            message, expected = f"`{name}` is without `read: changes`", "read: changes, and key: [id]"
            fields.note("source.mode", message, at=name, expected=expected, remedy=f"remove `{name}`, or add `read`")
