"""How a change goes live step by step, as a story or the policy writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.pipelines import NAME_PATTERN
from penstock.model.stories import Rollout

if TYPE_CHECKING:
    from penstock.documents import Fields


def read_rollout(parent: Fields) -> tuple[Rollout, int | None]:
    """The steps before the promotion, and how many intervals are observed after it (None: not said here)."""
    fields = parent.child("rollout")
    if fields is None:
        return Rollout(), None
    shadow, observe = fields.integer("shadow", low=0), fields.integer("observe", low=0)
    canary, consumers = _canary(fields)
    fields.unknown()
    return Rollout(shadow=shadow or 0, canary=canary, consumers=consumers), observe


def _canary(parent: Fields) -> tuple[int, tuple[str, ...]]:
    fields = parent.child("canary")
    if fields is None:
        return 0, ()
    intervals = fields.integer("intervals", low=1, required=True)
    consumers = fields.texts("consumers")
    for name in consumers:
        if not NAME_PATTERN.fullmatch(name):
            fields.note(
                "project.bad_name",
                f"{name!r} cannot name a consumer: it names the environment that they read",
                at="consumers",
                found=name,
                expected="lower-case letters, digits and _, beginning with a letter, at most 63",
            )
    fields.unknown()
    return intervals or 0, tuple(dict.fromkeys(consumers))
