"""How far a column's values lie from what they were: its distribution against the usual one of earlier intervals.

- Bins are made once, of the first interval that has enough values, and kept: later ones are counted in one scan.
- The usual share of a bin is the median of the earlier intervals', so that one odd interval moves nothing.
- A difference counts only if chance would make it of so few rows less than once in a thousand: for the population
  stability index by the chi-squared distribution that it follows then, for Kolmogorov and Smirnov's by its own.
"""

from __future__ import annotations

from math import log, sqrt
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.quality.setting import Bins

LEAST = 50
"""Values of which bins are made at least."""
DECILES = tuple(number / 10 for number in range(1, 10))
MOST_VALUES = 12
LONGEST_VALUE = 64
_NORMAL, _KOLMOGOROV = 3.0902, 1.95
"""What chance exceeds once in a thousand: a standard normal value, and Kolmogorov's statistic."""


def usual_shares(past: Sequence[Bins]) -> tuple[float, ...]:
    """The median share of each bin; they add up to 1. The intervals have the same bins and at least one row each."""
    shares = [[count / sum(one.counts) for count in one.counts] for one in past]
    medians = [median(column) for column in zip(*shares, strict=True)]
    total = sum(medians)
    if not total:  # no bin is usual: each interval had its own
        medians = [sum(column) for column in zip(*shares, strict=True)]
        total = sum(medians)
    return tuple(share / total for share in medians)


def stability(now: Bins, past: Sequence[Bins]) -> tuple[float, bool]:
    """The population stability index, and whether it is more than chance makes.

    A bin without rows counts as if it had half a one.
    """
    usual, size = usual_shares(past), sum(now.counts)
    known = sum(sum(one.counts) for one in past)
    bins = len(now.counts)
    here = [(count + 0.5) / (size + bins / 2) for count in now.counts]
    there = [(share * known + 0.5) / (known + bins / 2) for share in usual]
    index = sum((one - other) * log(one / other) for one, other in zip(here, there, strict=True))
    return index, index * size * known / (size + known) > _chi_squared(bins - 1)


def largest_gap(now: Bins, past: Sequence[Bins]) -> tuple[float, bool]:
    """Kolmogorov and Smirnov's distance over the bins of values, and whether it is more than chance makes."""
    usual = usual_shares(past)[:-1]
    counts = now.counts[:-1]
    size, known = sum(counts), sum(sum(one.counts[:-1]) for one in past)
    if not size or not known or not sum(usual):
        return 0.0, False
    gap = here = there = 0.0
    for count, share in zip(counts, usual, strict=True):
        here, there = here + count / size, there + share / sum(usual)
        gap = max(gap, abs(here - there))
    return gap, gap > _KOLMOGOROV * sqrt((size + known) / (size * known))


def _chi_squared(freedom: int) -> float:
    """What a chi-squared value exceeds once in a thousand, after Wilson and Hilferty."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + _NORMAL * sqrt(part)) ** 3)
