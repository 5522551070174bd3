"""Which objects there are for a source's intervals: one listing, and no object is asked for by itself."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from penstock.adapters.sources.inspection import is_missed, missing_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.adapters.objects.store import Store, StoredObject
    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.sources import FileSource

_LAST = "\U0010ffff"


def wanted_objects(
    source: FileSource, dataset: str, store: Store, intervals: Sequence[Interval] | None
) -> tuple[list[tuple[StoredObject, Interval | None]], tuple[Finding, ...]]:
    """The objects that there are of those that there are to be, and what it says if some are missing."""
    listed = list(_objects_of(source, store, intervals))
    there = [(one, interval) for _, one, interval in listed if one is not None]
    missing = [(name, interval) for name, one, interval in listed if one is None and is_missed(source, interval)]
    return there, (missing_files(dataset, missing),) if missing else ()


def _objects_of(
    source: FileSource, store: Store, intervals: Sequence[Interval] | None
) -> Iterator[tuple[str, StoredObject | None, Interval | None]]:
    """Each object that there is to be: its address and itself; with a `*`, each that there is.

    None for one that is not there; of a pattern that nothing matches the pattern is what is missing.
    """
    names = [(source.path_of(interval), interval) for interval in (intervals if intervals is not None else (None,))]
    if not names:
        return
    found = store.listed(_start([name for name, _ in names]))
    addresses = [one.name for one in found]
    for name, interval in names:
        matching = _matching(name, found, addresses)
        for one in matching:
            yield one.name, one, interval
        if not matching:
            yield name, None, interval


def _start(names: Sequence[str]) -> str:
    """How all addresses that are wanted begin: with their bucket at least, which is the same in all."""
    starts = [name.partition("*")[0] for name in names]
    low, high = min(starts), max(starts)
    same = next((place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:same]


def _matching(name: str, found: Sequence[StoredObject], addresses: Sequence[str]) -> list[StoredObject]:
    """The objects that an address or pattern means, among all in the order of their addresses."""
    literal, star, _ = name.partition("*")
    first = bisect_left(addresses, literal)
    if not star:
        return [found[first]] if addresses[first : first + 1] == [name] else []
    pattern = _pattern(name)
    last = bisect_left(addresses, literal + _LAST, lo=first)
    return [one for one in found[first:last] if pattern.fullmatch(one.name)]


def _pattern(name: str) -> re.Pattern[str]:
    """`*` is any signs but `/`, and `**` between two of these any folders; everything else is itself."""
    pieces = re.split(r"(\*\*/|\*)", name)
    words = {"**/": "(?:[^/]*/)*", "*": "[^/]*"}
    return re.compile("".join(words.get(piece, re.escape(piece)) for piece in pieces))
