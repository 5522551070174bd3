"""The difference between two relations of one database, row by row and column by column, and a digest of one.

- Only columns that both sides have are compared; the others are named.
- With a key, rows are matched by key (NULL equals NULL; the n-th of equal keys matches the n-th).
- Without one, relations are multisets of rows: rows are added or removed, never changed.
- Totals are exact: floating point is rounded to nine places before it is added, so that order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from penstock.quality.comparison_sql import (
    Columns,
    Pair,
    Side,
    keyed_examples,
    keyed_summary,
    keyless_examples,
    keyless_summary,
    shared_columns,
)
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUMMARY, EXAMPLES = "summary", "examples"
_EXACT = Context(prec=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMovement:
    """How one column moved.

    `changed_rows`: with a key, the matched rows whose value differs. Without one, the values that gave way to others
    (the smaller of how many went and how many came). Totals are sums of numeric columns, None where there is nothing
    to add up. `percent` is the movement of the total, rounded to four places: None for columns that are not numeric,
    and where the old total is zero and the new one is not.
    """

    name: str
    numeric: bool
    changed_rows: int
    old_total: Decimal | None = None
    new_total: Decimal | None = None
    percent: Decimal | None = None

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
    """What is different in `new` against `old`. `schema_retyped` holds name, old type and new type."""

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

    @property
    def empty(self) -> bool:
        """Whether there is no difference at all."""
        schema = self.schema_added or self.schema_removed or self.schema_retyped
        return not (self.added or self.removed or self.changed or schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The queries of one comparison, by name, and what is needed to read their rows."""

    dataset: str
    queries: Mapping[str, str]
    key: tuple[str, ...]
    numeric: tuple[tuple[str, bool], ...]
    schema_added: tuple[str, ...]
    schema_removed: tuple[str, ...]
    schema_retyped: tuple[tuple[str, str, str], ...]


def compare_queries(
    dataset: str,
    old: Side,
    new: Side,
    *,
    key: tuple[str, ...] = (),
    masked: frozenset[str] = frozenset(),
    limit: int = 3,
) -> Comparison:
    """What to run to compare two relations: each query once, all its rows to `read_diff`.

    `masked` columns show no values in examples; `limit` is the number of examples per column and per kind.
    """
    before, after = dict(old.columns), dict(new.columns)
    pair = Pair(old=old, new=new, shared=shared_columns(old, new, masked), limit=limit)
    keyed = bool(key) and set(key) <= {column.name for column in pair.shared}
    return Comparison(
        dataset=dataset,
        queries={
            SUMMARY: keyed_summary(pair, key) if keyed else keyless_summary(pair),
            EXAMPLES: keyed_examples(pair, key) if keyed else keyless_examples(pair),
        },
        key=key if keyed else (),
        numeric=tuple((column.name, column.numeric) for column in pair.shared),
        schema_added=tuple(name for name in after if name not in before),
        schema_removed=tuple(name for name in before if name not in after),
        schema_retyped=tuple((one.name, one.old_type, one.new_type) for one in pair.shared if one.retyped),
    )


def read_diff(comparison: Comparison, rows: Mapping[str, Sequence[Sequence[Any]]]) -> DatasetDiff:
    """The difference in the rows that the comparison's queries returned, by the queries' names.

    Raises:
        KeyError: a query's rows are not there.
    """
    old_rows, new_rows, added, removed, changed, *rest = rows[SUMMARY][0]
    movements = zip(comparison.numeric, rest[0::3], rest[1::3], rest[2::3], strict=True)
    return DatasetDiff(
        dataset=comparison.dataset,
        old_rows=int(old_rows),
        new_rows=int(new_rows),
        added=int(added),
        removed=int(removed),
        changed=int(changed),
        columns=tuple(_movement(name, numeric, *values) for (name, numeric), *values in movements),
        examples=tuple(
            RowExample(key=tuple(zip(comparison.key, row[3:], strict=True)), column=row[0], old=row[1], new=row[2])
            for row in rows[EXAMPLES]
        ),
        schema_added=comparison.schema_added,
        schema_removed=comparison.schema_removed,
        schema_retyped=comparison.schema_retyped,
    )


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


def _movement(name: str, numeric: bool, changed: Any, old: Any, new: Any) -> ColumnMovement:  # noqa: FBT001
    before, after = (None if total is None else Decimal(total) for total in (old, new))
    return ColumnMovement(
        name=name,
        numeric=numeric,
        changed_rows=int(changed),
        old_total=before,
        new_total=after,
        percent=_percent(before or Decimal(0), after or Decimal(0)) if numeric else None,
    )


def _percent(old: Decimal, new: Decimal) -> Decimal | None:
    if old == 0:
        return Decimal(0) if new == 0 else None
    share = _EXACT.divide(_EXACT.subtract(new, old), abs(old))
    return _EXACT.multiply(share, Decimal(100)).quantize(Decimal("0.0001"), context=_EXACT)
