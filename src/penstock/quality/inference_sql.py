"""What is asked of a relation to infer its contract, in few scans: all columns in one query, sketches before exact
counts, so that memory does not grow with the rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import is_number, is_whole, normal_type
from penstock.quality.profiling import profiled
from penstock.quality.value_shapes import MOST_SHAPES, pattern_of, run_shape, shape
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.quality.profiling import ColumnProfile

    Ask = Callable[[str], Sequence[Any]]
    """Returns the one row of a query."""

SAMPLE_ROWS = 20_000
"""How many rows are looked at value by value; all of them are only counted."""
MOST_VALUES = 30
"""Distinct values up to which a column's values are listed and counted."""
MOST_KEYS = 6
"""How many candidate keys of each width are counted exactly."""
_NEAR = 0.9
"""From this share of the sample on, values that could be read as a type are all held against it."""
_SKETCHED = 0.7
"""A sketch of distinct values may be wrong by a tenth and more: from this share of the rows on, all may differ."""
_PADDED = "(^|[^0-9])0[0-9]"
"""A number that is filled up with zeros."""
_MOMENTS = ("%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%y %H:%M", "%d.%m.%Y", "%Y%m%d")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What all rows say of a column. `distinct` is a sketch's; `filled` rows hold neither NULL nor empty text.

    `low` and `high` are the extremes as text, `at_low` and `at_high` how many rows hold them; `values` counts each
    value where there are few; `looks` maps types that a text could be read as to how many filled rows can; `pattern`
    is what the sample's values look like, and `unlike` how many filled rows do not. `profile` is the sample's.
    """

    name: str
    type: str
    filled: int
    nulls: int
    empty: int
    distinct: int
    low: str | None
    high: str | None
    profile: ColumnProfile
    at_low: int = 0
    at_high: int = 0
    values: dict[str, int] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    pattern: str | None = None
    unlike: int = 0
    decimals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationFacts:
    """What all rows say. `sampled` rows were looked at value by value; `keys` are columns with how many rows repeat."""

    rows: int
    sampled: int
    columns: tuple[ColumnFacts, ...]
    keys: dict[tuple[str, ...], int] = field(default_factory=dict)


def gather(ask: Ask, relation: str, columns: Sequence[tuple[str, str]]) -> RelationFacts:
    """Everything that guesses rest on. `relation` is SQL text for after FROM, `columns` are names and types."""
    plain = [(name, normal_type(type_) or type_) for name, type_ in columns]
    rows, counted = _counted(ask, relation, plain)
    sample = relation
    if rows > SAMPLE_ROWS:
        sample = f"(SELECT * FROM {relation} USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (7)) AS sampled"
    profile = profiled(ask, sample, [name for name, _ in plain])
    patterns = _patterns(ask, sample, plain)
    facts = []
    for (name, type_), (filled, nulls, empty, distinct, low, high), looked in zip(
        plain, counted, profile.columns, strict=True
    ):
        facts.append(
            ColumnFacts(
                name=name,
                type=type_,
                filled=filled,
                nulls=nulls,
                empty=empty,
                distinct=min(distinct, filled),
                low=low,
                high=high,
                profile=looked,
                pattern=patterns.get(name),
            )
        )
    verified = _verified(ask, relation, facts, _moments(ask, sample, facts))
    return RelationFacts(rows=rows, sampled=profile.rows, columns=verified, keys=_keys(ask, relation, rows, verified))


def _counted(ask: Ask, relation: str, columns: Sequence[tuple[str, str]]) -> tuple[int, list[tuple[Any, ...]]]:
    parts = ["count(*)"]
    for name, type_ in columns:
        column = quote(name)
        blank = f"count(*) FILTER (WHERE {column} = '')" if type_ == "VARCHAR" else "0"
        ordered = type_ == "VARCHAR" or _measured(type_)
        parts += [f"count({column})", blank, f"approx_count_distinct({column})"]
        parts += [f"CAST({end}({column}) AS VARCHAR)" if ordered else "NULL" for end in ("min", "max")]
    rows, *values = ask(f"SELECT {', '.join(parts)} FROM {relation}")
    found = []
    for index in range(len(columns)):
        there, empty, distinct, low, high = values[index * 5 : index * 5 + 5]
        found.append((there - empty, rows - there, empty, distinct, low, high))
    return int(rows), found


def _patterns(ask: Ask, sample: str, columns: Sequence[tuple[str, str]]) -> dict[str, str]:
    texts = [name for name, type_ in columns if type_ == "VARCHAR"]
    if not texts:
        return {}
    parts = []
    for name in texts:
        text = f"nullif({quote(name)}, '')"
        parts += [f"approx_top_k({form(text)}, {MOST_SHAPES + 1})" for form in (shape, run_shape)]
        parts += [f"count({text})", f"approx_count_distinct({text})", f"count_if(regexp_matches({text}, '{_PADDED}'))"]
    found = ask(f"SELECT {', '.join(parts)} FROM {sample}")
    patterns = {}
    for index, name in enumerate(texts):
        *tops, filled, distinct, padded = found[index * 5 : index * 5 + 5]
        shapes, runs = ([one for one in top or () if one is not None] for top in tops)
        grows = not padded and _counts(shapes, varied=distinct >= _SKETCHED * filled)
        if pattern := pattern_of([] if grows else shapes, runs):
            patterns[name] = pattern
    return patterns


def _counts(shapes: Sequence[str], *, varied: bool) -> bool:
    """Whether values look counted, so that they grow longer: plain numbers, or numbers in what hardly repeats.

    The caller knows that none of them is filled up with zeros, which counted values of a fixed width are.
    """
    return all(set(one) == {"9"} for one in shapes) or (varied and all("9" in one for one in shapes))


def _moments(ask: Ask, sample: str, columns: Sequence[ColumnFacts]) -> dict[str, str]:
    """For text that may be a moment in another form than ISO's: the form that most of the sample has."""
    texts = [one.name for one in columns if one.type == "VARCHAR" and one.pattern and not one.profile.timestamps]
    if not texts:
        return {}
    parts = [f"count(try_strptime({quote(name)}, {literal(form)}))" for name in texts for form in _MOMENTS]
    found = ask(f"SELECT {', '.join(parts)} FROM {sample}")
    best = {}
    for index, name in enumerate(texts):
        counts = found[index * len(_MOMENTS) : (index + 1) * len(_MOMENTS)]
        most = max(counts)
        if most:
            best[name] = _MOMENTS[counts.index(most)]
    return best


def _verified(
    ask: Ask, relation: str, columns: Sequence[ColumnFacts], moments: dict[str, str]
) -> tuple[ColumnFacts, ...]:
    """The facts with what only all rows can tell: one scan for every column."""
    wanted: list[tuple[int, str, str]] = []
    for index, one in enumerate(columns):
        wanted += [(index, key, sql) for key, sql in _questions(one, moments.get(one.name))]
    if not wanted:
        return tuple(columns)
    answers = ask(f"SELECT {', '.join(sql for _, _, sql in wanted)} FROM {relation}")
    changed: dict[int, dict[str, Any]] = {}
    for (index, key, _), answer in zip(wanted, answers, strict=True):
        mine = changed.setdefault(index, {})
        if key.startswith("looks:"):
            mine.setdefault("looks", {})[key.removeprefix("looks:")] = int(answer)
        elif key == "values":
            mine[key] = {str(value): int(count) for value, count in (answer or {}).items()}
        else:
            mine[key] = int(answer or 0)
    return tuple(replace(one, **changed.get(index, {})) for index, one in enumerate(columns))


def _questions(one: ColumnFacts, moment: str | None) -> list[tuple[str, str]]:
    column, asked = quote(one.name), []
    if _measured(one.type) and one.low is not None:
        for key, bound in (("at_low", one.low), ("at_high", one.high)):
            asked.append((key, f"count(*) FILTER (WHERE {column} = CAST({literal(bound)} AS {one.type}))"))
    if one.type == "VARCHAR" and one.filled:
        asked += _readings(one, column, moment)
        if one.pattern:
            unlike = f"NOT regexp_full_match({column}, {literal(one.pattern)})"
            asked.append(("unlike", f"count(*) FILTER (WHERE {column} <> '' AND {unlike})"))
    if one.type in {"VARCHAR", "BOOLEAN"} and 0 < one.distinct <= MOST_VALUES:
        asked.append(("values", f"histogram({column})"))
    return asked


def _readings(one: ColumnFacts, column: str, moment: str | None) -> list[tuple[str, str]]:
    """Types that the sample suggests for a text, each with how many rows can be read so."""
    seen, text = one.profile, f"nullif({column}, '')"
    readings: list[tuple[str, str]] = []
    if seen.share(seen.integers) >= _NEAR:
        code = f"regexp_full_match({column}, '0[0-9]+')"
        readings.append(("BIGINT", f"count(TRY_CAST(CASE WHEN NOT {code} THEN {text} END AS BIGINT))"))
    elif seen.share(seen.decimals) >= _NEAR:
        readings.append(("DOUBLE", f"count(TRY_CAST({text} AS DOUBLE))"))
        readings.append(("decimals", f"max(length(split_part({column}, '.', 2)))"))
    if seen.share(seen.timestamps) >= _NEAR:
        clock = f"count(*) FILTER (WHERE regexp_full_match({column}, '.*[T ][0-9]+:.*'))"
        dates = f"CASE WHEN {clock} = 0 THEN count(TRY_CAST({text} AS DATE)) ELSE 0 END"
        readings += [("DATE", dates), ("TIMESTAMP", f"count(TRY_CAST({text} AS TIMESTAMP))")]
    elif moment:
        kind = "TIMESTAMP" if "%H" in moment else "DATE"
        readings.append((f"{kind} as {moment}", f"count(try_strptime({text}, {literal(moment)}))"))
    if seen.shortest == seen.longest == 36:
        readings.append(("UUID", f"count(TRY_CAST({text} AS UUID))"))
    return [(key if key == "decimals" else f"looks:{key}", sql) for key, sql in readings]


def _keys(ask: Ask, relation: str, rows: int, columns: Sequence[ColumnFacts]) -> dict[tuple[str, ...], int]:
    """Columns, else pairs of them, in which by a sketch no row repeats another, with how many do: counted exactly."""
    whole = [one for one in columns if one.filled == rows and not one.type.endswith("]")]
    varied = [one for one in whole if one.distinct >= _SKETCHED * rows]
    singles = [(one.name,) for one in sorted(varied, key=lambda one: _measured(one.type) and not is_whole(one.type))]
    found: dict[tuple[str, ...], int] = {key: _repeats(ask, relation, key) for key in singles[:MOST_KEYS]}
    if any(count == 0 for count in found.values()) or not rows:
        return found
    some = sorted(whole, key=lambda one: -one.distinct)[:10]
    order = {one.name: index for index, one in enumerate(columns)}
    pairs = [
        tuple(sorted((left.name, right.name), key=order.__getitem__))
        for index, left in enumerate(some)
        for right in some[index + 1 :]
        if left.distinct * right.distinct >= _SKETCHED**2 * rows and right.distinct > 1
    ]
    if not pairs:
        return found
    sketches = ", ".join(f"approx_count_distinct(({quote(left)}, {quote(right)}))" for left, right in pairs)
    distinct = ask(f"SELECT {sketches} FROM {relation}")
    near = sorted((-count, pair) for count, pair in zip(distinct, pairs, strict=True) if count >= _SKETCHED * rows)
    return found | {pair: _repeats(ask, relation, pair) for _, pair in near[:MOST_KEYS]}


def _repeats(ask: Ask, relation: str, key: tuple[str, ...]) -> int:
    groups = f"SELECT count(*) AS n FROM {relation} GROUP BY {', '.join(map(quote, key))} HAVING count(*) > 1"
    return int(ask(f"SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM ({groups}) AS repeated")[0])


def _measured(type_: str) -> bool:
    """Whether values of a type lie on a scale whose ends can be promised."""
    return is_number(type_) or type_ == "DATE" or type_.startswith("TIMESTAMP")
