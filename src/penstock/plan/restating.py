"""What does not hold any more when files of sources are others than those that landed, in whatever version reads them.

Versions of other environments count too: they share the rows of a source that did not change, and nobody else would
tell them. So what reads what is taken from the ledger, and from the project for what the ledger does not know.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain, Interval, merge, stamp
from penstock.model.pipelines import Materialization
from penstock.plan.build import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from penstock.model.pipelines import Project
    from penstock.plan.build import Mark, VersionKey
    from penstock.plan.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A version that reads others: how its rows are kept, and the grain of its intervals, if it has any."""

    key: VersionKey
    materialization: str
    grain: str


def restated_marks(
    changed: Mapping[VersionKey, Sequence[Interval]], readers: Mapping[VersionKey, Sequence[Reader]], until: datetime
) -> tuple[Mark, ...]:
    """What is stale once these intervals of source versions are: they themselves, and all that rests on them.

    What was appended stays as it is, and so does what is made of it.
    """
    spans: dict[VersionKey, tuple[Interval, ...]] = {key: merge(gaps) for key, gaps in changed.items()}
    marks: dict[Mark, None] = {}
    for key, gaps in spans.items():
        marks |= dict.fromkeys(_marks(key, gaps, Reason.FILES_RESTATED))
    todo = list(spans)
    while todo:
        key = todo.pop()
        for reader in readers.get(key, ()):
            if reader.materialization == Materialization.APPEND:
                continue
            gaps = _touched(reader, spans[key], until)
            known = spans.get(reader.key, ())
            if reader.materialization != Materialization.VIEW:
                marks |= dict.fromkeys(_marks(reader.key, gaps if reader.grain else (), Reason.READS_RESTATED))
            if set(merge((*known, *gaps))) != set(known):
                spans[reader.key] = merge((*known, *gaps))
                todo.append(reader.key)
    return tuple(sorted(marks))


def readers_of(
    rows: Iterable[Mapping[str, Any]], project: Project, versions: Mapping[str, Version]
) -> dict[VersionKey, list[Reader]]:
    """Who reads each version: as the ledger's versions say it, and as the project does."""
    found: dict[VersionKey, dict[VersionKey, Reader]] = {}
    for row in rows:
        key = (str(row["dataset"]), str(row["version"]))
        reader = Reader(key=key, materialization=str(row["materialization"]), grain=str(row["grain"] or ""))
        for read in json.loads(str(row["reads"] or "{}")).items():
            found.setdefault(read, {})[key] = reader
    for name, dataset in project.datasets.items():
        grain = str(dataset.interval.grain) if dataset.interval else ""
        key = (name, versions[name].fingerprint)
        reader = Reader(key=key, materialization=str(dataset.materialization), grain=grain)
        for read in dataset.reads:
            found.setdefault((read, versions[read].fingerprint), {})[key] = reader
    return {key: list(listed.values()) for key, listed in found.items()}


def _touched(reader: Reader, gaps: Sequence[Interval], until: datetime) -> tuple[Interval, ...]:
    """The intervals of a reader that these touch, and for a merge all that follow: they were merged upon them."""
    if not reader.grain:
        return tuple(gaps)
    grain = Grain(reader.grain)
    touched = merge(gap.widened(grain) for gap in gaps)
    last = grain.floor(until)
    if reader.materialization == Materialization.MERGE and touched and last > touched[0].end:
        return (Interval(touched[0].start, last),)
    return touched


def _marks(key: VersionKey, gaps: Sequence[Interval], reason: Reason) -> list[Mark]:
    """One mark for each gap; one for all of it without any."""
    bounds = [(stamp(gap.start), stamp(gap.end)) for gap in gaps] or [("", "")]
    return [(*key, *bound, str(reason)) for bound in bounds]
