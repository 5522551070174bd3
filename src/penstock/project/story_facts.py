"""What was found out about a story's sources: the value that discovery fills and questions and authors read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Why a column looks like personal data, and which kind."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """One source's real files: how many there are, their exact header, their span, and what looks personal.

    `header` is None when there is no file, or none that can be read. `first` and `last` are the starts of the first
    and last interval that has a file. `rows` counts the rows that were looked at.
    """

    files: int
    header: tuple[str, ...] | None = None
    first: datetime | None = None
    last: datetime | None = None
    rows: int | None = None
    suspicions: Mapping[str, Suspicion] = field(default_factory=dict)
