"""What a dataset's version is, and what its rows were held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDefined:
    """A dataset version exists by name: its fingerprint and the relation that will hold its rows.

    `meanings` maps its columns, and "" for which rows it has, to digests, where they are known one by one. `own` is a
    digest of what makes it, apart from what it reads, `query` the text of its query, `described` a digest of what is
    said of it: contract and description. `reads` maps the datasets it reads to their versions, `grain` is that of its
    intervals and `cut_by` the column that cuts them, both empty without. `held` as in `VersionHeld`.
    """

    dataset: str
    version: str
    relation: str
    materialization: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    own: str = ""
    query: str = ""
    described: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    grain: str = ""
    held: str = ""
    cut_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDescribed:
    """Something else is said of a version that is there: its contract or description is another one."""

    dataset: str
    version: str
    described: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHeld:
    """All rows of a version were held to these checks: a JSON list of their digests (`quality/standing.py`).

    `reason` says why that is recorded: rows that were there already were judged anew, or others come by fewer checks.
    """

    dataset: str
    version: str
    held: str
    reason: str
