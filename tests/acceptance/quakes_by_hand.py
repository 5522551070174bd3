"""What the snapshots of the quakes example say together, told in plain Python: nothing of it is shared with Penstock.

It walks through the snapshots one by one, as somebody would who looks at each of them when it comes.
"""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

HOUR = 3_600_000
WINDOWS = {"hour": HOUR, "day": 24 * HOUR}
STATES = {"CA": "California", "MX": "Mexico"}
"""Two regions that some networks abbreviate."""


class Said(NamedTuple):
    """What a snapshot says of an event; moments in milliseconds since 1970, depth in kilometres."""

    time: int
    updated: int
    magnitude: float | None
    place: str | None
    longitude: float
    latitude: float
    depth: float | None


NOTHING = Said(0, 0, None, None, 0.0, 0.0, None)


class Snapshot(NamedTuple):
    """One file: when it was taken, its feed, and what it says of the events it lists."""

    taken: int
    feed: str
    listed: dict[str, Said]


@dataclass
class Event:
    """All that is known of an event: each sighting, when it was missed for good, when it was looked for last."""

    sightings: list[tuple[int, Said]] = field(default_factory=list)
    latest: Said = NOTHING
    left: int | None = None
    checked: int = 0


class Revision(NamedTuple):
    """One row of the history."""

    said: Said
    first: int
    last: int
    snapshots: int
    until: int | None
    ended: str | None
    checked: int


def read_snapshots(paths: Iterable[Path]) -> list[Snapshot]:
    """The snapshots of files, in the order in which they were taken."""
    found = []
    for path in paths:
        document = json.loads(gzip.decompress(path.read_bytes()))
        listed = {}
        for feature in document["features"]:
            told = feature["properties"]
            name = told["url"].rpartition("/")[2]
            assert feature.get("id", name) == name
            where = feature["geometry"]["coordinates"]
            listed[name] = Said(told["time"], told["updated"], told["mag"], told["place"], *where)
        assert document["metadata"]["count"] == len(listed)
        found.append(Snapshot(document["metadata"]["generated"], path.parent.name.removeprefix("all_"), listed))
    return sorted(found, key=lambda snapshot: (snapshot.taken, snapshot.feed))


def events_of(snapshots: Sequence[Snapshot]) -> dict[str, Event]:
    """Every event that any of the snapshots lists, once all of them were looked at."""
    events: dict[str, Event] = {}
    young: set[str] = set()
    for taken, feed, listed in snapshots:
        for name, said in listed.items():
            event = events.setdefault(name, Event())
            again = bool(event.sightings) and event.sightings[-1][0] == taken
            event.sightings.append((taken, said))
            if not again or said.updated > event.latest.updated:
                event.latest = said
            event.left, event.checked = None, taken
            young.add(name)
        for name in young.difference(listed):
            event = events[name]
            should_be_listed = event.latest.time >= taken - WINDOWS[feed]
            if should_be_listed and event.sightings[-1][0] < taken:
                event.left = event.left or taken
                event.checked = taken
        young = {name for name in young if events[name].latest.time >= taken - 2 * WINDOWS["day"]}
    return events


def history(events: dict[str, Event]) -> dict[tuple[str, Said], Revision]:
    """Each event and each thing said of it."""
    found: dict[tuple[str, Said], Revision] = {}
    for name, event in events.items():
        for said in {said for _, said in event.sightings}:
            times = [taken for taken, other in event.sightings if other == said]
            status = status_of(name, event, events)
            until, ended = event.left, None if status == "live" else status
            if said != event.latest:
                until = min(taken for taken, other in event.sightings if taken >= times[-1] and other != said)
                ended = "revised"
            found[name, said] = Revision(said, times[0], times[-1], len(times), until, ended, event.checked)
    return found


def current(events: dict[str, Event]) -> dict[str, tuple[Said, str]]:
    """Each event, as it was told last, and whether it still stands."""
    return {name: (event.latest, status_of(name, event, events)) for name, event in events.items()}


def status_of(name: str, event: Event, events: dict[str, Event]) -> str:
    """Whether an event stands: `live`, `deleted`, or `renumbered`, if the quake was listed under another id then."""
    if event.left is None:
        return "live"
    for other, its in events.items():
        if other == name or its.sightings[-1][0] < event.left or its.sightings[0][0] > event.checked:
            continue
        seen_then = (said for taken, said in its.sightings if event.left <= taken <= event.checked)
        if any(same_quake(said, event.latest) for said in seen_then):
            return "renumbered"
    return "deleted"


def same_quake(one: Said, other: Said) -> bool:
    """Within 3 seconds and 25 kilometres on a sphere as large as the earth."""
    if abs(one.time - other.time) > 3_000:
        return False
    cosine = sum(a * b for a, b in zip(_vector(one), _vector(other), strict=True))
    return 6371 * math.acos(max(-1.0, min(1.0, cosine))) <= 25


def _vector(said: Said) -> tuple[float, float, float]:
    """A point of the unit sphere."""
    east, north = math.radians(said.longitude), math.radians(said.latitude)
    return (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))


def region(place: str | None) -> str:
    """The last part of a place's name, written out."""
    last = (place or "unknown").rpartition(",")[2].strip()
    return STATES.get(last, last)


def daily(events: dict[str, Event]) -> dict[tuple[int, str], tuple[int, int, float, float | None]]:
    """Live quakes of magnitude 1 or more by day (since 1970) and region: how many, how many of 4.5 or more, the
    largest magnitude and depth."""
    found: dict[tuple[int, str], list[Said]] = {}
    for said, status in current(events).values():
        if status == "live" and said.magnitude is not None and said.magnitude >= 1:
            found.setdefault((said.time // (24 * HOUR), region(said.place)), []).append(said)
    return {
        key: (
            len(quakes),
            sum((quake.magnitude or 0) >= 4.5 for quake in quakes),
            max(quake.magnitude or 0 for quake in quakes),
            max((quake.depth for quake in quakes if quake.depth is not None), default=None),
        )
        for key, quakes in found.items()
    }
