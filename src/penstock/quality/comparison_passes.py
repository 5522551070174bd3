"""The SQL of a comparison's passes: what to ask first, and the one statement that counts and shows.

- A pass yields one row: rows of each side, joined rows of each side, added, removed, changed; for each column the rows
  changed; the old side's totals, the new side's; and the examples, a list of lists of text.
- By key, joined rows are grouped by which sides and columns differ: one aggregation, whatever the number of columns,
  that also keeps the first keys of each group. Examples are taken from the rows of those keys alone.
- A plain join by key is exact if, and only if, it yields as many rows of each side as the side has: a key that repeats
  and is matched yields more. Keys that repeat are matched apart, row by row, where `Repeats` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from penstock.quality.comparison_sql import (
    Pair,
    Shared,
    Side,
    changed_values,
    keyed_examples,
    keyless_examples,
    moved_rows,
    totals,
)
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

BUCKETS = 4_096


class Repeats(Enum):
    """What becomes of keys that stand more than once on a side."""

    UNSEEN = auto()
    APART = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Rows of each side, and about how many pairs of rows their keys match."""

    old_rows: int
    new_rows: int
    pairs: float

    @property
    def repeating(self) -> bool:
        """Whether so many pairs match that keys must repeat; the estimate itself is off by some 2 %."""
        most = max(self.old_rows, self.new_rows)
        return self.pairs > 1.1 * most + 1_000


def sizes_query(pair: Pair, key: tuple[str, ...]) -> str:
    """The row `sizes_of` reads: rows of each side, and the sum over buckets of keys of the product of both counts."""
    sides = ", ".join(
        f"{name} AS (SELECT {_hashed(pair, key)} & {BUCKETS - 1} AS bucket, CAST(count(*) AS HUGEINT) AS n"
        f" FROM {side.relation} GROUP BY bucket)"
        for name, side in (("o", pair.old), ("w", pair.new))
    )
    counts = [f"(SELECT coalesce(sum(n), 0) FROM {name})" for name in ("o", "w")]
    return f"WITH {sides} SELECT {', '.join(counts)}, (SELECT coalesce(sum(o.n * w.n), 0) FROM o JOIN w USING (bucket))"


def sizes_of(row: Sequence[Any]) -> Sizes:
    """What the row of `sizes_query` says.

    Keys that are spread at random meet in a bucket old x new / buckets times; what exceeds that is pairs of equal keys
    (the centred Fast-AGMS estimate of the size of a join, its error about the square root of old x new / buckets).
    """
    old, new, met = (int(value) for value in row)
    by_chance = old * new / BUCKETS
    return Sizes(old_rows=old, new_rows=new, pairs=(met - by_chance) * BUCKETS / (BUCKETS - 1))


def keyed_pass(pair: Pair, key: tuple[str, ...], repeats: Repeats) -> str:
    """The pass by key."""
    compared = [index for index, column in enumerate(pair.shared) if column.name not in key]
    names = [column.name for column in pair.shared]
    keys = [names.index(name) for name in key]
    looked_at = replace(pair, old=_among(pair, pair.old, keys), new=_among(pair, pair.new, keys))
    parts = [
        _sides(pair),
        *([_repeating(keys)] if repeats is Repeats.APART else []),
        f"g AS MATERIALIZED ({_grouped(pair, keys, compared, repeats)})",
        f"s AS ({_counted(pair, compared)})",
        f"ks AS MATERIALIZED (SELECT DISTINCT unnest(coalesce(ks, [NULL])) AS k FROM g WHERE {_moved(compared)})",
        totals(pair),
    ]
    return (
        f"WITH {', '.join(parts)} SELECT ot.n, wt.n, s.*{_each_total(pair)},"
        f" {_listed(keyed_examples(looked_at, key), 3 + len(key))} FROM s, ot, wt"
    )


def keyless_pass(pair: Pair) -> str:
    """The pass over two multisets of rows."""
    came, went = "coalesce(sum(d) FILTER (WHERE d > 0), 0)", "coalesce(-sum(d) FILTER (WHERE d < 0), 0)"
    named = ", ".join(f"{count} AS s{index}" for index, count in enumerate([came, went, "0", *changed_values(pair)]))
    return (
        f"WITH {moved_rows(pair)}, {totals(pair)}, s AS (SELECT {named} FROM moved)"
        f" SELECT ot.n, wt.n, ot.n, wt.n, s.*{_each_total(pair)}, {_listed(keyless_examples(pair), 3)} FROM s, ot, wt"
    )


def _each_total(pair: Pair) -> str:
    return "".join(f", {side}.t{index}" for side in ("ot", "wt") for index, _ in enumerate(pair.shared))


def _sides(pair: Pair) -> str:
    columns = ", ".join(f"{column.expression} AS c{index}" for index, column in enumerate(pair.shared))
    sides = (("o", pair.old), ("w", pair.new))
    return ", ".join(
        f"{name} AS NOT MATERIALIZED (SELECT {columns}, 1 AS n FROM {side.relation})" for name, side in sides
    )


def _moved(compared: list[int]) -> str:
    """Whether a joined row is a difference."""
    return " OR ".join(["o_n IS NULL", "w_n IS NULL", *(f"d{index}" for index in compared)])


def _grouped(pair: Pair, keys: list[int], compared: list[int], repeats: Repeats) -> str:
    """Joined rows by what differs: how many, and the first few keys; NULL in place of keys where the key is NULL."""
    by = ", ".join(["o_n", "w_n", "no_key", *(f"d{index}" for index in compared)])
    first = f"min(k, {pair.limit}) FILTER (WHERE {_moved(compared)})"
    return (
        f"SELECT {by}, count(*) AS n, {first} AS ks FROM ({_joined(pair, keys, compared, repeats)}) AS p GROUP BY {by}"
    )


def _counted(pair: Pair, compared: list[int]) -> str:
    both = "o_n IS NOT NULL AND w_n IS NOT NULL"
    differs = " OR ".join(f"d{index}" for index in compared) or "false"
    wheres = ["o_n IS NOT NULL", "w_n IS NOT NULL", "o_n IS NULL", "w_n IS NULL", f"{both} AND ({differs})"]
    wheres += [f"{both} AND d{index}" if index in compared else "false" for index, _ in enumerate(pair.shared)]
    counts = (f"coalesce(sum(n) FILTER (WHERE {where}), 0) AS s{at}" for at, where in enumerate(wheres))
    return f"SELECT {', '.join(counts)} FROM g"


def _repeating(keys: list[int]) -> str:
    names = ", ".join(f"c{index}" for index in keys)
    sides = " UNION ".join(f"SELECT {names} FROM {side} GROUP BY {names} HAVING count(*) > 1" for side in ("o", "w"))
    return f"r AS MATERIALIZED ({sides})"


def _joined(pair: Pair, keys: list[int], compared: list[int], repeats: Repeats) -> str:
    """Matched rows: whether each side is there, the key, and which columns differ."""
    parts = [f"coalesce(w.c{index}, o.c{index})" for index in keys]
    several = len(parts) > 1
    key = f"struct_pack({', '.join(f'k{at} := {part}' for at, part in enumerate(parts))})" if several else parts[0]
    marks = ["o.n AS o_n", "w.n AS w_n", f"{key} AS k", f"{'false' if several else f'{key} IS NULL'} AS no_key"]
    columns = ", ".join([*marks, *(f"o.c{index} IS DISTINCT FROM w.c{index} AS d{index}" for index in compared)])
    same_key = _equal(keys, "o", "w")
    if repeats is Repeats.UNSEEN:
        return f"SELECT {columns} FROM o FULL JOIN w ON {same_key}"
    names = ", ".join(f"c{index}" for index, _ in enumerate(pair.shared))
    within = ", ".join(f"c{index}" for index in keys)
    order = f" ORDER BY {', '.join(f'c{index}' for index in compared)}" if compared else ""
    number = f"row_number() OVER (PARTITION BY {within}{order}) AS n"
    once, numbered = {}, {}
    for side in ("o", "w"):
        in_r = f"FROM {side} {{}} JOIN r ON {_equal(keys, side, 'r')}"
        once[side] = f"(SELECT {side}.* {in_r.format('ANTI')}) AS {side}"
        numbered[side] = f"(SELECT {names}, {number} FROM (SELECT {side}.* {in_r.format('SEMI')}) AS rows_of) AS {side}"
    return (
        f"SELECT {columns} FROM {once['o']} FULL JOIN {once['w']} ON {same_key} UNION ALL"
        f" SELECT {columns} FROM {numbered['o']} FULL JOIN {numbered['w']} ON {same_key} AND o.n = w.n"
    )


def _equal(keys: list[int], left: str, right: str) -> str:
    return " AND ".join(f"{left}.c{index} IS NOT DISTINCT FROM {right}.c{index}" for index in keys)


def _among(pair: Pair, side: Side, keys: list[int]) -> Side:
    """The rows of a side whose key stands in `ks`."""
    names = [f"ks.k.k{at}" for at, _ in enumerate(keys)] if len(keys) > 1 else ["ks.k"]
    equal = (f"{pair.shared[at].of('l')} IS NOT DISTINCT FROM {name}" for at, name in zip(keys, names, strict=True))
    return replace(side, relation=f"(SELECT l.* FROM {side.relation} AS l SEMI JOIN ks ON {' AND '.join(equal)})")


def _listed(examples: str, width: int) -> str:
    """Rows of text, with what orders them, as one list."""
    values = ", ".join(f"CAST(v{index} AS VARCHAR)" for index in range(width))
    return f"(SELECT list([{values}] ORDER BY part, place) FROM ({examples}) AS shown)"


def _hashed(pair: Pair, key: tuple[str, ...]) -> str:
    return f"hash({', '.join(_steady(column) for column in pair.shared if column.name in key)})"


def _steady(column: Shared) -> str:
    """What hashes alike on both sides where the values are equal, though the number's type may differ."""
    return f"CAST({quote(column.name)} AS DOUBLE)" if column.retyped and column.numeric else column.expression
