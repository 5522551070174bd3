"""The parts of a comparison's SQL. Columns stand under ordinals (`c0`, `c1`, …), so that no name of theirs can collide.

Examples are rows of: column or NULL, old value, new value, the key's values (`v0`, `v1`, …), and what orders them.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.contract.column_types import is_float, is_number, normal_type
from penstock.quality.masking import MASK
from penstock.sql.identifiers import literal, quote

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two relations: SQL text that stands after FROM, without an alias, and its columns with their types.

    Names of up to six letters are a comparison's own: a table with so short a name needs its schema before it.
    """

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
    def has_fractions(self) -> bool:
        """Whether its old values could have some."""
        return is_float(self.old_type) or (self.old_type.startswith("DECIMAL") and not self.old_type.endswith(",0)"))

    @property
    def expression(self) -> str:
        """What is compared: the value, or its text where the two types do not compare."""
        return self._compared(quote(self.name))

    def of(self, alias: str) -> str:
        """The same of the row that stands under that alias."""
        return self._compared(f"{alias}.{quote(self.name)}")

    def _compared(self, column: str) -> str:
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

    @property
    def fractional(self) -> tuple[Shared, ...]:
        """The numeric columns whose old values could have fractions."""
        return tuple(column for column in self.shared if column.numeric and column.has_fractions)


def shared_columns(old: Side, new: Side, masked: frozenset[str]) -> tuple[Shared, ...]:
    """The columns both sides have, in the new side's order."""
    before = dict(old.columns)
    return tuple(
        Shared(name=name, old_type=_normal(before[name]), new_type=_normal(type_), masked=name in masked)
        for name, type_ in new.columns
        if name in before
    )


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


def changed_values(pair: Pair) -> list[str]:
    """For each column, how many values gave way to others among the rows of `moved`."""
    came, went = "coalesce(sum(d) FILTER (WHERE d > 0), 0)", "coalesce(-sum(d) FILTER (WHERE d < 0), 0)"
    groups = (f"SELECT sum(d) AS d FROM moved GROUP BY c{index}" for index, _ in enumerate(pair.shared))
    return [f"(SELECT least({came}, {went}) FROM ({grouped}) AS values_moved)" for grouped in groups]


def keyless_examples(pair: Pair) -> str:
    """The first few rows of `moved` that were added and removed, in the order of their columns."""
    order = [f"c{index}" for index, _ in enumerate(pair.shared)] or ["d"]
    row = _row_text(pair, "c")
    selects = [
        _few(0, ["NULL", "NULL", row], "FROM moved WHERE d > 0", order, pair.limit),
        _few(1, ["NULL", row, "NULL"], "FROM moved WHERE d < 0", order, pair.limit),
    ]
    return _together(selects, 3)


def moved_rows(pair: Pair) -> str:
    """`moved`: the rows that one side has more of; `d` is how many more the new side has."""
    columns = ", ".join(f"{column.expression} AS c{index}" for index, column in enumerate(pair.shared)) or "1 AS c0"
    names = ", ".join(f"c{index}" for index, _ in enumerate(pair.shared)) or "c0"
    old, new = pair.old.relation, pair.new.relation
    rows = f"SELECT {columns}, -1 AS s FROM {old} UNION ALL SELECT {columns}, 1 AS s FROM {new}"
    differing = f"SELECT {names}, sum(s) AS d FROM ({rows}) AS sides GROUP BY {names} HAVING sum(s) <> 0"
    return f"moved AS MATERIALIZED ({differing})"


def totals(pair: Pair) -> str:
    """`ot` and `wt`: each side's rows (`n`) and the total of each column."""
    return ", ".join(
        f"{name} AS (SELECT {', '.join(['count(*) AS n', *_totals(pair, side)])} FROM {side.relation})"
        for name, side in (("ot", pair.old), ("wt", pair.new))
    )


def fractions_query(pair: Pair) -> str:
    """One row: for each fractional column how many values the old and the new side have, and how many have a fraction.

    There is one, at least.
    """
    counts = []
    for name in (quote(column.name) for column in pair.fractional):
        for counted in (f"count({name})", f"count(*) FILTER (WHERE {name} <> trunc({name}))"):
            counts += [f"(SELECT {counted} FROM {side.relation})" for side in (pair.old, pair.new)]
    return f"SELECT {', '.join(counts)}"


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


def _totals(pair: Pair, side: Side) -> list[str]:
    old = side is pair.old
    return [
        f"{column.total(quote(column.name), column.old_type if old else column.new_type)} AS t{index}"
        for index, column in enumerate(pair.shared)
    ]


def _few(part: int, values: list[str], source: str, order: list[str], limit: int) -> str:
    """The first rows by `order`; numbered only then, so that the rest need not be sorted."""
    names = ", ".join(f"{value} AS v{index}" for index, value in enumerate(values))
    by = ", ".join(order)
    first = f"(SELECT * {source} ORDER BY {by} LIMIT {limit}) AS first_rows"
    return f"(SELECT {names}, {part} AS part, row_number() OVER (ORDER BY {by}) AS place FROM {first})"


def _together(selects: list[str], width: int) -> str:
    names = ", ".join(f"v{index}" for index in range(width))
    return f"SELECT {names}, part, place FROM ({' UNION ALL '.join(selects)}) AS examples"


def _text(value: str, column: Shared) -> str:
    return f"CASE WHEN {value} IS NOT NULL THEN '{MASK}' END" if column.masked else f"CAST({value} AS VARCHAR)"


def _row_text(pair: Pair, side: str) -> str:
    parts = [f"{quote(one.name)} := {_text(f'{side}{index}', one)}" for index, one in enumerate(pair.shared)]
    return f"CAST(struct_pack({', '.join(parts)}) AS VARCHAR)" if parts else "'(no common column)'"
