"""What is held no more: whole versions, and rows that expired."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalIntended:
    """Versions that nothing needs are about to be dropped: from now on nothing of them counts as built.

    `versions` holds rows of [dataset, version, relation] as JSON. What follows drops them before anything is built.
    """

    removal: str
    versions: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsRemoved:
    """The target holds these versions no more; those in `left` stay there, because something at the target reads them.

    Both hold rows of [dataset, version] as JSON; `bytes` were freed, as far as the target tells.
    """

    removal: str
    versions: str
    left: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryIntended:
    """A dataset's retention has passed for all before `before`: from now on none of that is missing, in any version.

    `versions` holds rows of [version, relation, column] as JSON: those whose rows before that moment, by that column,
    are about to be deleted. `profiles` holds rows of [version, slice]: what was remembered of intervals that end by
    then. `counted_by` is the column that tells how old rows are that are made from now on. `why` is the promise that
    asks for it.
    """

    expiry: str
    dataset: str
    before: str
    why: str
    by: str
    versions: str
    profiles: str = "[]"
    counted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalsExpired:
    """The target holds no row of a version before `before` any more; `rows` were deleted, and `quarantined` put aside.

    `start` is the earliest moment of those rows, empty where none had one. `why` and `by` as in the intent.
    """

    expiry: str
    dataset: str
    version: str
    start: str
    before: str
    rows: int
    quarantined: int
    why: str
    by: str
