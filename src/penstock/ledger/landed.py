"""Landed files as the text that facts hold: for which intervals they stand, and what they were."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from penstock.model.sources import LandedFile

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_landed(starts: Sequence[str], files: Sequence[LandedFile]) -> str:
    """Files and the starts of all intervals they stand for, those without a file too ("" without intervals)."""
    held = {"starts": list(starts), "files": [_parts(file) for file in files]}
    return json.dumps(held, separators=(",", ":"), ensure_ascii=False)


def _parts(file: LandedFile) -> dict[str, Any]:
    """What a file was; a version only where it has one."""
    parts = asdict(file)
    return parts if file.version else {name: value for name, value in parts.items() if name != "version"}


def read_landed(text: str) -> tuple[tuple[str, ...], tuple[LandedFile, ...]]:
    """What `write_landed` wrote; nothing of no text."""
    if not text:
        return (), ()
    held = json.loads(text)
    files = (LandedFile(**{**file, "header": tuple(file["header"])}) for file in held["files"])
    return tuple(held["starts"]), tuple(files)
