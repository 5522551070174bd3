"""That Great Expectations has nothing of the same meaning, and why."""

from __future__ import annotations


class NoEquivalentError(Exception):
    """A rule cannot be said in the words of Great Expectations; the message completes "because …"."""
