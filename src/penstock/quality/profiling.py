"""A relation's profile in one scan: how full, how varied, of what type its columns look, and what they may reveal.

Every number is an exact count, so that a profile of the same rows is the same profile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.quality.masking import MASK
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMERAL = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"
_EMAIL = "[^@ ,;]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}"
_PHONE = "[+]?[0-9(][0-9 ().-]{5,20}[0-9]"
_PHONE_DIGITS = "length(regexp_replace({text}, '[^0-9]', '', 'g')) BETWEEN 7 AND 15"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LUHN = (
    "list_sum(list_transform(list_reverse(string_split({digits}, '')), lambda d, i: CASE WHEN i % 2 = 1 "
    "THEN d::INTEGER ELSE d::INTEGER * 2 - CASE WHEN d::INTEGER > 4 THEN 9 ELSE 0 END END)) % 10 = 0"
)
_MOD_97 = (
    "list_reduce(list_transform(string_split(substr({code}, 5) || substr({code}, 1, 4), ''), "
    f"lambda c: strpos('{_LETTERS}', c) - 1), "
    "lambda a, v: (a * CASE WHEN v > 9 THEN 100 ELSE 10 END + v) % 97) = 1"
)
_CLOCKLESS = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


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
    ibans: int
    birth_dates: int

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
    """The query whose one row `read_profile` reads. `relation` is SQL text for after FROM; it may be a sample."""
    counts = ", ".join(part for column in columns for part in _parts(column))
    return f"SELECT count(*){', ' if counts else ''}{counts} FROM {relation}"


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


_FIELDS = tuple(ColumnProfile.__dataclass_fields__)


def _parts(name: str) -> list[str]:
    """The aggregates of one column, in the order of `ColumnProfile`'s fields after `rows`."""
    column = quote(name)
    text = f"CAST({column} AS VARCHAR)"
    return [
        f"count(*) FILTER (WHERE {column} IS NULL)",
        f"count(*) FILTER (WHERE {text} = '')",
        f"count(DISTINCT {column})",
        f"CAST(min({column}) AS VARCHAR)",
        f"CAST(max({column}) AS VARCHAR)",
        f"min(length({text}))",
        f"max(length({text}))",
        *(f"count(*) FILTER (WHERE {condition})" for condition in _conditions(text)),
    ]


def _conditions(text: str) -> tuple[str, ...]:
    """What a text can look like: the types first, then personal data.

    A card number must satisfy Luhn's sum and an IBAN its remainder, or every long code would be one. A phone number
    shows separators or a plus, and is no number nor date. A birth date is a date without a clock, from 1900 to 2015.
    CASE keeps the costly tests to the rows that passed a cheap one; AND would run them on all.
    """
    digits = f"regexp_replace({text}, '[ -]', '', 'g')"
    code = f"replace({text}, ' ', '')"
    numeral = f"regexp_full_match({text}, '{_NUMERAL}')"
    card = f"regexp_full_match({text}, '[0-9][0-9 -]{{11,22}}[0-9]')"
    luhn = f"CASE WHEN length({digits}) BETWEEN 13 AND 19 THEN {_LUHN.format(digits=digits)} END"
    iban = f"regexp_full_match({code}, '[A-Z]{{2}}[0-9]{{2}}[A-Z0-9]{{11,30}}')"
    phone = f"regexp_full_match({text}, '{_PHONE}')"
    no_number = f"(starts_with({text}, '+') OR NOT {numeral}) AND TRY_CAST({text} AS DATE) IS NULL"
    born = f"year(TRY_CAST({text} AS DATE)) BETWEEN 1900 AND 2015"
    return (
        f"regexp_full_match({text}, '[+-]?[0-9]+')",
        numeral,
        f"TRY_CAST({text} AS TIMESTAMP) IS NOT NULL",
        f"TRY_CAST({text} AS BOOLEAN) IS NOT NULL",
        f"contains({text}, '@') AND regexp_full_match({text}, '{_EMAIL}')",
        f"CASE WHEN {phone} THEN {_PHONE_DIGITS.format(text=text)} AND {no_number} END",
        f"CASE WHEN {card} THEN {luhn} END",
        f"CASE WHEN {iban} THEN {_MOD_97.format(code=code)} END",
        f"CASE WHEN regexp_full_match({text}, '{_CLOCKLESS}') THEN {born} END",
    )
