"""What the real files of a story's sources say: found, whole, how many, which columns, and what looks personal."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.sources.inspection import arrivals, expected_files, read_header
from penstock.adapters.sources.landing import landing_query, readable
from penstock.adapters.sources.writing import unreadable_rows
from penstock.model.errors import InputError
from penstock.model.intervals import Interval, stamp
from penstock.model.sources import Closed, FileSource
from penstock.project.source_file import WEEKDAYS, date_range
from penstock.project.story_facts import SourceFacts, Suspicion
from penstock.quality.matching import match
from penstock.quality.personal import guess_personal
from penstock.quality.profiling import profiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.adapters.sources.inspection import Arrival
    from penstock.model.findings import Finding
    from penstock.model.stories import Story, StorySource
    from penstock.quality.profiling import Profile

SAMPLE_LINES = 40_000
"""How many lines are profiled: whole files spread evenly over the source's span."""


def look_at_sources(
    story: Story, root: Path, now: Interval
) -> tuple[dict[str, SourceFacts], tuple[Finding, ...], dict[str, Any]]:
    """Facts by source, what is wrong with the files, and the profile as JSON values."""
    facts: dict[str, SourceFacts] = {}
    findings: list[Finding] = []
    profiles: dict[str, Any] = {}
    for source in story.sources.values():
        found, wrong, gaps = _arrived(story, source, root, now)
        findings.extend(wrong)
        sample = _sample(found)
        profile = _profile(story, source, sample, root) if sample else None
        facts[source.name] = _facts(source, found, profile)
        profiles[source.name] = _profile_json(found, profile, facts[source.name], gaps)
    return facts, tuple(findings), {"story": story.id, "sources": profiles}


def _arrived(
    story: Story, source: StorySource, root: Path, now: Interval
) -> tuple[tuple[Arrival, ...], tuple[Finding, ...], int]:
    """The files that are there, what is wrong, and how many intervals have none for a good reason.

    The header is what the first file says, so that a story that misnames a column gets a question about it and not a
    finding for every file.
    """
    span = _span(story, source, now)
    if source.takes_what_is_known:
        header = tuple(column.raw for column in source.columns)
    else:
        found_header = _first_header(as_file_source(source, ()), root, span, source)
        if found_header is None:
            return (), (), 0
        header = found_header
    pieces = tuple(span.split(source.interval)) if span and source.interval else None
    found, wrong = arrivals(as_file_source(source, header), f"{story.pipeline}.{source.name}", root, pieces)
    return found, wrong, len(pieces) - len(found) if pieces else 0


def as_file_source(source: StorySource, header: Sequence[str]) -> FileSource:
    """A story's source as the engine knows sources; of the files' own columns, unless they may have others."""
    closed = Closed(
        weekdays=frozenset(WEEKDAYS.index(day) for day in source.closed_weekdays),
        dates=frozenset(day for text in source.closed_dates for day in date_range(text)),
    )
    return replace(source.files(None if source.takes_what_is_known else tuple(header)), closed=closed)


def _span(story: Story, source: StorySource, now: Interval) -> Interval | None:
    if source.interval is None:
        return None
    start = story.start or now.start
    end = min(story.end, now.end) if story.end else source.interval.floor(now.end)
    return Interval(start, end) if start < end else None


def _first_header(plain: FileSource, root: Path, span: Interval | None, source: StorySource) -> tuple[str, ...] | None:
    """The header of the first file that is there and can be opened."""
    pieces = tuple(span.split(source.interval)) if span and source.interval else None
    if source.interval is not None and pieces is None:
        return None
    for path, _ in expected_files(plain, root, pieces):
        if path.is_file():
            return read_header(path, source.delimiter)
    return None


def _sample(found: Sequence[Arrival]) -> tuple[Arrival, ...]:
    total = sum(arrival.lines for arrival in found)
    step = max(1, -(-total // SAMPLE_LINES))
    return tuple(found[::step])


def _profile(story: Story, source: StorySource, sample: Sequence[Arrival], root: Path) -> Profile:
    plain = as_file_source(source, sample[0].header)
    header = plain.columns
    connection = duckdb.connect(":memory:", config={"threads": 2})
    try:
        with tempfile.TemporaryDirectory() as folder:
            relation = f"({landing_query(plain, readable(plain, sample, Path(folder)), dated=False)})"
            return profiled(lambda sql: connection.execute(sql).fetchall()[0], relation, header)
    except duckdb.Error as error:
        raise InputError(unreadable_rows(f"{story.pipeline}.{source.name}", error, root)) from error
    finally:
        connection.close()


def _facts(source: StorySource, found: Sequence[Arrival], profile: Profile | None) -> SourceFacts:
    starts = [arrival.interval.start for arrival in found if arrival.interval]
    suspicions = {}
    for column in profile.columns if profile else ():
        guess = guess_personal(column.name, column)
        if guess:
            suspicions[column.name] = Suspicion(kind=guess.kind, reason=guess.reason)
    return SourceFacts(
        files=len(found),
        header=_header(source, found) if found else None,
        first=min(starts, default=None),
        last=max(starts, default=None),
        rows=sum(arrival.lines for arrival in found) if found else None,
        suspicions=suspicions,
    )


def _header(source: StorySource, found: Sequence[Arrival]) -> tuple[str, ...]:
    """The files' header; where they may have several, the declared columns that some file has."""
    if not source.takes_what_is_known:
        return found[0].header
    files = as_file_source(source, ())
    missing = [match(files, header).missing for header in {arrival.header for arrival in found}]
    return tuple(column for column in files.columns if any(column not in names for names in missing))


def _profile_json(
    found: Sequence[Arrival], profile: Profile | None, facts: SourceFacts, gaps: int
) -> Mapping[str, Any]:
    masked = profile.masked(frozenset(facts.suspicions)) if profile else None
    return {
        "files": facts.files,
        "rows": facts.rows,
        "first": stamp(facts.first) if facts.first else None,
        "last": stamp(facts.last) if facts.last else None,
        "gaps": gaps,
        "profiled_rows": profile.rows if profile else 0,
        "columns": dict(_columns(masked, facts)) if masked else {},
        "files_sha256": {arrival.name: arrival.sha256 for arrival in found},
    }


def _columns(profile: Profile, facts: SourceFacts) -> Iterator[tuple[str, dict[str, Any]]]:
    for column in profile.columns:
        suspicion = facts.suspicions.get(column.name)
        yield (
            column.name,
            {
                "nulls": column.nulls + column.empty,
                "distinct": column.distinct,
                "minimum": column.minimum,
                "maximum": column.maximum,
                "integers": column.integers,
                "decimals": column.decimals,
                "timestamps": column.timestamps,
                "personal": f"looks personal ({suspicion.kind}: {suspicion.reason})" if suspicion else None,
            },
        )
