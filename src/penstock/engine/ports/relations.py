"""What a warehouse holds and shows: environments that are swapped, relations that are dropped, rows that expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """An environment's new mapping: dataset to (version, physical relation), all in one transaction."""

    promotion: str
    environment: str
    mapping: Mapping[str, tuple[str, str]]
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A relation that the target keeps for a version, or a view of somebody else that reads such: an environment's.

    `rows` are a table's. `reads` names the versions' relations that a view reads; maybe more, never less.
    """

    relation: str
    rows: int | None
    reads: tuple[str, ...] = ()
    is_version: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Which relations the target holds no more, and how many bytes that freed, as far as it tells."""

    relations: frozenset[str]
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """What leaves a version because its time is over: rows with `column` before `before`, and what was put aside of it.

    Done at most once for its id, `expiry`, which is of one version alone; `token` is refused as in a `Publication`.
    """

    expiry: str
    dataset: str
    version: str
    relation: str
    column: str
    before: datetime
    token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How many rows of a version lie before a moment, and are put aside of before it.

    `first` is the earliest moment among the rows, in UTC; `undated` are the rows that have none, which never expire.
    """

    rows: int
    quarantined: int
    first: datetime | None = None
    undated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """How large what was written anew was and is, in bytes; `left` are relations that somebody held meanwhile."""

    before: int
    after: int
    left: tuple[str, ...] = ()
