"""How the values of a column are distributed on two sides: how full, how varied, around what, and in which shape.

Rows, NULLs, ends, histograms and the counts of frequent values are exact. The number of distinct values is estimated
(HyperLogLog, within a few percent). Quantiles are values that occur; of columns with more than 50,000 distinct values
they are within 1 %, of a number's size or of a span of time, and only values that 1 % of the rows have count as
frequent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from penstock.quality.comparison_sql import Side, shared_columns
from penstock.quality.distributions_sql import (
    FEW,
    FIGURES,
    SHARES,
    ColumnKind,
    Described,
    Range,
    figures_query,
    kind_of,
    shape_query,
)
from penstock.quality.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Ask = Callable[[str], Sequence[Sequence[Any]]]
    """Runs one query and returns its rows."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequent:
    """A value, as text, and how many rows have it."""

    value: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SideDistribution:
    """One side of a column. Values stand as text; `quantiles` pairs a share of the rows with a value.

    A masked column shows no ends, mean or quantiles, and its frequent values only as counts.
    """

    rows: int
    nulls: int
    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    stddev: float | None = None
    quantiles: tuple[tuple[float, str], ...] = ()
    frequent: tuple[Frequent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Rows of each side in common bins; `edges` are their borders as text, one more than there are bins."""

    edges: tuple[str, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDistribution:
    """A column on both sides; the histogram is of numbers and moments that are not masked."""

    name: str
    kind: ColumnKind
    masked: bool
    old: SideDistribution
    new: SideDistribution
    histogram: Histogram | None = None


def distributions(
    ask: Ask, old: Side, new: Side, columns: Sequence[str], masked: frozenset[str] = frozenset()
) -> tuple[ColumnDistribution, ...]:
    """The distributions of those of `columns` that both sides have; `ask` runs a query."""
    described = tuple(
        Described(name=one.name, kind=kind_of(one.old_type, one.new_type), masked=one.masked)
        for one in shared_columns(old, new, masked)
        if one.name in columns
    )
    if not described:
        return ()
    rows = [ask(figures_query(side.relation, described))[0] for side in (old, new)]
    relations = (old.relation, new.relation)
    found = []
    for at, column in enumerate(described):
        figures = [_Figures(row[0], *row[1 + at * FIGURES : 1 + (at + 1) * FIGURES]) for row in rows]
        reach = _reach(figures)
        few = max(one.distinct for one in figures) <= FEW
        found.append(_read(column, figures, reach, ask(shape_query(relations, column, reach, few=few))))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Figures:
    """A side's row of figures for one column, in the query's order."""

    rows: int
    filled: int
    distinct: int
    minimum: str | None
    maximum: str | None
    mean: float | None
    stddev: float | None
    low: float | None
    high: float | None


def _reach(figures: Sequence[_Figures]) -> Range | None:
    lows = [one.low for one in figures if one.low is not None]
    highs = [one.high for one in figures if one.high is not None]
    return Range(low=min(lows), high=max(highs)) if lows and highs else None


def _read(
    column: Described, figures: Sequence[_Figures], reach: Range | None, rows: Sequence[Sequence[Any]]
) -> ColumnDistribution:
    old, new = (_side(column, one, [row for row in rows if row[1] == at]) for at, one in enumerate(figures))
    return ColumnDistribution(
        name=column.name,
        kind=column.kind,
        masked=column.masked,
        old=old,
        new=new,
        histogram=None if reach is None or column.masked else _histogram(column, reach, rows),
    )


def _side(column: Described, one: _Figures, rows: Sequence[Sequence[Any]]) -> SideDistribution:
    hidden = column.masked
    return SideDistribution(
        rows=one.rows,
        nulls=one.rows - one.filled,
        distinct=min(one.distinct, one.filled),
        minimum=one.minimum,
        maximum=one.maximum,
        mean=_steady(one.mean),
        stddev=_steady(one.stddev),
        quantiles=tuple((SHARES[place], text) for what, _, place, text, _ in rows if what == "quantile"),
        frequent=tuple(
            Frequent(value=MASK if hidden else text, rows=int(n)) for what, _, _, text, n in rows if what == "frequent"
        ),
    )


def _histogram(column: Described, reach: Range, rows: Sequence[Sequence[Any]]) -> Histogram:
    counts = [[0] * reach.bins, [0] * reach.bins]
    for what, side, place, _, n in rows:
        if what == "bin":
            counts[side][place] = int(n)
    edges = tuple(_moment(edge) if column.kind is ColumnKind.MOMENT else f"{edge:.6g}" for edge in reach.edges)
    return Histogram(edges=edges, old=tuple(counts[0]), new=tuple(counts[1]))


def _steady(value: float | None) -> float | None:
    """Without the last digits, which depend on the order in which rows were added."""
    return None if value is None else float(f"{value:.10g}")


def _moment(seconds: float) -> str:
    try:
        moment = _EPOCH + timedelta(seconds=round(seconds))
    except OverflowError:  # DuckDB knows years beyond 9999
        return f"{seconds:.6g} s"
    return moment.date().isoformat() if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M:%S}"
