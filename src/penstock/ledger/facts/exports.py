"""What left the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetExported:
    """A target outside the warehouse holds rows of a dataset: `target` says where, without anything secret.

    `export` is the name of its file, empty where nothing declares it. `pieces` is how many intervals or files it holds,
    `written` and `removed` how many of them that changed. `digest` is of what it holds (`plan/exporting.py`).
    `personal` maps the columns with personal data that left with it to their kinds.
    """

    target: str
    export: str
    dataset: str
    version: str
    environment: str
    format: str
    mode: str
    pieces: int
    written: int
    removed: int
    rows: int
    digest: str
    personal: Mapping[str, str]
    by: str
