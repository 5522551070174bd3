"""What a dataset's query makes and costs when one scheduled run of it is done again on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.model.findings import Finding


class Repeat(StrEnum):
    """Whether two builds from the same inputs made the same rows."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_TRIED = "not_tried"


class NoRepeat(StrEnum):
    """Why a build was not repeated: a closed set."""

    NOT_SQL = "its rows are not made by a query"
    NOT_BUILT = "nothing of it is built"
    FAILS = "its query fails when it is run again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one run of a query took: rows read and handed from step to step within it, and seconds."""

    rows: int
    seconds: float
    read: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """One dataset: what one scheduled run of it builds (`span`), how often the same rows came out, and what it took.

    `rows` is how many rows the run makes, `differing` how many of them two builds had otherwise. `before` is the effort
    of production's query for one of its runs, None where production has none.
    """

    dataset: str
    file: str
    repeat: Repeat
    span: str = ""
    why: NoRepeat | None = None
    cause: Finding | None = None
    rows: int = 0
    differing: int = 0
    effort: Effort | None = None
    before: Effort | None = None
    unstable: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values; seconds in whole milliseconds."""
        return {
            "repeat": str(self.repeat),
            "span": self.span or None,
            "why": str(self.why) if self.why else None,
            "rows": self.rows,
            "differing": self.differing,
            "effort": _effort_json(self.effort),
            "before": _effort_json(self.before),
        }


def _effort_json(effort: Effort | None) -> dict[str, int] | None:
    if effort is None:
        return None
    return {"rows": effort.rows, "read": effort.read, "ms": round(effort.seconds * 1000)}
