"""The difference between two relations of one database, row by row and column by column, and a digest of one.

- Only columns that both sides have are compared; the others are named.
- With a key, rows are matched by key (NULL equals NULL; the n-th of equal keys matches the n-th).
- Without one, relations are multisets of rows: rows are added or removed, never changed.
- Every count is exact, whatever the size: hashes only choose the quicker of two exact ways.
- Totals are exact: floating point is rounded to nine places before it is added, so that order does not matter.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from penstock.quality.comparison_passes import Repeats, keyed_pass, keyless_pass, sizes_of, sizes_query
from penstock.quality.comparison_sql import Columns, Pair, Side, fractions_query, shared_columns
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.quality.comparison_sql import Shared
    from penstock.quality.distributions import ColumnDistribution

    Ask = Callable[[str], Sequence[Sequence[Any]]]
    """Runs one query and returns its rows."""

COMPARED, FRACTIONS = "compared", "fractions"
_EXACT = Context(prec=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMovement:
    """How one column moved.

    `changed_rows`: with a key, the matched rows whose value differs. Without one, the values that gave way to others
    (the smaller of how many went and how many came). Totals are sums of numeric columns, None where there is nothing
    to add up. `percent` is the movement of the total, rounded to four places: None for columns that are not numeric,
    and where the old total is zero and the new one is not. `lost_fractions`: at least one value in ten had a fraction,
    and none has one now, which a total hardly shows.
    """

    name: str
    numeric: bool
    changed_rows: int
    old_total: Decimal | None = None
    new_total: Decimal | None = None
    percent: Decimal | None = None
    lost_fractions: bool = False

    @property
    def moved(self) -> bool:
        """Whether anything is different."""
        return self.changed_rows > 0 or self.old_total != self.new_total


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExample:
    """One difference: a value (`column`) of the row with that key, or a whole row (`column` None), added or removed."""

    key: tuple[tuple[str, str | None], ...]
    column: str | None
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDiff:
    """What is different in `new` against `old`. `schema_retyped` holds name, old type and new type.

    `key` is what rows were matched by, empty where they were compared as multisets.
    """

    dataset: str
    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    columns: tuple[ColumnMovement, ...]
    examples: tuple[RowExample, ...]
    schema_added: tuple[str, ...] = ()
    schema_removed: tuple[str, ...] = ()
    schema_retyped: tuple[tuple[str, str, str], ...] = ()
    key: tuple[str, ...] = ()
    distributions: tuple[ColumnDistribution, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is no difference at all."""
        schema = self.schema_added or self.schema_removed or self.schema_retyped
        return not (self.added or self.removed or self.changed or schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison in one query, by its name, and what is needed to read its row."""

    dataset: str
    pair: Pair
    key: tuple[str, ...]
    queries: Mapping[str, str]


def compare(
    ask: Ask,
    dataset: str,
    old: Side,
    new: Side,
    *,
    key: tuple[str, ...] = (),
    masked: frozenset[str] = frozenset(),
    limit: int = 3,
) -> DatasetDiff:
    """The difference of two relations; `ask` runs a query. A key that not both sides have is none.

    `masked` columns show no values in examples. `limit` is how many examples are shown of each column, of added and of
    removed rows: the first by key, without one the first in the order of the columns.
    """
    pair = Pair(old=old, new=new, shared=shared_columns(old, new, masked), limit=limit)
    key = _common(pair, key)
    diff = _diff(dataset, pair, key, _compared(ask, pair, key))
    fractional = {column.name for column in pair.fractional}
    if not any(column.moved and column.name in fractional for column in diff.columns):
        return diff
    return _with_fractions(pair, diff, ask(fractions_query(pair))[0])


def _compared(ask: Ask, pair: Pair, key: tuple[str, ...]) -> Sequence[Any]:
    if not key:
        return ask(keyless_pass(pair))[0]
    if not sizes_of(ask(sizes_query(pair, key))[0]).repeating:
        row = ask(keyed_pass(pair, key, Repeats.UNSEEN))[0]
        if tuple(row[:2]) == tuple(row[2:4]):
            return row
    return ask(keyed_pass(pair, key, Repeats.APART))[0]


def _with_fractions(pair: Pair, diff: DatasetDiff, counts: Sequence[Any]) -> DatasetDiff:
    """The difference with which of the columns that moved have lost their fractions."""
    numbers = iter(int(count) for count in counts)
    lost = {column.name for column in pair.fractional if _lost(*itertools.islice(numbers, 4))}
    columns = (replace(column, lost_fractions=column.moved and column.name in lost) for column in diff.columns)
    return replace(diff, columns=tuple(columns))


def _lost(old_values: int, new_values: int, before: int, now: int) -> bool:
    return new_values > 0 and now == 0 and before * 10 >= old_values > 0


def compare_queries(
    dataset: str,
    old: Side,
    new: Side,
    *,
    key: tuple[str, ...] = (),
    masked: frozenset[str] = frozenset(),
    limit: int = 3,
) -> Comparison:
    """What to run to compare two relations without asking back: each query once, all its rows to `read_diff`.

    It finds what `compare` finds, and takes longer where the relations are large.
    """
    pair = Pair(old=old, new=new, shared=shared_columns(old, new, masked), limit=limit)
    key = _common(pair, key)
    sql = keyed_pass(pair, key, Repeats.APART) if key else keyless_pass(pair)
    queries = {COMPARED: sql} | ({FRACTIONS: fractions_query(pair)} if pair.fractional else {})
    return Comparison(dataset=dataset, pair=pair, key=key, queries=queries)


def read_diff(comparison: Comparison, rows: Mapping[str, Sequence[Sequence[Any]]]) -> DatasetDiff:
    """The difference in the rows that the comparison's queries returned, by the queries' names.

    Raises:
        KeyError: a query's rows are not there.
    """
    diff = _diff(comparison.dataset, comparison.pair, comparison.key, rows[COMPARED][0])
    return _with_fractions(comparison.pair, diff, rows[FRACTIONS][0]) if comparison.pair.fractional else diff


def digest_query(relation: str, columns: Columns) -> str:
    """A query for the digest of a relation's schema and rows: 64 hex digits, whatever the order of the rows.

    SHA-256 over the columns' names and types, the row count, and the sum of DuckDB's 64-bit hashes of the rows,
    in which a row counts as often as it stands there. Relations that differ by accident share a
    digest with a probability of about 2^-64; somebody who is free to choose rows could make two that do, so it proves
    sameness between states we made, not against a forger. Another version of DuckDB may give another digest.
    """
    schema = literal("; ".join(f"{name} {type_}" for name, type_ in columns))
    row = f"hash({', '.join(quote(name) for name, _ in columns)})"
    return f"SELECT sha256(concat({schema}, '|', count(*), '|', coalesce(sum({row}), 0))) FROM {relation}"


def _common(pair: Pair, key: tuple[str, ...]) -> tuple[str, ...]:
    return key if set(key) <= {column.name for column in pair.shared} else ()


def _diff(dataset: str, pair: Pair, key: tuple[str, ...], row: Sequence[Any]) -> DatasetDiff:
    """The difference that a pass's row tells of."""
    old, new = dict(pair.old.columns), dict(pair.new.columns)
    width = len(pair.shared)
    changed, before, after = (row[at : at + width] for at in (7, 7 + width, 7 + 2 * width))
    movements = zip(pair.shared, changed, before, after, strict=True)
    return DatasetDiff(
        dataset=dataset,
        old_rows=int(row[0]),
        new_rows=int(row[1]),
        added=int(row[4]),
        removed=int(row[5]),
        changed=int(row[6]),
        columns=tuple(_movement(column, *values) for column, *values in movements),
        examples=tuple(
            RowExample(key=tuple(zip(key, cells[3:], strict=True)), column=cells[0], old=cells[1], new=cells[2])
            for cells in row[-1] or ()
        ),
        schema_added=tuple(name for name in new if name not in old),
        schema_removed=tuple(name for name in old if name not in new),
        schema_retyped=tuple((one.name, one.old_type, one.new_type) for one in pair.shared if one.retyped),
        key=key,
    )


def _movement(column: Shared, changed: Any, old: Any, new: Any) -> ColumnMovement:
    before, after = (None if total is None else Decimal(total) for total in (old, new))
    return ColumnMovement(
        name=column.name,
        numeric=column.numeric,
        changed_rows=int(changed),
        old_total=before,
        new_total=after,
        percent=_percent(before or Decimal(0), after or Decimal(0)) if column.numeric else None,
    )


def _percent(old: Decimal, new: Decimal) -> Decimal | None:
    if old == 0:
        return Decimal(0) if new == 0 else None
    share = _EXACT.divide(_EXACT.subtract(new, old), abs(old))
    return _EXACT.multiply(share, Decimal(100)).quantize(Decimal("0.0001"), context=_EXACT)
