"""What simulated datasets hold: rows of a moment and a value, made from nothing but what a query reads."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from penstock.plan.versions import VERSIONS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

Row = tuple["datetime | None", str]
"""A row: the moment it belongs to (naive, UTC; none in a whole table) and its value."""

Drive = dict["Path", tuple[Row, ...]]
"""The files that the simulated ports hand to each other."""

COLUMNS = (("moment", "TIMESTAMP"), ("value", "VARCHAR"))
_RELATION = re.compile(rf'"{VERSIONS_SCHEMA}"\."(?:[^"]|"")+"')


def evaluate(sql: str, params: Mapping[str, object], read: Callable[[str], Iterable[Row]]) -> tuple[Row, ...]:
    """A query's rows. It is understood by the version relations it names and its interval parameters alone.

    `SELECT * FROM one relation` hands its rows on, within the interval if there is one. Any other query gives one row
    for each moment of what it reads, holding a digest of its text and of those rows; without an interval one row with
    a digest of everything. So a row tells whether all that it was to be made of was there when it was made.
    """
    names = list(dict.fromkeys(_RELATION.findall(sql)))
    rows = {name: [row for row in read(name) if _within(row[0], params)] for name in names}
    if sql.lstrip().startswith("SELECT * FROM") and len(names) == 1:
        return tuple(rows[names[0]])
    if not params:
        return ((None, digest(sql, *(value for name in names for _, value in sorted(rows[name], key=str)))),)
    moments = sorted({moment for name in names for moment, _ in rows[name] if moment is not None})
    return tuple(
        (moment, digest(sql, *(value for name in names for at, value in rows[name] if at in {moment, None})))
        for moment in moments
    )


def digest(*parts: str) -> str:
    """A short digest of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _within(moment: datetime | None, params: Mapping[str, object]) -> bool:
    start, end = params.get("interval_start"), params.get("interval_end")
    return moment is None or start is None or end is None or start <= moment < end  # type: ignore[operator]
