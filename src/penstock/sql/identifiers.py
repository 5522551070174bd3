"""Names and values as safe DuckDB SQL text: whatever they hold, they stay one name or one value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

_HUGEINT = 2**127
_BIGINT = 2**63
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
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        return "'" + _plain(value).replace("'", "''") + "'"
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    raise TypeError(f"no SQL literal for a {type(value).__name__}")


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL text cannot hold a NUL character")
    text.encode()
    return text


def _integer(value: int) -> str:
    if not -_HUGEINT <= value < _HUGEINT:
        raise ValueError(f"{value} does not fit a HUGEINT")
    # A bare literal beyond BIGINT may be read as a DOUBLE.
    return str(value) if -_BIGINT < value < _BIGINT else f"CAST('{value}' AS HUGEINT)"


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
