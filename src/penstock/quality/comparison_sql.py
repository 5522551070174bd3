"""The SQL of a comparison. Columns stand under ordinals (`c0`, `c1`, …), so that no name of theirs can collide.

A summary is one row: rows of both sides, added, removed, changed, then for each column the rows changed and both
totals. Examples are rows of: column or NULL, old value, new value, and the key's values.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contract.column_types import is_float, is_number, normal_type
from penstock.quality.masking import MASK
from penstock.sql.identifiers import literal, quote

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two relations: SQL text that stands after FROM, and its columns with their types."""

    relation: str
    columns: Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A column that both sides have, with its normal type on each; `masked` shows no values."""

    name: str
    old_type: str
    new_type: str
    masked: bool = False

    @property
    def retyped(self) -> bool:
        """Whether its type differs."""
        return self.old_type != self.new_type

    @property
    def numeric(self) -> bool:
        """Whether both sides can be added up."""
        return is_number(self.old_type) and is_number(self.new_type)

    @property
    def expression(self) -> str:
        """What is compared: the value, or its text where the two types do not compare."""
        column = quote(self.name)
        return f"CAST({column} AS VARCHAR)" if self.retyped and not self.numeric else column

    def total(self, value: str, type_: str) -> str:
        """The exact sum of `value`, of that type; NULL for what is not numeric."""
        if not self.numeric:
            return "NULL"
        if is_float(type_):
            return f"sum(TRY_CAST({value} AS DECIMAL(28,9)))"
        return f"sum(TRY_CAST({value} AS DECIMAL(38,0)))" if type_ in {"UHUGEINT", "BIGNUM"} else f"sum({value})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two relations, the columns they share, and how many examples to show of each kind."""

    old: Side
    new: Side
    shared: tuple[Shared, ...]
    limit: int = 3


def shared_columns(old: Side, new: Side, masked: frozenset[str]) -> tuple[Shared, ...]:
    """The columns both sides have, in the new side's order."""
    before = dict(old.columns)
    return tuple(
        Shared(name=name, old_type=_normal(before[name]), new_type=_normal(type_), masked=name in masked)
        for name, type_ in new.columns
        if name in before
    )


def keyed_summary(pair: Pair, key: tuple[str, ...]) -> str:
    """The summary where rows are matched by key."""
    numbered = tuple(enumerate(pair.shared))
    changed = " OR ".join(f"({_differs(index)})" for index, column in numbered if column.name not in key) or "false"
    counts = [
        "count(o.n)",
        "count(w.n)",
        "count(*) FILTER (WHERE o.n IS NULL)",
        "count(*) FILTER (WHERE w.n IS NULL)",
        f"count(*) FILTER (WHERE {_BOTH} AND ({changed}))",
    ]
    for index, column in numbered:
        counts.append("0" if column.name in key else f"count(*) FILTER (WHERE {_BOTH} AND {_differs(index)})")
        counts += [column.total(f"o.c{index}", column.old_type), column.total(f"w.c{index}", column.new_type)]
    return f"WITH {_numbered_sides(pair, key)} SELECT {', '.join(counts)} FROM {_matched(pair, key)}"


def keyed_examples(pair: Pair, key: tuple[str, ...]) -> str:
    """The first few rows changed in each column, added and removed, in the order of the key."""
    numbered = tuple(enumerate(pair.shared))
    pairs = ", ".join(f"o.c{index} AS o{index}, w.c{index} AS w{index}" for index, _ in numbered)
    different = " OR ".join([f"NOT ({_BOTH})", *(_differs(index) for index, one in numbered if one.name not in key)])
    joined = f"SELECT o.n AS old_n, w.n AS new_n, {pairs} FROM {_matched(pair, key)} WHERE {different}"
    keys = [next(index for index, column in numbered if column.name == name) for name in key]
    parts = []
    for index, column in numbered:
        if column.name not in key:
            values = [literal(column.name), _text(f"o{index}", column), _text(f"w{index}", column)]
            where = f"old_n IS NOT NULL AND new_n IS NOT NULL AND o{index} IS DISTINCT FROM w{index}"
            parts.append((values + [_text(f"w{at}", pair.shared[at]) for at in keys], where, "w"))
    for side, where in (("w", "old_n IS NULL"), ("o", "new_n IS NULL")):
        row = _row_text(pair, side)
        values = ["NULL", *(["NULL", row] if side == "w" else [row, "NULL"])]
        parts.append((values + [_text(f"{side}{at}", pair.shared[at]) for at in keys], where, side))
    selects = [
        _few(
            part, values, f"FROM joined WHERE {where}", [f"{side}{at}" for at in keys] + ["old_n", "new_n"], pair.limit
        )
        for part, (values, where, side) in enumerate(parts)
    ]
    return f"WITH {_numbered_sides(pair, key)}, joined AS MATERIALIZED ({joined}) {_together(selects, 3 + len(key))}"


def keyless_summary(pair: Pair) -> str:
    """The summary of two multisets of rows."""
    came, went = "coalesce(sum(d) FILTER (WHERE d > 0), 0)", "coalesce(-sum(d) FILTER (WHERE d < 0), 0)"
    counts = ["any_value(ot.n)", "any_value(wt.n)", came, went, "0"]
    for index, _ in enumerate(pair.shared):
        groups = f"SELECT sum(d) AS d FROM moved GROUP BY c{index}"
        counts.append(f"(SELECT least({came}, {went}) FROM ({groups}) AS values_moved)")
        counts += [f"any_value(ot.t{index})", f"any_value(wt.t{index})"]
    totals = ", ".join(
        f"{name} AS (SELECT {', '.join(['count(*) AS n', *_totals(pair, side)])} FROM {side.relation})"
        for name, side in (("ot", pair.old), ("wt", pair.new))
    )
    return f"WITH {_moved(pair)}, {totals} SELECT {', '.join(counts)} FROM ot CROSS JOIN wt LEFT JOIN moved ON true"


def keyless_examples(pair: Pair) -> str:
    """The first few rows added and removed, in the order of their columns."""
    order = [f"c{index}" for index, _ in enumerate(pair.shared)] or ["d"]
    row = _row_text(pair, "c")
    selects = [
        _few(0, ["NULL", "NULL", row], "FROM moved WHERE d > 0", order, pair.limit),
        _few(1, ["NULL", row, "NULL"], "FROM moved WHERE d < 0", order, pair.limit),
    ]
    return f"WITH {_moved(pair)} {_together(selects, 3)}"


_BOTH = "o.n IS NOT NULL AND w.n IS NOT NULL"


def _normal(type_: str) -> str:
    return normal_type(type_) or type_


def _differs(index: int) -> str:
    return f"o.c{index} IS DISTINCT FROM w.c{index}"


def _numbered_sides(pair: Pair, key: tuple[str, ...]) -> str:
    """Both sides with their rows numbered within equal keys, so that a key that repeats still matches one to one."""
    columns = ", ".join(f"{column.expression} AS c{index}" for index, column in enumerate(pair.shared))
    keys = ", ".join(column.expression for column in pair.shared if column.name in key)
    others = ", ".join(column.expression for column in pair.shared if column.name not in key)
    number = f"row_number() OVER (PARTITION BY {keys}{f' ORDER BY {others}' if others else ''}) AS n"
    sides = (("o", pair.old), ("w", pair.new))
    return ", ".join(f"{name} AS (SELECT {columns}, {number} FROM {side.relation})" for name, side in sides)


def _matched(pair: Pair, key: tuple[str, ...]) -> str:
    equal = [
        f"o.c{index} IS NOT DISTINCT FROM w.c{index}" for index, column in enumerate(pair.shared) if column.name in key
    ]
    return f"o FULL JOIN w ON {' AND '.join([*equal, 'o.n = w.n'])}"


def _moved(pair: Pair) -> str:
    """Rows that one side has more of: `d` is how many more the new side has."""
    columns = ", ".join(f"{column.expression} AS c{index}" for index, column in enumerate(pair.shared)) or "1 AS c0"
    names = ", ".join(f"c{index}" for index, _ in enumerate(pair.shared)) or "c0"
    old, new = pair.old.relation, pair.new.relation
    rows = f"SELECT {columns}, -1 AS s FROM {old} UNION ALL SELECT {columns}, 1 AS s FROM {new}"
    return f"moved AS (SELECT {names}, sum(s) AS d FROM ({rows}) AS sides GROUP BY {names} HAVING sum(s) <> 0)"


def _totals(pair: Pair, side: Side) -> list[str]:
    old = side is pair.old
    return [
        f"{column.total(quote(column.name), column.old_type if old else column.new_type)} AS t{index}"
        for index, column in enumerate(pair.shared)
    ]


def _few(part: int, values: list[str], source: str, order: list[str], limit: int) -> str:
    names = ", ".join(f"{value} AS v{index}" for index, value in enumerate(values))
    place = f"row_number() OVER (ORDER BY {', '.join(order)})"
    return f"(SELECT {names}, {part} AS part, {place} AS place {source} ORDER BY place LIMIT {limit})"


def _together(selects: list[str], width: int) -> str:
    names = ", ".join(f"v{index}" for index in range(width))
    return f"SELECT {names} FROM ({' UNION ALL '.join(selects)}) AS examples ORDER BY part, place"


def _text(value: str, column: Shared) -> str:
    return f"CASE WHEN {value} IS NOT NULL THEN '{MASK}' END" if column.masked else f"CAST({value} AS VARCHAR)"


def _row_text(pair: Pair, side: str) -> str:
    parts = [f"{quote(one.name)} := {_text(f'{side}{index}', one)}" for index, one in enumerate(pair.shared)]
    return f"CAST(struct_pack({', '.join(parts)}) AS VARCHAR)" if parts else "'(no common column)'"
