"""Who may execute runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTaken:
    """A process became the executor; `token` is larger than every earlier one."""

    name: str
    holder: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReleased:
    """The executor of `token` ended in order; whoever comes next need not wait for its lease to run out."""

    name: str
    token: int
