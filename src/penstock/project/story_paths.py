"""Places in a story's front matter: dotted paths, values laid at them, and mappings merged in layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEP = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


def join_path(*steps: str) -> str:
    """A dotted path; a step that holds a dot, a quote or nothing is put in double quotes.

    >>> join_path("impact", "sales.daily_revenue", "rows")
    'impact."sales.daily_revenue".rows'
    """
    return ".".join(
        '"' + step.replace('"', '""') + '"' if not step or set(step) & {".", '"'} else step for step in steps
    )


def split_path(text: str) -> tuple[str, ...]:
    """The steps of a dotted path.

    Raises:
        ValueError: the text is not a path.

    >>> split_path('impact."sales.daily_revenue".rows')
    ('impact', 'sales.daily_revenue', 'rows')
    """
    steps: list[str] = []
    position = 0
    while True:
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is not a path of words with dots between them")
        quoted, plain = match.groups()
        steps.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if position == len(text):
            return tuple(steps)
        if text[position] != ".":
            raise ValueError(f"{text!r} is not a path of words with dots between them")
        position += 1


def lay(data: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """`data` with `value` at `path`. A word that stands where a mapping is needed gives way to it."""
    step, rest = path[0], path[1:]
    if not rest:
        return {**data, step: value}
    below = data.get(step)
    return {**data, step: lay(below if isinstance(below, dict) else {}, rest, value)}


def deep_merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` over `lower`: mappings merge key by key, anything else replaces what was there."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        nested = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = deep_merge(merged[key], value) if nested else value
    return merged
