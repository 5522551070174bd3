"""What both warehouses do alike about rows that are put aside: the order of the steps, and rows read back.

Invariant: a row leaves the staging in the same session that keeps it for its publish; nothing is deleted that was not
copied before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from penstock.engine.ports.publishing import QuarantinedRow, QuarantineSum, Sifted, Staged
from penstock.quality import sifting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from penstock.engine.ports.publishing import Publication
    from penstock.quality.sifting import Sieve

COLUMNS = (
    "publish_id", "dataset", "version", "interval_start", "interval_end", "moment", "row_key", "row_offset", "reasons",
    "row_json", "recorded_at",
)  # fmt: skip
SHOWN = "publish_id, dataset, version, interval_start, interval_end, moment, reasons, row_json, recorded_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The columns of staged rows, where the text of those stands that did not cast, and the one with their moment.

    A merge that takes its input in slices need not have that column.
    """

    columns: tuple[str, ...]
    raw: Mapping[str, str]
    moment: str | None


class Bowl(Protocol):
    """A warehouse's staging while it is sifted. Queries are DuckDB's; what is caught lies in a table of its own."""

    row: str
    caught: str

    def ask(self, sql: str) -> tuple[Any, ...]:
        """The one row of a query."""
        ...

    def catch(self, sql: str) -> int:
        """Note the rows that a query numbers, with their reasons; how many."""
        ...

    def set_aside(self, texts: Texts, publication: Publication) -> None:
        """Copy what is noted and take it out of the staging."""
        ...

    def clear_values(self, columns: Mapping[str, str]) -> None:
        """Make columns NULL where a condition holds."""
        ...

    def drop_columns(self, columns: Sequence[str]) -> None:
        """Take columns out of the staging."""
        ...


def sift(bowl: Bowl, relation: str, staged: Staged, sieve: Sieve, publication: Publication) -> Sifted:
    """Every step of a sieve on what is staged at `relation`."""
    names = [name for name, _ in staged.columns]
    counted = [int(count) for count in bowl.ask(sifting.counts_query(sieve, relation, names, bowl.row))]
    split = 1 + len(sieve.nulls)
    caught = dict(zip((one.id for one in sieve.catches), counted[split:], strict=True))
    if any(caught.values()):
        bowl.catch(sifting.catch_query(sieve, relation, names, bowl.row))
    for one in sieve.repeats:
        noted = bowl.caught if any(caught.values()) else None
        caught[one.id] = bowl.catch(sifting.repeat_query(sieve, one, relation, names, bowl.row, noted))
    rows = counted[0]
    if any(caught.values()):
        bowl.set_aside(_texts(names, sieve, publication), publication)
        if any(counted[1:split]):
            counted = [int(count) for count in bowl.ask(sifting.counts_query(sieve, relation, names, bowl.row))]
        rows = int(bowl.ask(f"SELECT count(*) FROM {relation}")[0])
    nulled: dict[str, int] = {}
    for one, count in zip(sieve.nulls, counted[1:split], strict=True):
        nulled[one.id] = nulled.get(one.id, 0) + count
    if any(nulled.values()):
        bowl.clear_values(sifting.updates(sieve))
    bowl.drop_columns(sieve.raw)
    return Sifted(
        staged=replace(staged, rows=rows),
        quarantined=int(staged.rows) - rows,
        caught={name: count for name, count in caught.items() if count},
        nulled={name: count for name, count in nulled.items() if count},
    )


def _texts(names: Sequence[str], sieve: Sieve, publication: Publication) -> Texts:
    by = (publication.column or "").casefold()
    return Texts(
        columns=tuple(names),
        raw={cast.column: cast.raw for cast in sieve.casts},
        moment=next((name for name in names if name.casefold() == by), None),
    )


def row_of(values: Sequence[Any]) -> QuarantinedRow:
    """A row of `SHOWN`."""
    publish_id, dataset, version, start, end, moment, reasons, row, at = values
    return QuarantinedRow(
        publish_id=str(publish_id),
        dataset=str(dataset),
        version=str(version),
        interval=(start, end),
        moment=moment,
        reasons=reasons_of(str(reasons)),
        row=json.loads(row),
        recorded_at=str(at),
    )


def sum_of(dataset: str, version: str, day: datetime | date | None, reasons: str, rows: int) -> QuarantineSum:
    """One row of a count."""
    return QuarantineSum(
        dataset=str(dataset), version=str(version), day=day, reasons=reasons_of(reasons), rows=int(rows)
    )


def reasons_of(text: str) -> tuple[tuple[str, str], ...]:
    """Checks by id and name."""
    return tuple((str(reason["check"]), str(reason["name"])) for reason in json.loads(text))
