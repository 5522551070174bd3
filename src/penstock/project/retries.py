"""`retries` of a pipeline's file and of a story: how often a task is tried, and how long is waited in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.pipelines import Retry

if TYPE_CHECKING:
    from penstock.documents import Fields


def read_retries(fields: Fields) -> Retry | None:
    """The value of `retries`, with the defaults for what it leaves out; None where it is not there."""
    child = fields.child("retries")
    if child is None:
        return None
    given = {
        "attempts": child.integer("attempts", low=1),
        "delay": child.number("delay", low=0),
        "factor": child.number("factor", low=1),
        "cap": child.number("cap", low=0),
    }
    child.unknown()
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Retry(**said)
