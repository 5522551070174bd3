"""Values that travel as text and become what was declared, exactly or not at all, as DuckDB expressions.

Invariant: a value that would lose digits, a list within a list that was not declared, or a date that DuckDB reads as
another one is an error, never a nearby value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.databases import WHOLE_NUMBERS
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEFORE_CHRIST = "contains({0}, ' BC')"
_TIMED = f"regexp_matches({{0}}, {literal(r'[0-9][T ][0-9]')})"
_MIDNIGHT = f"regexp_matches({{0}}, {literal(r'[T ]00:00(:00([.]0+)?)?(Z|[+-]00(:?00)?)?$')})"
_FINER = r"[.][0-9]{{6}}[0-9]*[1-9]"  # braces stand twice: all of this is formatted once
_OFFSET = r"[+-][0-9][0-9](:?[0-9][0-9])?$"
_NO_MOMENT = f"regexp_matches({{0}}, {literal(rf'{_FINER}|:[0-9][0-9]([.][0-9]+)?[ ]*{_OFFSET}')})"
_NO_TIME = f"regexp_matches({{0}}, {literal(rf'^[+-]?[0-9]+-|{_FINER}|[0-9][ ]*{_OFFSET}|Z$')})"
_MOMENTS: Mapping[str, tuple[str, str]] = {
    "DATE": (f"{_BEFORE_CHRIST} OR ({_TIMED} AND NOT {_MIDNIGHT})", "before Christ, or with a time of day"),
    "TIME": (_NO_TIME, "with a day, with an offset, or too precise"),
    "TIMESTAMP": (f"{_BEFORE_CHRIST} OR {_NO_MOMENT}", "before Christ, with an offset, or too precise"),
    "TIMESTAMP WITH TIME ZONE": (_BEFORE_CHRIST, "before Christ"),
}
"""What is true of texts that are more than a value of a type, with their place as `{0}`, and how that is said."""


def from_text(expression: str, type_: str, column: str) -> str:
    """The value of a type that a text says."""
    cast = f"CAST({expression} AS {type_})"
    digits = _digits(type_)
    if digits is not None:
        lost = rf"[.]\d{{{digits}}}\d*[1-9]"
        power = f"regexp_matches({expression}, '[eE]') AND CAST({expression} AS DOUBLE) <> CAST({cast} AS DOUBLE)"
        fault = f"regexp_matches({expression}, {literal(lost)}) OR ({power})"
        careful = _unless(fault, cast, f"{column} would lose digits as {type_}")
        return f"CASE WHEN {_has_digits(expression, digits)} THEN {cast} ELSE {careful} END"
    if type_ in _MOMENTS:
        faults, said = _MOMENTS[type_]
        return _unless(faults.format(expression), cast, f"{column} holds what is no {type_} alone: {said}")
    return expression if type_ == "VARCHAR" else cast


def list_from_json(expression: str, type_: str, column: str) -> str:
    """The list of a type (with one or two `[]`) that a JSON array of texts says."""
    element, depth = type_.removesuffix("[]").removesuffix("[]"), type_.count("[]")
    deeper = literal("$" + "[0]" * depth)
    texts = f"CAST(CAST({expression} AS JSON) AS VARCHAR{'[]' * depth})"
    inner = from_text("v", element, column)
    made = texts
    if inner != "v":
        made = f"list_transform({texts}, lambda v: {inner})"
        if depth > 1:
            made = f"list_transform({texts}, lambda w: list_transform(w, lambda v: {inner}))"
    guard = f"json_type(CAST({expression} AS JSON), {deeper}) = 'ARRAY'"
    return _unless(guard, f"CAST({made} AS {type_})", f"{column} holds a list of more dimensions than {type_}")


def _digits(type_: str) -> int | None:
    """How many digits a type keeps behind the point, if it is a number that keeps so many."""
    if type_ in WHOLE_NUMBERS:
        return 0
    return int(type_.rstrip(")").rpartition(",")[2]) if type_.startswith("DECIMAL(") else None


def _has_digits(expression: str, digits: int) -> str:
    """Whether a text has just so many digits behind its point, which most have: four times as quick to see."""
    point = (
        f"instr({expression}, '.') = length({expression}) - {digits}" if digits else f"NOT contains({expression}, '.')"
    )
    return f"{point} AND NOT contains({expression}, 'e') AND NOT contains({expression}, 'E')"


def _unless(fault: str, good: str, message: str) -> str:
    """The value, or an error that does not show it: it may be personal."""
    return f"CASE WHEN {fault} THEN error({literal(message)}) ELSE {good} END"
