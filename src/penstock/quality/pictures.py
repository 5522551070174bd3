"""What a picture of a difference is drawn from: totals before and now over time, and how values are distributed.

Invariants: totals are exact; the first and the last day are those of rows that differ, not of rows that were looked at;
a column that is masked is never added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.quality.comparison_sql import Side, shared_columns
from penstock.quality.distributions import distributions
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.comparison_sql import Shared
    from penstock.quality.distributions import ColumnDistribution

    Ask = Callable[[str], Sequence[Sequence[Any]]]
    """Runs one query and returns its rows."""

MOST_DRAWN = 6
"""How many columns of a dataset are drawn at most."""
MOST_POINTS = 62
_SPANS = (("day", 1), ("week", 7), ("month", 28), ("quarter", 90), ("year", 365))
ROWS = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The totals of one span, which begins on `start` (ISO date); None where a side has nothing to add up."""

    start: str
    old: Decimal | None
    new: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A column's totals by span (`day` to `year`), in order; `column` is None for the number of rows."""

    column: str | None
    span: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One dataset. `first` and `last` are the days (ISO) of rows that differ, by `day`; empty if it has no day."""

    dataset: str
    day: str = ""
    first: str = ""
    last: str = ""
    trends: tuple[Trend, ...] = ()
    distributions: tuple[ColumnDistribution, ...] = ()


def picture(
    ask: Ask, diff: DatasetDiff, old: Side, new: Side, *, days: Sequence[str], masked: frozenset[str] = frozenset()
) -> Picture:
    """The picture of a difference; `ask` runs a query.

    `days` are columns that may say when a row happened: the first that holds dates or moments on both sides is taken.
    """
    shared = shared_columns(old, new, masked)
    known = {one.name: one for one in shared if not one.masked and _is_moment(one)}
    dated = next((known[name] for name in days if name in known), None)
    moved = [one.name for one in diff.columns if one.moved and (dated is None or one.name != dated.name)]
    shapes = distributions(ask, old, new, moved[:MOST_DRAWN], masked)
    if dated is None:
        return Picture(dataset=diff.dataset, distributions=shapes)
    drawn = [one for one in shared if one.name in moved and one.numeric and not one.masked][:MOST_DRAWN]
    first, last = _reach(ask, shared, dated, old, new)
    return Picture(
        dataset=diff.dataset,
        day=dated.name,
        first=first,
        last=last,
        trends=_trends(ask, dated, drawn, old, new),
        distributions=shapes,
    )


def _is_moment(column: Shared) -> bool:
    return all(type_ == "DATE" or type_.startswith("TIMESTAMP") for type_ in (column.old_type, column.new_type))


def _reach(ask: Ask, shared: Sequence[Shared], day: Shared, old: Side, new: Side) -> tuple[str, str]:
    """The first and the last day of the rows that only one side has."""
    cells = ", ".join(f"{one.expression} AS c{at}" for at, one in enumerate(shared))
    which = next(at for at, one in enumerate(shared) if one is day)
    before, after = (f"SELECT {cells} FROM {side.relation} AS side" for side in (old, new))
    either = f"(({before}) EXCEPT ALL ({after})) UNION ALL (({after}) EXCEPT ALL ({before}))"
    ends = ask(f"SELECT min(c{which})::DATE, max(c{which})::DATE FROM ({either}) AS apart")[0]
    first, last = ("" if end is None else _iso(end) for end in ends)
    return first, last


def _trends(ask: Ask, day: Shared, drawn: Sequence[Shared], old: Side, new: Side) -> tuple[Trend, ...]:
    span = _span(ask, day, old, new)
    before, after = (_totals(ask, span, day, drawn, side, at) for at, side in enumerate((old, new)))
    starts = sorted({*before, *after})
    nothing: Sequence[Any] = (None,) * (len(drawn) + 1)
    return tuple(
        Trend(
            column=name,
            span=span,
            points=tuple(
                Point(
                    start=start, old=_exact(before.get(start, nothing)[at]), new=_exact(after.get(start, nothing)[at])
                )
                for start in starts
            ),
        )
        for at, name in enumerate((None, *(one.name for one in drawn)))
        if len(starts) > 1
    )


def _span(ask: Ask, day: Shared, old: Side, new: Side) -> str:
    """The finest span of which there are not more than can be drawn."""
    column = quote(day.name)
    both = " UNION ALL ".join(f"SELECT {column} AS moment FROM {side.relation} AS side" for side in (old, new))
    low, high = ask(f"SELECT min(moment)::DATE, max(moment)::DATE FROM ({both}) AS sides")[0]
    days = (_day(high) - _day(low)).days + 1 if low is not None and high is not None else 1
    return next((word for word, length in _SPANS if days / length <= MOST_POINTS), _SPANS[-1][0])


def _totals(
    ask: Ask, span: str, day: Shared, drawn: Sequence[Shared], side: Side, which: int
) -> Mapping[str, Sequence[Any]]:
    """By span: the number of rows, and each column's total."""
    sums = [
        f"{one.total(quote(one.name), (one.old_type, one.new_type)[which])}::VARCHAR AS c{at}"
        for at, one in enumerate(drawn)
    ]
    start = f"date_trunc({literal(span)}, {quote(day.name)})::DATE"
    columns = ", ".join((f"{start} AS start", "count(*)::VARCHAR AS n", *sums))
    rows = ask(f"SELECT {columns} FROM {side.relation} AS side WHERE {quote(day.name)} IS NOT NULL GROUP BY start")
    return {_iso(row[0]): row[1:] for row in rows}


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value))


def _iso(value: Any) -> str:
    return _day(value).isoformat()


def _exact(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
