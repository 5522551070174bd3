"""Which rows of a source an attempt reads, as a condition in a database's own words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.engine.ports.arrivals import Portion
    from penstock.model.databases import DatabaseSource


def condition(
    source: DatabaseSource, portion: Portion, name: Callable[[str], str], written: Callable[[str, object], str]
) -> str:
    """What rows must satisfy; nothing if all are read.

    `name` quotes a column, `written` gives a value as it is compared with that column. Rows whose cursor is NULL are
    newer or older than nothing: they come along every time, and the merge keeps one of each.
    """
    if portion.interval is not None and portion.column is not None:
        column, bounds = name(portion.column), (portion.interval.start, portion.interval.end)
        start, end = (written(portion.column, bound) for bound in bounds)
        return f"{column} >= {start} AND {column} < {end}"
    if source.cursor is not None and portion.since is not None:
        column = name(source.cursor.column)
        return f"({column} >= {written(source.cursor.column, portion.since)} OR {column} IS NULL)"
    return ""


def as_moment(value: object) -> datetime | None:
    """A date or moment as an aware moment in UTC; None for what is neither."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
