"""What a check is told beside the rows: up to when they reach, where other datasets are, and what came before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from penstock.model.intervals import parse_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.contracts import Past
    from penstock.model.intervals import Grain, Interval


LONG = 200_000
"""Rows from which on it is worth to look at some before all are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """A column's distribution: rows up to each edge (or of each listed value), of the rest, and without a value.

    `counts` has two more than `edges`. Edges are values as the database writes them as text.
    """

    edges: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is kept of one interval's rows for the checks of later ones.

    `start` is that of its slice; none of a dataset without intervals. `spans` holds start and rows of each interval of
    a slice that has several.
    """

    rows: int
    start: datetime | None = None
    newest: Mapping[str, datetime] = field(default_factory=dict)
    bins: Mapping[str, Bins] = field(default_factory=dict)
    spans: tuple[tuple[datetime, int], ...] = ()

    @property
    def counts(self) -> tuple[tuple[datetime | None, int], ...]:
        """Start and rows, interval by interval."""
        return self.spans or ((self.start, self.rows),)

    def text(self) -> str:
        """As the ledger keeps it."""
        parts: dict[str, object] = {"rows": self.rows}
        if self.newest:
            parts["newest"] = {name: moment.isoformat() for name, moment in self.newest.items()}
        if self.bins:
            parts["bins"] = {name: [one.edges, one.counts] for name, one in self.bins.items()}
        if self.spans:
            parts["spans"] = [[stamp(start), rows] for start, rows in self.spans]
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_profile(text: str, start: str) -> Profile:
    """A profile as `Profile.text` wrote it; `start` is empty without intervals."""
    parts: dict[str, Any] = json.loads(text)
    return Profile(
        rows=int(parts["rows"]),
        start=parse_moment(start) if start else None,
        newest={name: datetime.fromisoformat(moment) for name, moment in parts.get("newest", {}).items()},
        bins={
            name: Bins(edges=tuple(edges), counts=tuple(counts))
            for name, (edges, counts) in parts.get("bins", {}).items()
        },
        spans=tuple((parse_moment(moment), int(rows)) for moment, rows in parts.get("spans", ())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and when rows are judged. What a check needs and is not told, it does not judge.

    `until` is the end of the interval, or up to when a run's data counts as arrived. `relations` maps datasets to
    where they are. `past` holds what is known of earlier intervals, the oldest first. `interval` and `grain` are those
    of the slice, `column` is the one that cuts it; `pieces` are intervals to be judged one by one where there is no
    slice. `rows` is how many are there, as far as that is known. `zone_maps` is whether the database skips rows by the
    smallest and largest values of the groups that they are stored in.
    """

    until: datetime | None = None
    relations: Mapping[str, str] = field(default_factory=dict)
    past: tuple[Profile, ...] = ()
    interval: Interval | None = None
    grain: Grain | None = None
    column: str = ""
    pieces: tuple[Interval, ...] = ()
    rows: int = 0
    zone_maps: bool = False

    @property
    def is_long(self) -> bool:
        """Whether there are so many rows that looking at some before reading all is worth it."""
        return self.rows >= LONG

    @property
    def is_batch(self) -> bool:
        """Whether the slice holds several intervals."""
        return self.interval is not None and self.grain is not None and len(list(self.interval.split(self.grain))) > 1


PLAIN = Setting()


def alike(past: Past, start: datetime | None, other: datetime | None) -> bool:
    """Whether an earlier interval counts beside one that begins at `start`."""
    if not past.weekday or start is None or other is None:
        return True
    return (other.weekday(), other.hour) == (start.weekday(), start.hour)
