"""A value that a connector brings, as the text from which it becomes what was declared."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable


def as_text(value: Any) -> str | None:
    """A value as text: moments with a zone in UTC, what is nested as JSON.

    >>> [as_text(value) for value in (7, True, None, "7", [1, "a"])]
    ['7', 'true', None, '7', '[1, "a"]']
    """
    make = _TEXTS.get(type(value))
    return make(value) if make is not None else _other(value)


def as_json(value: Any) -> str | None:
    """A value as JSON. A decimal that a number of JSON would not keep is a text there.

    >>> [as_json(value) for value in ("a", None, {"price": Decimal("0.10"), "id": Decimal(2**64 + 1)})]
    ['"a"', None, '{"price": 0.1, "id": "18446744073709551617"}']
    """
    return None if value is None else json.dumps(value, default=_plain, ensure_ascii=False)


def _other(value: Any) -> str | None:
    """Values of other classes by what they are kinds of: dates of pendulum, numbers of numpy."""
    for kind, make in _TEXTS.items():
        if isinstance(value, kind):
            return make(value)
    return str(value.item()) if hasattr(value, "item") else str(value)


def _moment(value: datetime) -> str:
    return value.isoformat() if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _plain(value: Any) -> Any:
    """For JSON: what it has no words for."""
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else str(value)
    return list(value) if isinstance(value, tuple | set | frozenset) else as_text(value)


_TEXTS: dict[type, Callable[[Any], str | None]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    type(None): lambda _value: None,
    Decimal: str,
    datetime: _moment,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: str,
    UUID: str,
    bytes: bytes.hex,
    dict: as_json,
    list: as_json,
    tuple: as_json,
}
