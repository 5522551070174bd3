"""Rows put aside in memory: the few predicates that simulated rows can offend, and what replaces what."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from penstock.engine.ports.publishing import QuarantinedRow, QuarantineSum, Sifted, Staged
from penstock.model.errors import TaskError
from penstock.model.findings import Finding
from penstock.model.pipelines import Materialization
from penstock.sim.rows import COLUMNS, Row, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.engine.ports.publishing import Publication
    from penstock.engine.ports.relations import Expiry
    from penstock.quality.sifting import Screen, Sieve

_TEXT = r"'(?:[^']|'')*'"
_NULL = re.compile(r'"(\w+)" IS NULL')
_LISTED = re.compile(rf'"(\w+)" NOT IN \(({_TEXT}(?:, {_TEXT})*)\)')
_ALIKE = re.compile(rf'NOT regexp_matches\(CAST\("(\w+)" AS VARCHAR\), ({_TEXT})\)')


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that was put aside, and why."""

    row: Row
    reasons: tuple[tuple[str, str], ...]


def sift(sieve: Sieve, staged: Sequence[Row]) -> tuple[Sifted, tuple[Row, ...], tuple[Aside, ...]]:
    """What a sieve does to rows; what is left of them, and what is put aside.

    Raises:
        TaskError: a predicate is none of those understood here.
    """
    left, aside = list[tuple[Row, Row]](), list[Aside]()
    for row in staged:
        seen = _without(row, [one for one in sieve.nulls if _offends(row, one)])
        reasons = tuple((one.id, one.name) for one in sieve.catches if _offends(seen, one))
        if reasons:
            aside.append(Aside(row, reasons))
        else:
            left.append((row, seen))
    for one in sieve.repeats:
        left, repeated = _repeats(sieve, one, left)
        aside += [Aside(row, ((one.id, one.name),)) for row, _ in repeated]
    caught = Counter(name for each in aside for name, _ in each.reasons)
    nulled = Counter(one.id for row, _ in left for one in sieve.nulls if _offends(row, one))
    rows = tuple(seen for _, seen in left)
    made = Staged(relation="staging", rows=len(rows), columns=COLUMNS)
    return Sifted(staged=made, quarantined=len(aside), caught=caught, nulled=nulled), rows, tuple(aside)


def after(
    held: Iterable[QuarantinedRow], publication: Publication, staged: Sequence[Row], aside: Sequence[Aside]
) -> tuple[QuarantinedRow, ...]:
    """Everything that is put aside once a publish has replaced what it made anew."""
    keys = {key_of(row, publication.key) for row in (*staged, *(each.row for each in aside))}
    again = {each.row for each in aside}
    kept = (each for each in held if not _is_replaced(each, publication, keys, again))
    interval = publication.interval
    bounds = (interval.start.replace(tzinfo=None), interval.end.replace(tzinfo=None)) if interval else (None, None)
    fresh = (
        QuarantinedRow(
            publish_id=publication.publish_id,
            dataset=publication.dataset,
            version=publication.version,
            interval=bounds,
            moment=each.row[0] if publication.column else None,
            reasons=each.reasons,
            row={"moment": None if each.row[0] is None else str(each.row[0]), "value": each.row[1]},
            recorded_at=publication.at,
        )
        for each in aside
    )
    return (*kept, *fresh)


def expired(held: Iterable[QuarantinedRow], expiry: Expiry) -> tuple[QuarantinedRow, ...]:
    """Those that an expiry deletes: by their moment, their interval, what they say, or when they were put aside."""
    before = expiry.before.replace(tzinfo=None)
    return tuple(
        each
        for each in held
        if (each.dataset, each.version) == (expiry.dataset, expiry.version) and _is_before(each, expiry.column, before)
    )


def _is_before(each: QuarantinedRow, column: str, before: datetime) -> bool:
    if each.moment is not None:
        return each.moment < before
    if each.interval[1] is not None:
        return each.interval[1] <= before
    try:
        return datetime.fromisoformat(each.row.get(column) or "") < before
    except ValueError:
        return bool(each.recorded_at) and each.recorded_at < f"{before.isoformat()}+00:00"


def sums(held: Iterable[QuarantinedRow]) -> tuple[QuarantineSum, ...]:
    """The rows counted by day and reasons."""
    counted = Counter(
        (each.dataset, each.version, each.moment.date() if each.moment else None, each.reasons) for each in held
    )
    return tuple(
        QuarantineSum(dataset=dataset, version=version, day=day, reasons=reasons, rows=rows)
        for (dataset, version, day, reasons), rows in sorted(counted.items(), key=str)
    )


def _is_replaced(
    each: QuarantinedRow, publication: Publication, keys: set[tuple[object, ...]], again: set[Row]
) -> bool:
    if (each.dataset, each.version) != (publication.dataset, publication.version):
        return False
    interval = publication.interval
    start, end = (interval.start.replace(tzinfo=None), interval.end.replace(tzinfo=None)) if interval else (None, None)
    row: Row = _row_of(each)
    if publication.state is not None and publication.state.replaces_all:  # all there was is read again
        return True
    match publication.materialization:
        case Materialization.INCREMENTAL if start is not None and end is not None:
            return each.moment is not None and start <= each.moment < end
        case Materialization.MERGE:
            first, last = each.interval
            within = bool(start and end and first and last and start <= first and last <= end)
            key = key_of(row, publication.key)  # of one with a NULL nobody can say that it is the same row
            return within or (row in again if None in key else key in keys)
        case Materialization.APPEND if publication.state is not None or publication.base is not None:
            value = key_of(row, (publication.offset,))[0] if publication.offset else None
            return value is not None and str(value) > str(publication.base)
        case _:
            return True


def _row_of(each: QuarantinedRow) -> Row:
    text = each.row["moment"]
    return (datetime.fromisoformat(text) if text else None, each.row["value"])  # type: ignore[return-value]


def _repeats(
    sieve: Sieve, screen: Screen, rows: list[tuple[Row, Row]]
) -> tuple[list[tuple[Row, Row]], list[tuple[Row, Row]]]:
    names = [name for name, _ in COLUMNS]
    order = list(dict.fromkeys([*([sieve.first_by] if sieve.first_by else []), *names]))
    first: dict[tuple[object, ...], tuple[Row, Row]] = {}
    repeated = []
    for pair in sorted(rows, key=lambda pair: [(value is None, str(value)) for value in key_of(pair[1], order)]):
        key = key_of(pair[1], screen.columns)
        if None not in key and key in first:
            repeated.append(pair)
        first.setdefault(key, pair)
    gone = Counter(map(id, repeated))
    return [pair for pair in rows if id(pair) not in gone], repeated


def _without(row: Row, screens: Sequence[Screen]) -> Row:
    names = [name for name, _ in COLUMNS]
    values: list[object] = list(row)
    for one in screens:
        values[names.index(one.columns[0])] = None
    return (values[0], values[1])  # type: ignore[return-value]


def _offends(row: Row, screen: Screen) -> bool:
    for form in (_NULL, _LISTED, _ALIKE):
        found = form.fullmatch(screen.predicate)
        if found is None:
            continue
        value = key_of(row, (found[1],))[0]
        if form is _NULL:
            return value is None
        if value is None:
            return False
        words = [word[1:-1].replace("''", "'") for word in re.findall(_TEXT, found[2])]
        return str(value) not in words if form is _LISTED else re.search(words[0], str(value)) is None
    raise TaskError(Finding(code="sim.no_answer", message=f"the simulated warehouse cannot judge: {screen.predicate}"))
