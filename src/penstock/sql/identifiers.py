"""Names and values as safe DuckDB SQL text: whatever they hold, they stay one name or one value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_HUGEINT = 2**127
_MAX_DIGITS = 38

Literal = str | int | bool | Decimal | date | datetime | None


def quote(name: str) -> str:
    """The name as a quoted identifier.

    >>> quote('say "hi"')
    '"say ""hi\"""'

    Raises:
        ValueError: the name is empty, holds a NUL character, or cannot be written as UTF-8.
    """
    if not name:
        raise ValueError("an identifier cannot be empty")
    return '"' + _plain(name).replace('"', '""') + '"'


def table(schema: str, name: str) -> str:
    """The quoted name of a table in a schema.

    Raises:
        ValueError: as `quote`.
    """
    return f"{quote(schema)}.{quote(name)}"


def literal(value: Literal) -> str:
    """The value as a SQL literal of the DuckDB type nearest to it; an aware datetime becomes a TIMESTAMPTZ in UTC.

    Raises:
        ValueError: DuckDB has no exact place for it (NUL in text, an int beyond HUGEINT, a decimal beyond 38 digits).
        TypeError: it is of another type.
    """
    # bool is an int, and datetime a date, to isinstance.
    for kind, written in _WRITTEN.items():
        if isinstance(value, kind):
            return written(value)
    raise TypeError(f"no SQL literal for a {type(value).__name__}")


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL text cannot hold a NUL character")
    text.encode()
    return text


def _integer(value: int) -> str:
    if not -_HUGEINT <= value < _HUGEINT:
        raise ValueError(f"{value} does not fit a HUGEINT")
    return str(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - only what is not finite has another
    scale = max(-exponent, 0)
    width = max(len(digits) + max(exponent, 0), scale, 1)
    if width > _MAX_DIGITS:
        raise ValueError(f"{value} needs more than {_MAX_DIGITS} digits")
    return f"CAST('{value:f}' AS DECIMAL({width}, {scale}))"


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMPTZ '{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}+00'"


_WRITTEN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "TRUE" if value else "FALSE",
    int: _integer,
    str: lambda value: "'" + _plain(value).replace("'", "''") + "'",
    Decimal: _decimal,
    datetime: _moment,
    date: lambda value: f"DATE '{value.isoformat()}'",
}
