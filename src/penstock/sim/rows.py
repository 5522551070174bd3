"""What simulated datasets hold: rows of a moment and a value, made from nothing but what a query reads."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from penstock.plan.versions import VERSIONS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

Row = tuple["datetime | None", str]
"""A row: the moment it belongs to (naive, UTC; none in a whole table) and its value."""

Drive = dict["Path", tuple[Row, ...]]
"""The files that the simulated ports hand to each other."""

COLUMNS = (("moment", "TIMESTAMP"), ("value", "VARCHAR"))
SEATS = 2
"""How many different keys a merged dataset's rows have: each day takes the next, by turns."""
_RELATION = re.compile(rf'"{VERSIONS_SCHEMA}"\."(?:[^"]|"")+"')
_FIRST_SEAT = datetime(2011, 1, 1)  # noqa: DTZ001 - rows carry no zone


def evaluate(sql: str, params: Mapping[str, object], read: Callable[[str], Iterable[Row]]) -> tuple[Row, ...]:
    """A query's rows. It is understood by the version relations it names and its parameters alone.

    `SELECT * FROM one relation` hands its rows on, within the interval if there is one. Any other query gives one row
    for each moment of what it reads, holding a digest of its text and of those rows; without parameters one row with
    a digest of everything. So a row tells whether all that it was to be made of was there when it was made. With
    `$offset`, only later moments count. `seat(…)` gives each day one of a few keys by turns: its newest row stays.
    """
    names = list(dict.fromkeys(_RELATION.findall(sql)))
    rows = {name: [row for row in read(name) if _within(row[0], params)] for name in names}
    if sql.lstrip().startswith("SELECT * FROM") and len(names) == 1:
        return tuple(rows[names[0]])
    if not params:
        return ((None, digest(sql, *(value for name in names for _, value in sorted(rows[name], key=str)))),)
    moments = sorted({moment for name in names for moment, _ in rows[name] if moment is not None})
    made = tuple(
        (moment, digest(sql, *(value for name in names for at, value in rows[name] if at in {moment, None})))
        for moment in moments
    )
    return _seated(made) if "seat(" in sql else made


def digest(*parts: str) -> str:
    """A short digest of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def key_of(row: Row, columns: Iterable[str]) -> tuple[object, ...]:
    """A row's values of some columns."""
    names = [name for name, _ in COLUMNS]
    return tuple(row[names.index(column)] for column in columns)


def _seated(rows: Iterable[tuple[datetime, str]]) -> tuple[Row, ...]:
    """The newest row of each seat, told apart by the seat's moment and by which day took it."""
    seats: dict[datetime, str] = {}
    for moment, value in sorted(rows):
        seats[_FIRST_SEAT + timedelta(days=(moment - _FIRST_SEAT).days % SEATS)] = f"{moment.date()} {value}"
    return tuple(seats.items())


def _within(moment: datetime | None, params: Mapping[str, object]) -> bool:
    if moment is None:
        return True
    start, end, offset = (params.get(name) for name in ("interval_start", "interval_end", "offset"))
    if isinstance(offset, datetime) and moment <= offset:
        return False
    return not (isinstance(start, datetime) and moment < start) and not (isinstance(end, datetime) and moment >= end)
