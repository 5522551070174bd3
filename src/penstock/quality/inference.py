"""Guesses what a relation's contract could promise, each with a confidence and the counts that it rests on.

A confidence is about the rows to come: what held without exception in n different values goes on holding with
n / (n + k), k larger for bolder promises; a bound that k rows touch will not be passed with k / (k + 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.contract.column_types import is_number
from penstock.contract.predicates import is_number_text
from penstock.model.sources import LANDED, plain
from penstock.quality.inference_sql import MOST_VALUES
from penstock.quality.personal import guess_personal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from penstock.quality.inference_sql import ColumnFacts, RelationFacts

HANDFUL = 20
"""With fewer rows nothing is called a key: in a handful of rows almost every column is one."""
_REQUIRED, _KEY, _PATTERN, _VALUE, _LOOK = 10, 25, 10, 50, 3
_ALMOST = 0.99
"""From this share on, a rule that some rows break is shown, with how many."""
_UNSURE = 0.5
_LONG = 100
"""Characters from which on a value is text and no word of a list."""


_OPEN_ENDED = frozenset(
    {
        "amount",
        "amounts",
        "balance",
        "bytes",
        "clicks",
        "cnt",
        "cost",
        "costs",
        "count",
        "counts",
        "days",
        "duration",
        "hours",
        "length",
        "minutes",
        "n",
        "num",
        "number",
        "price",
        "prices",
        "qty",
        "quantity",
        "revenue",
        "sales",
        "seconds",
        "size",
        "sum",
        "total",
        "totals",
        "turnover",
        "views",
        "visits",
        "volume",
    }
)
"""Words of names that say how much or how many: the next one may be larger."""


class GuessKind(StrEnum):
    """What a guess is about."""

    LOOKS_LIKE = "looks_like"
    REQUIRED = "required"
    KEY = "key"
    ACCEPTED_VALUES = "accepted_values"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    PATTERN = "pattern"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One thing that a contract could promise of some columns. `values` hold the bound, the pattern, the kind, the
    listed values, or the type; nothing for `required` and `key`. `holds` says that no row seen breaks it."""

    kind: GuessKind
    columns: tuple[str, ...]
    confidence: float
    reason: str
    values: tuple[str, ...] = ()
    holds: bool = True

    def sure(self, threshold: float) -> bool:
        """Whether it becomes a rule."""
        return self.holds and self.confidence >= threshold


def infer(facts: RelationFacts, counting: Collection[str] = ()) -> tuple[Guess, ...]:
    """Every guess, column by column, then keys. Values of columns that look personal are in none of them, and nothing
    is guessed of what landing adds but whether it is there. `counting` are columns (lower case) that count or add up:
    they have no upper end, nor do those whose names say so."""
    if not facts.rows:
        return ()
    found: list[Guess] = []
    keys = tuple(_keys(facts))
    best = next((key.columns for key in keys if key.holds), ())
    for one in facts.columns:
        if one.name in LANDED:
            found += _required(one, facts.rows)
            continue
        personal = tuple(_personal(one, facts))
        found += [*_looks(one), *_required(one, facts.rows)]
        if not personal:
            found += [*_values(one), *_bounds(one, _why_open(one.name, counting), key=(one.name,) == best)]
            found += _patterns(one)
        found += personal
    return (*found, *keys)


def _going_on(seen: int, doubt: int) -> float:
    return round(seen / (seen + doubt), 3)


def _looks(one: ColumnFacts) -> Iterator[Guess]:
    for type_, count in one.looks.items():
        if not one.filled or count < _ALMOST * one.filled or (type_ == "TIMESTAMP" and one.looks.get("DATE") == count):
            continue
        written = f"DECIMAL(18,{min(one.decimals, 9)})" if type_ == "DOUBLE" and 0 < one.decimals <= 9 else type_
        yield Guess(
            kind=GuessKind.LOOKS_LIKE,
            columns=(one.name,),
            values=(written,),
            confidence=round(_going_on(one.distinct, _LOOK) * count / one.filled, 3),
            reason=f"{count:,} of {one.filled:,} values can be read so",
        )
        return


def _required(one: ColumnFacts, rows: int) -> Iterator[Guess]:
    if one.nulls == 0:
        reason = f"none of {rows:,} rows is NULL"
        yield Guess(kind=GuessKind.REQUIRED, columns=(one.name,), confidence=_going_on(rows, _REQUIRED), reason=reason)
    elif one.nulls <= (1 - _ALMOST) * rows:
        reason = f"{one.nulls:,} of {rows:,} rows are NULL"
        share = round(_UNSURE * (1 - one.nulls / rows), 3)
        yield Guess(kind=GuessKind.REQUIRED, columns=(one.name,), confidence=share, reason=reason, holds=False)


def _values(one: ColumnFacts) -> Iterator[Guess]:
    if one.type != "VARCHAR" or not 1 < len(one.values) <= MOST_VALUES or one.looks:
        return
    if max(map(len, one.values)) > _LONG:
        return
    once = sum(1 for count in one.values.values() if count == 1)
    distinct = len(one.values)
    confidence = _going_on(one.filled, _VALUE * distinct) * (1 - once / distinct)
    if confidence <= 0:
        return
    rare = f", {once} of them once" if once else ""
    yield Guess(
        kind=GuessKind.ACCEPTED_VALUES,
        columns=(one.name,),
        values=tuple(sorted(one.values)),
        confidence=round(confidence, 3),
        reason=f"{distinct} different values in {one.filled:,} rows{rare}",
    )


def _why_open(name: str, counting: Collection[str]) -> str:
    """Why a number of that name has no upper end; empty where nothing says so."""
    if name.lower() in counting:
        return "it counts or adds up, and more rows make more of it"
    said = [word for word in plain(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).split("_") if word in _OPEN_ENDED]
    return f"{said[0]!r} in its name says how much or how many, and the next may be more" if said else ""


def _bounds(one: ColumnFacts, why_open: str, *, key: bool) -> Iterator[Guess]:
    """The extremes, as sure as rows touch them; never negative, as sure as values differ. Time goes on, keys do too.

    What is open-ended is shown its highest value, and not held to it.
    """
    if one.low is None or one.high is None or one.type == "VARCHAR" or one.distinct < 2:
        return
    number = is_number(one.type)
    if number and not (is_number_text(one.low) and is_number_text(one.high)):  # NaN and infinity bound nothing
        return
    low = Guess(
        kind=GuessKind.MINIMUM,
        columns=(one.name,),
        values=(one.low,),
        confidence=round(min(one.at_low / (one.at_low + 1), 1.0 if number else _UNSURE), 3),
        reason=f"{one.at_low:,} of {one.filled:,} rows are at the lowest, {one.low}",
    )
    positive = number and not one.low.startswith("-")
    never = Guess(
        kind=GuessKind.MINIMUM,
        columns=(one.name,),
        values=("0",),
        confidence=_going_on(one.distinct, _PATTERN),
        reason=f"none of {one.filled:,} values is negative, the lowest is {one.low}",
    )
    if positive and (key or never.confidence >= low.confidence or float(one.low) == 0):
        yield never
    elif not key:
        yield low
    if number and not key:
        sure = one.at_high / (one.at_high + 1) * (_UNSURE if why_open else 1)
        reason = f"{one.at_high:,} of {one.filled:,} rows are at the highest, {one.high}"
        yield Guess(
            kind=GuessKind.MAXIMUM,
            columns=(one.name,),
            values=(one.high,),
            confidence=round(sure, 3),
            reason=f"{reason}; no promise: {why_open}" if why_open else reason,
            holds=not why_open,
        )


def _patterns(one: ColumnFacts) -> Iterator[Guess]:
    if one.pattern is None or one.distinct < 2 or _is_measure(one):
        return
    if one.unlike > (1 - _ALMOST) * one.filled or one.empty:
        return
    holds = one.unlike == 0
    confidence = _going_on(one.distinct, _PATTERN)
    reason = f"all of {one.filled:,} values, {one.distinct:,} different ones, look so"
    if not holds:
        confidence, reason = _UNSURE, f"all but {one.unlike:,} of {one.filled:,} values look so"
    yield Guess(
        kind=GuessKind.PATTERN,
        columns=(one.name,),
        values=(one.pattern,),
        confidence=confidence,
        reason=reason,
        holds=holds,
    )


def _is_measure(one: ColumnFacts) -> bool:
    """Whether a text column holds numbers with decimals: how many digits they have is chance."""
    return one.decimals > 0 and one.looks.get("DOUBLE", 0) >= _ALMOST * one.filled


def _personal(one: ColumnFacts, facts: RelationFacts) -> Iterator[Guess]:
    guess = guess_personal(one.name, one.profile)
    if guess is None:
        return
    sampled = f", in a sample of {facts.sampled:,} rows" if facts.sampled < facts.rows else ""
    yield Guess(
        kind=GuessKind.PERSONAL,
        columns=(one.name,),
        values=(guess.kind,),
        confidence=guess.confidence,
        reason=f"{guess.reason}{sampled}",
    )


def _keys(facts: RelationFacts) -> Iterator[Guess]:
    """Keys without repeats first, the one whose columns stand first before others; nothing from a handful of rows."""
    if facts.rows < HANDFUL:
        return
    place = {one.name: index for index, one in enumerate(facts.columns)}
    fraction = {one.name for one in facts.columns if one.type in {"DOUBLE", "FLOAT"} or one.type.startswith("DECIMAL")}
    order = sorted(facts.keys.items(), key=lambda pair: (pair[1], bool(fraction & {*pair[0]}), place[pair[0][0]]))
    for columns, repeats in order:
        if repeats > (1 - _ALMOST) * facts.rows:
            continue
        confidence = _going_on(facts.rows, _KEY * len(columns))
        reason = f"no two of {facts.rows:,} rows share it"
        if fraction & {*columns}:
            confidence, reason = round(confidence * _UNSURE, 3), f"{reason}, but a measure is seldom a key"
        if repeats:
            confidence, reason = round(confidence * _UNSURE, 3), f"{repeats:,} of {facts.rows:,} rows repeat another"
        yield Guess(kind=GuessKind.KEY, columns=columns, confidence=confidence, reason=reason, holds=repeats == 0)
