"""The SQL of distributions: a row of figures for each side, then the shape of one column on both sides.

- Numbers stand as DOUBLE and moments as seconds since 1970 where they are put into bins; what is not finite, or beyond
  1e150 and so not to be squared, is in no bin, mean or quantile.
- Everything but the number of distinct values and the list of candidates for frequent values is counted, so that the
  same rows give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from penstock.contract.column_types import is_number
from penstock.sql.identifiers import literal, quote

FIGURES = 8
"""Values per column in the row of `figures_query`, after the row count."""
BINS, TOP = 20, 5
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
FEW = 50_000
"""Distinct values up to which every value is counted; beyond, numbers are grouped within 1 % of each other."""
CANDIDATES, LEAST_SHARE = 200, 0.01
"""With more distinct values: how many are looked at, and what share of the rows makes one of them frequent."""
_FINE_STEPS = 10_000
_PER_NATURAL_UNIT = 100
"""Steps of the logarithm: values of one step lie within 1 % of each other."""
_LARGEST = "1e150"


class ColumnKind(StrEnum):
    """What can be said of a column's values."""

    NUMBER = "number"
    MOMENT = "moment"
    TEXT = "text"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A column to be described; `masked` ones show no value."""

    name: str
    kind: ColumnKind
    masked: bool = False

    @property
    def value(self) -> str:
        """What is counted: the value, or its text where values have no useful order."""
        column = quote(self.name)
        return f"CAST({column} AS VARCHAR)" if self.kind is ColumnKind.OTHER else column

    @property
    def position(self) -> str:
        """Where a value stands among others, as DOUBLE; NULL where it stands nowhere."""
        column = quote(self.name)
        if self.kind is ColumnKind.NUMBER:
            number = f"TRY_CAST({column} AS DOUBLE)"
            return f"CASE WHEN isfinite({number}) AND abs({number}) < {_LARGEST} THEN {number} END"
        if self.kind is ColumnKind.MOMENT:
            moment = f"CAST({column} AS TIMESTAMP)"
            return f"CASE WHEN isfinite({moment}) THEN epoch({moment}) END"
        return "CAST(NULL AS DOUBLE)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From where to where the positions of both sides reach, and into how many equal bins that is cut."""

    low: float
    high: float

    @property
    def bins(self) -> int:
        """One where all values are the same."""
        return BINS if self.high > self.low else 1

    @property
    def edges(self) -> tuple[float, ...]:
        """The bins' borders, one more than there are bins."""
        return tuple(self.low + (self.high - self.low) * at / self.bins for at in range(self.bins + 1))

    def step(self, position: str, steps: int) -> str:
        """Which of so many equal steps a position is in."""
        if self.high <= self.low:
            return "0"
        share = f"({position} - {self.low!r}) / {self.high - self.low!r}"
        return f"CAST(least({steps - 1}, greatest(0, floor({share} * {steps}))) AS INTEGER)"


def kind_of(old_type: str, new_type: str) -> ColumnKind:
    """What can be said of a column with these normal types."""
    types = (old_type, new_type)
    if all(is_number(type_) for type_ in types):
        return ColumnKind.NUMBER
    if all(type_ == "DATE" or type_.startswith("TIMESTAMP") for type_ in types):
        return ColumnKind.MOMENT
    texts = ("VARCHAR", "BOOLEAN", "UUID")
    return ColumnKind.TEXT if all(type_ in texts for type_ in types) else ColumnKind.OTHER


def figures_query(relation: str, columns: tuple[Described, ...]) -> str:
    """One row: the rows, then `FIGURES` values for each column."""
    parts = ["count(*)"]
    for column in columns:
        shown = column.kind is not ColumnKind.OTHER and not column.masked
        ends = [f"CAST({end}({column.value}) AS VARCHAR)" if shown else "NULL" for end in ("min", "max")]
        summed = column.kind is ColumnKind.NUMBER and not column.masked
        means = [f"{mean}({column.position})" if summed else "NULL" for mean in ("avg", "stddev_samp")]
        reach = [f"{end}({column.position})" for end in ("min", "max")]
        parts += [f"count({column.value})", f"approx_count_distinct({column.value})", *ends, *means, *reach]
    return f"SELECT {', '.join(parts)} FROM {relation}"


def shape_query(relations: tuple[str, str], column: Described, reach: Range | None, *, few: bool) -> str:
    """Rows of: what ('frequent', 'quantile' or 'bin'), side (0 or 1), place, text, count.

    `few` distinct values are all counted. `reach` is None where there are no positions.
    """
    places = "0" if reach is None else reach.step("x", reach.bins)
    sides = " UNION ALL ".join(_values(at, relation, column, reach, few=few) for at, relation in enumerate(relations))
    parts = [f"v AS MATERIALIZED (SELECT side, t, x, {places} AS bin, n FROM ({sides}) AS sides)"]
    asked = [_frequent() if few else _frequent_among_many(relations, column)]
    if reach is not None and not column.masked:
        parts.append(
            "u AS (SELECT side, t, x, sum(n) OVER (PARTITION BY side ORDER BY x, t) AS upto FROM v WHERE x IS NOT NULL)"
        )
        parts.append("m AS (SELECT side, max(upto) AS rows FROM u GROUP BY side)")
        asked += [
            f"SELECT 'quantile', side, {at}, arg_min(t, x), NULL FROM u JOIN m USING (side)"
            f" WHERE upto >= {share} * rows GROUP BY side"
            for at, share in enumerate(SHARES)
        ]
        asked.append("SELECT 'bin', side, bin, NULL, sum(n) FROM v WHERE x IS NOT NULL GROUP BY side, bin")
    return f"WITH {', '.join(parts)} SELECT * FROM ({' UNION ALL '.join(f'({one})' for one in asked)}) ORDER BY ALL"


def _values(side: int, relation: str, column: Described, reach: Range | None, *, few: bool) -> str:
    """A side's values with how many rows have each; of many values, one stands for those near it in the same bin."""
    value, position = column.value, column.position
    if few or reach is None:
        what = f"{value} AS value, {position} AS x"
        where, by = f"{value} IS NOT NULL{'' if few else ' AND false'}", "ALL"
    else:
        what = f"min({value}) AS value, min({position}) AS x"
        where, by = f"{position} IS NOT NULL", f"{_near(column, reach)}, {reach.step(position, reach.bins)}"
    grouped = f"SELECT {what}, count(*) AS n FROM {relation} WHERE {where} GROUP BY {by}"
    return f"SELECT {side} AS side, CAST(value AS VARCHAR) AS t, x, n FROM ({grouped}) AS valued"


def _near(column: Described, reach: Range) -> str:
    """What is the same for values so near each other that one may stand for them."""
    position = column.position
    if column.kind is not ColumnKind.NUMBER:
        return reach.step(position, _FINE_STEPS)
    steps = f"round(ln(abs({position})) * {_PER_NATURAL_UNIT})"
    return f"CASE WHEN {position} <> 0 THEN sign({position}) * 1e6 + {steps} END"


def _frequent(source: str = "v") -> str:
    place = "row_number() OVER (PARTITION BY side ORDER BY n DESC, t)"
    return f"SELECT 'frequent' AS what, side, {place} AS place, t, n FROM {source} QUALIFY place <= {TOP}"


def _frequent_among_many(relations: tuple[str, str], column: Described) -> str:
    """Values that at least 1 % of the rows have: candidates are guessed in one scan, and counted in another."""
    text = f"CAST({column.value} AS VARCHAR)"
    sides = []
    for at, relation in enumerate(relations):
        guessed = f"SELECT unnest(approx_top_k({text}, {CANDIDATES})) FROM {relation}"
        least = f"(SELECT {literal(int(LEAST_SHARE * 1000))} * count({text}) / 1000 FROM {relation})"
        sides.append(
            f"SELECT {at} AS side, {text} AS t, count(*) AS n FROM {relation} WHERE {text} IN ({guessed})"
            f" GROUP BY ALL HAVING count(*) >= {least}"
        )
    return _frequent(f"({' UNION ALL '.join(sides)}) AS candidates")
