"""Durations as people write them in project files: `90s`, `10m`, `2h`."""

from __future__ import annotations

import re
from datetime import timedelta

_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> timedelta:
    """The duration.

    Raises:
        ValueError: it is written otherwise, or is zero.

    >>> parse_duration("10m")
    datetime.timedelta(seconds=600)
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m or 2h")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
