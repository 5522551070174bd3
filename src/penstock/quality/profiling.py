"""A relation's profile in one scan: how full, how varied, of what type its columns look, and what they may reveal.

Every number is an exact count, so that a profile of the same rows is the same profile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.quality.masking import MASK
from penstock.quality.personal import shapes
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE = 20
"""Columns that one query should profile at most: what the database takes for more grows with their square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column's counts. `filled` are the rows with neither NULL nor empty text; shares are of those.

    `minimum` and `maximum` are in the order of the column's own type, as text; lengths are in characters.
    """

    name: str
    rows: int
    nulls: int
    empty: int
    distinct: int
    minimum: str | None
    maximum: str | None
    shortest: int | None
    longest: int | None
    integers: int
    decimals: int
    timestamps: int
    booleans: int
    emails: int
    phones: int
    cards: int
    card_shapes: int
    ibans: int
    birth_dates: int
    national_ids: int
    ip_addresses: int
    addresses: int
    name_shapes: int
    full_names: int
    given_names: int

    @property
    def filled(self) -> int:
        """The rows that hold something."""
        return self.rows - self.nulls - self.empty

    def share(self, count: int) -> float:
        """`count` as a share of the filled rows, 0 when there are none."""
        return count / self.filled if self.filled else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A relation's row count and the profile of each column asked for."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """The profile of the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def masked(self, names: frozenset[str]) -> Profile:
        """The same without the values of the columns named."""
        columns = (
            replace(column, minimum=MASK, maximum=MASK) if column.name in names and column.filled else column
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))


def profile_query(relation: str, columns: Sequence[str]) -> str:
    """The query whose one row `read_profile` reads. `relation` is SQL text for after FROM; it may be a sample.

    What a text looks like is asked once for each text of a column, and written once for all columns: there are some
    thirty conditions, and the database takes longer to read them than to try them on a few hundred texts.
    """
    if not columns:
        return f"SELECT count(*) FROM {relation}"
    looks = ", ".join(_looks())
    held = ", ".join(part for at, column in enumerate(columns) for part in _held(quote(column), at))
    told = ", ".join(part for at in range(len(columns)) for part in _parts(at))
    return (
        f"WITH _penstock_given AS MATERIALIZED (SELECT {', '.join(map(quote, columns))} FROM {relation}), "
        f"_penstock_known AS MATERIALIZED ({shapes.KNOWN}), "
        f"_texts AS ({' UNION ALL '.join(_texts(quote(column), at) for at, column in enumerate(columns))}), "
        f"_looks AS (SELECT _at, [{looks}] AS _counts FROM _texts, _penstock_known GROUP BY _at), "
        "_listed AS (SELECT list(_counts ORDER BY _at) AS _by_column FROM _looks), "
        f"_held AS (SELECT count(*) AS _rows, {held} FROM _penstock_given) "
        f"SELECT _rows, {told} FROM _held, _listed"
    )


def read_profile(names: Sequence[str], row: Sequence[Any]) -> Profile:
    """The profile in the row that `profile_query` returned for the columns `names`.

    Raises:
        ValueError: the row does not hold that many columns' counts.
    """
    width = len(_FIELDS) - 2
    if len(row) != 1 + width * len(names):
        raise ValueError(f"{len(row)} values are no profile of {len(names)} columns")
    columns = []
    for index, name in enumerate(names):
        values = row[1 + index * width : 1 + (index + 1) * width]
        columns.append(ColumnProfile(**dict(zip(_FIELDS, (name, row[0], *values), strict=True))))
    return Profile(rows=row[0], columns=tuple(columns))


def profiled(ask: Callable[[str], Sequence[Any]], relation: str, names: Sequence[str]) -> Profile:
    """The profile of a relation's columns, some at a time; `ask` returns the one row of a query."""
    parts = []
    for first in range(0, max(1, len(names)), AT_ONCE):
        some = names[first : first + AT_ONCE]
        parts.append(read_profile(some, ask(profile_query(relation, some))))
    return Profile(rows=parts[0].rows, columns=tuple(column for part in parts for column in part.columns))


_FIELDS = tuple(ColumnProfile.__dataclass_fields__)


def _texts(column: str, at: int) -> str:
    """Each text of a column, with how often it is there."""
    return (
        f"SELECT {at} AS _at, CAST({column} AS VARCHAR) AS _text, count(*) AS _times FROM _penstock_given GROUP BY ALL"
    )


def _looks() -> tuple[str, ...]:
    """What is counted over the texts of a column."""
    counted = (f"sum(_times) FILTER (WHERE {condition})" for condition in _conditions("_text"))
    return (
        "sum(_times) FILTER (WHERE _text = '')",
        "min(length(_text))",
        "max(length(_text))",
        *counted,
    )


def _held(column: str, at: int) -> tuple[str, ...]:
    """What is counted over the values of a column."""
    return (
        f"count(*) FILTER (WHERE {column} IS NULL) AS _nulls_{at}",
        f"count(DISTINCT {column}) AS _distinct_{at}",
        f"CAST(min({column}) AS VARCHAR) AS _minimum_{at}",
        f"CAST(max({column}) AS VARCHAR) AS _maximum_{at}",
    )


def _parts(at: int) -> list[str]:
    """The values of one column, in the order of `ColumnProfile`'s fields after `rows`."""
    looks = [f"CAST(_by_column[{at + 1}][{number + 1}] AS BIGINT)" for number in range(_LOOKS)]
    empty, shortest, longest, *counts = looks
    return [
        f"_nulls_{at}",
        f"coalesce({empty}, 0)",
        *(f"_{each}_{at}" for each in ("distinct", "minimum", "maximum")),
        shortest,
        longest,
        *(f"coalesce({count}, 0)" for count in counts),
    ]


def _conditions(text: str) -> tuple[str, ...]:
    """What a text can look like: the types first, then personal data."""
    return (
        f"regexp_full_match({text}, '[+-]?[0-9]+')",
        f"regexp_full_match({text}, '{shapes.NUMERAL}')",
        f"TRY_CAST({text} AS TIMESTAMP) IS NOT NULL",
        f"TRY_CAST({text} AS BOOLEAN) IS NOT NULL",
        *shapes.conditions(text),
    )


_LOOKS = len(_looks())
