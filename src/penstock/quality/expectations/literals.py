"""Values and bounds of a contract as JSON numbers and texts that compare as they do in DuckDB."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.contract.column_types import is_number, is_whole
from penstock.contract.predicates import is_number_text
from penstock.quality.expectations.equivalence import NoEquivalentError

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXACT, _EXACT_FLOAT = 2**53, 2**24
_TRUTH = {"true": True, "false": False}

Value = str | int | float | bool


def value_set(values: Iterable[str], type_: str, *, as_text: bool = False) -> list[Value]:
    """Listed values, of the type of their column. With `as_text` they are compared as what is written, not as value.

    Raises:
        NoEquivalentError: values of the type do not compare so.
    """
    if type_ == "VARCHAR":
        return list(values)
    if is_whole(type_):
        numbers = [(text, _whole(text, type_)) for text in values if not as_text or _is_plain_whole(text)]
        return [number for text, number in numbers if not as_text or str(number) == text]
    if type_ == "BOOLEAN":
        return [_TRUTH[text] for text in values if text in _TRUTH]
    if type_ == "DOUBLE" and not as_text:
        return [float(text) for text in values]
    raise NoEquivalentError(f"listed values of type {type_} compare otherwise there")


def bound(text: str, type_: str, *, low: bool, strict: bool = False) -> Value:
    """A bound for a column of that type.

    A decimal that no binary number equals becomes the nearest that lies on its outer side (strict: on its inner side),
    so that the same decimals are within.

    Raises:
        NoEquivalentError: values of the type do not compare with such a bound.
    """
    if is_number(type_) and is_number_text(text):
        return _number(Decimal(text), type_, down=low != strict)
    if type_ == "DATE":
        return _day(text)
    if type_ == "TIMESTAMP":
        return _moment(text)
    raise NoEquivalentError(f"a column of type {type_} does not compare there with {text}")


def _number(exact: Decimal, type_: str, *, down: bool) -> int | float:
    if exact == exact.to_integral_value() and abs(exact) <= _EXACT:
        if type_ == "FLOAT" and abs(exact) > _EXACT_FLOAT:
            raise NoEquivalentError(f"{exact} is no exact FLOAT")
        return int(exact)
    nearest = float(exact)
    if type_ == "FLOAT" or not math.isfinite(nearest):
        raise NoEquivalentError(f"{exact} is no exact {type_}")
    if type_ == "DOUBLE":
        return nearest
    if abs(exact) > _EXACT:
        raise NoEquivalentError(f"{exact} is more than a number in JSON holds exactly")
    if down and Decimal(nearest) > exact:
        return math.nextafter(nearest, -math.inf)
    if not down and Decimal(nearest) < exact:
        return math.nextafter(nearest, math.inf)
    return nearest


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise NoEquivalentError(f"{text} is no day") from None


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NoEquivalentError(f"{text} is no moment") from None
    if moment.tzinfo is not None:
        raise NoEquivalentError(f"{text} has a zone, the column has none")
    return moment.isoformat()


def _whole(text: str, type_: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise NoEquivalentError(f"{text!r} is no {type_}") from None
    if abs(number) > _EXACT:
        raise NoEquivalentError(f"{text} is more than a number in JSON holds exactly")
    return number


def _is_plain_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()
