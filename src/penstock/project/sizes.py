"""Sizes of memory as people write them in project files: `512MB`, `4GiB`."""

from __future__ import annotations

import re

_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTES = {
    **{unit: 1000**power for power, unit in enumerate(("KB", "MB", "GB", "TB"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)},
}


def parse_size(text: str) -> int:
    """The size in bytes.

    Raises:
        ValueError: it is written otherwise, or is no whole byte.

    >>> parse_size("512MB"), parse_size("1.5GiB")
    (512000000, 1610612736)
    """
    match = _PATTERN.fullmatch(text.strip())
    size = int(float(match[1]) * _BYTES[match[2]]) if match else 0
    if size == 0:
        raise ValueError(f"{text!r} is not a size such as 512MB or 4GiB")
    return size
