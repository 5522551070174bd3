"""Which column of a file is which declared one, by name: as written, or, where files may drift, by what is alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.sources import Drift, FileFormat, plain

_PLAIN_KEY = re.compile(r"(?!\d+$)[^.$\"]+")
_KEY = re.compile(r'"[^"]*"|[^.]+')

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.sources import FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`found` maps declared columns to places in the header, `extra` are the places of what nobody declared."""

    found: dict[str, int]
    extra: tuple[int, ...]
    missing: tuple[str, ...]


def match(source: FileSource, header: Sequence[str]) -> Match:
    """Match a file's header; a JSON file's are the paths of its values."""
    if source.format in {FileFormat.JSON, FileFormat.NDJSON}:
        return _match_paths(source, header)
    found: dict[str, int] = {}
    ways = (str, str.lower, plain) if source.drift is Drift.EVOLVE else (str,)
    for way in ways:  # what is written alike goes before what is only nearly so
        places = {way(name): place for place, name in reversed(list(enumerate(header)))}
        for column in source.columns:
            names = (column, *source.also.get(column, ()))
            place = next((places[way(name)] for name in names if way(name) in places), None)
            if column not in found and place is not None and place not in found.values():
                found[column] = place
    taken = set(found.values())
    return Match(
        found=found,
        extra=tuple(place for place, _ in enumerate(header) if place not in taken),
        missing=tuple(column for column in source.columns if column not in found),
    )


def path_key(key: str) -> str:
    """A key of a JSON object as a part of a path: in quotes where it would be taken for something else."""
    return key if _PLAIN_KEY.fullmatch(key) else f'"{key}"'


def path_keys(path: str) -> tuple[str, ...]:
    """The parts of a path, as they are written."""
    return tuple(_KEY.findall(path))


def json_path(source: FileSource, column: str) -> str:
    """Where a JSON record holds a column."""
    return source.paths.get(column, column)


def place_of(source: FileSource, column: str, header: Sequence[str]) -> str:
    """The path at which these files hold a column: of other names it has, the one that they use."""
    names = (json_path(source, column), *source.also.get(column, ()))
    return next((name for name in names if any(_meets(name, path) for path in header)), names[0])


def _match_paths(source: FileSource, header: Sequence[str]) -> Match:
    """A declared path covers all that lies beneath it, and takes its part of what lies above; what lies outside of the
    record is always there."""
    found, covered = {}, set[int]()
    for column in source.columns:
        name = place_of(source, column, header)
        met = [place for place, path in enumerate(header) if _meets(name, path)]
        if met:
            found[column] = met[0]
            covered |= {place for place in met if _covers(name, header[place])}
    outside = {column for column in source.columns if json_path(source, column).startswith("$.")}
    return Match(
        found=found,
        extra=tuple(place for place, _ in enumerate(header) if place not in covered),
        missing=tuple(column for column in source.columns if column not in found and column not in outside),
    )


def _meets(declared: str, path: str) -> bool:
    return _covers(declared, path) or declared.startswith(f"{path}.")


def _covers(declared: str, path: str) -> bool:
    return path == declared or path.startswith(f"{declared}.")
