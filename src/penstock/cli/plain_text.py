"""Text as a terminal may show it: what others wrote never reaches it as orders."""

from __future__ import annotations

_KEPT = "\n\t"


def shown(text: str) -> str:
    """A text without what a terminal would obey, or turn around, instead of showing it."""
    return "".join(sign if sign.isprintable() or sign in _KEPT else "\N{REPLACEMENT CHARACTER}" for sign in text)
