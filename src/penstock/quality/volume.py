"""Whether an interval holds about as many rows as intervals like it did before."""

from __future__ import annotations

from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

FEWEST = 3
_SCALE, _DEVIATIONS = Decimal("1.4826"), 3
"""What makes a median absolute deviation a standard deviation where values are normal, and how many of them are usual.
"""


def judge_volume(
    count: int,
    history: Sequence[tuple[datetime, int]],
    start: datetime,
    *,
    tolerance: float,
    history_length: int,
    dataset: str | None = None,
) -> Finding | None:
    """What is wrong with the row count of the interval that starts at `start`, or None.

    It is held against the median of the last `history_length` counts of earlier intervals of the same weekday and
    time of day: it must lie within `tolerance` of it (0.9: 10 % to 190 %). With fewer than three it is not judged.
    `history` holds start and rows of other intervals, in any order; the caller leaves out closed days.
    """
    alike = [(moment, rows) for moment, rows in history if moment < start and _slot(moment) == _slot(start)]
    recent = [rows for _, rows in sorted(alike)][-history_length:]
    if len(recent) < FEWEST:
        return None
    usual, share = Decimal(median(recent)), Decimal(str(tolerance))
    low, high = usual * (1 - share), usual * (1 + share)
    if low <= count <= high:
        return None
    usually = f"median of {len(recent)} earlier intervals ± {share:.0%}"
    return Finding(
        code="quality.volume",
        message=f"the interval of {stamp(start)} holds {count:,} rows, where {usual:,} are usual",
        place=Place(dataset=dataset),
        found=f"{count:,} rows",
        expected=f"{max(low, 0):,.0f} to {high:,.0f} rows ({usually})",
        remedy="look whether the source delivered twice, in part, or not at all; a known change wants a new tolerance",
    )


def usual_rows(counts: Sequence[int], tolerance: float) -> tuple[Decimal, Decimal, Decimal]:
    """The median of earlier counts, and the bounds within which another is usual.

    They lie `tolerance` (a share) of the median away, or three scaled median absolute deviations if that is more: what
    varied much before may go on to.
    """
    usual = Decimal(median(counts))
    spread = Decimal(median(abs(count - usual) for count in counts)) * _SCALE
    away = max(usual * Decimal(str(tolerance)), _DEVIATIONS * spread)
    return usual, usual - away, usual + away


def _slot(moment: datetime) -> tuple[int, int]:
    return moment.weekday(), moment.hour
