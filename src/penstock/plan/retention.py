"""Which dataset versions nothing needs any more, by what the ledger, the projects and the warehouse's views name.

Invariants: a version goes only if no reason of the closed set `Need` keeps it; what a view reads stays as long as the
view; of what is not known, nothing goes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.plan.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from penstock.plan.build import VersionKey

    Row = Mapping[str, Any]

ENDED = frozenset({"done", "rejected", "rolled_back", "abandoned"})
"""States of a change that nothing follows by itself."""


class Need(StrEnum):
    """Why a version stays: a closed set."""

    SHOWN = "an environment shows it"
    PROJECT = "the project's files make it"
    CHANGE = "a change under way needs it"
    ROLLBACK = "a rollback would show it"
    UNFINISHED = "a run that has not ended names it"
    UNKNOWN = "how an attempt or a promotion of it ended is not known"
    READ = "a view that stays reads it"
    RECENT = "it was used within the retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Everything that may name a version: rows of the ledger's tables, and what lies outside it.

    `unfinished` are attempts of runs that have not ended, `unknown` those without an end of their own. `files` and
    `branches` are the versions that the project's files make, and those of changes under way. `reads` says of each
    relation at the target that is a view which others it reads, also of those that the ledger does not know.
    `discarded` are versions that nobody but changes which ended without going live has built: for them no retention
    counts.
    """

    versions: Sequence[Row]
    environments: Sequence[Row] = ()
    promotions: Sequence[Row] = ()
    changes: Sequence[Row] = ()
    unfinished: Sequence[Row] = ()
    unknown: Sequence[Row] = ()
    files: frozenset[VersionKey] = frozenset()
    branches: frozenset[VersionKey] = frozenset()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    discarded: frozenset[VersionKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A version, when it was last used (ISO, UTC), and why it stays; without a reason it may go."""

    version: Version
    last_used: str
    needs: tuple[Need, ...] = ()


def judge(named: Named, used: Callable[[VersionKey], Iterable[str]], before: str) -> tuple[Judged, ...]:
    """Every known version, in order. `used` tells the moments of its attempts; used before `before` counts as old."""
    needs: dict[VersionKey, set[Need]] = {key_of(row): set() for row in named.versions}
    for need, keys in _named(named):
        for key in needs.keys() & set(keys):
            needs[key].add(need)
    last = {key: max(moments) for key, moments in _moments(named, needs, used).items()}
    for key, moment in last.items():
        if moment >= before and key not in named.discarded:
            needs[key].add(Need.RECENT)
    versions = {key_of(row): _version_of(row) for row in named.versions}
    for key in _read(named, versions, {key for key, reasons in needs.items() if reasons}):
        needs[key].add(Need.READ)
    return tuple(
        Judged(version=versions[key], last_used=last[key], needs=tuple(need for need in Need if need in needs[key]))
        for key in sorted(versions)
    )


def key_of(row: Row) -> VersionKey:
    """The dataset and version of a row."""
    return str(row["dataset"]), str(row["version"])


def _version_of(row: Row) -> Version:
    return Version(dataset=str(row["dataset"]), fingerprint=str(row["version"]), relation=str(row["relation"]))


def _named(named: Named) -> Iterator[tuple[Need, Iterable[VersionKey]]]:
    yield Need.SHOWN, map(key_of, named.environments)
    yield Need.PROJECT, named.files
    yield Need.CHANGE, named.branches
    yield Need.UNFINISHED, map(key_of, named.unfinished)
    yield Need.UNKNOWN, map(key_of, named.unknown)
    promotions = {str(row["promotion"]): row for row in named.promotions}
    for row in named.promotions:
        if row["state"] != "promoted":
            yield Need.UNKNOWN, _mapped(row["mapping"]) | _mapped(row["previous"])
    for promotion in {str(row["promotion"]) for row in named.environments}:
        if promotion in promotions:
            yield Need.ROLLBACK, _mapped(promotions[promotion]["previous"])
    shown = {key_of(row) for row in named.environments}
    for change in named.changes:
        mapping = _mapped(promotions.get(str(change["promotion"]), {}).get("mapping"))
        previous = _mapped(change["previous"])
        if change["state"] not in ENDED:
            yield Need.CHANGE, mapping | previous
        elif change["state"] == "done" and mapping - previous <= shown:  # nothing later moved what it moved
            yield Need.ROLLBACK, previous


def _mapped(text: object) -> set[VersionKey]:
    """The versions of a mapping as the ledger writes it; none of nothing."""
    return set(json.loads(str(text)).items()) if text else set()


def _moments(
    named: Named, keys: Iterable[VersionKey], used: Callable[[VersionKey], Iterable[str]]
) -> dict[VersionKey, list[str]]:
    """When each version was made, shown, put away, or worked on."""
    found = {key: [moment for moment in used(key) if moment] for key in keys}
    for row in named.versions:
        found[key_of(row)].append(str(row["defined_at"]))
    for row in named.promotions:
        for key in found.keys() & (_mapped(row["mapping"]) | _mapped(row["previous"])):
            found[key].append(str(row["at"]))
    return found


def _read(named: Named, versions: Mapping[VersionKey, Version], kept: set[VersionKey]) -> set[VersionKey]:
    """What the views that stay read, through however many views."""
    known = {version.relation: key for key, version in versions.items()}
    staying = [versions[key].relation for key in kept] + [name for name in named.reads if name not in known]
    read: set[str] = set()
    while staying:
        fresh = set(named.reads.get(staying.pop(), ())) - read
        read |= fresh
        staying += fresh
    return {known[relation] for relation in read if relation in known}
