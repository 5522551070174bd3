"""What kind of value an expression is, as far as its annotated type tells."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Family(StrEnum):
    """Types that two databases treat alike; the values are words for messages."""

    INTEGER = "an integer"
    DECIMAL = "a DECIMAL"
    FLOAT = "a DOUBLE"
    TEXT = "text"
    BOOLEAN = "a BOOLEAN"
    DATE = "a DATE"
    TIMESTAMP = "a TIMESTAMP"
    ZONED = "a TIMESTAMPTZ"
    TIME = "a TIME"
    INTERVAL = "an INTERVAL"
    UUID = "a UUID"
    NULL = "NULL"
    UNKNOWN = "a type that is not known here"


_FAMILIES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT", "INT128"), Family.INTEGER),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINT", "UBIGINT", "UINT128"), Family.INTEGER),
    **dict.fromkeys(("DECIMAL",), Family.DECIMAL),
    **dict.fromkeys(("FLOAT", "DOUBLE"), Family.FLOAT),
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR"), Family.TEXT),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMP_S", "TIMESTAMP_MS"), Family.TIMESTAMP),
    "BOOLEAN": Family.BOOLEAN,
    "DATE": Family.DATE,
    "TIMESTAMPTZ": Family.ZONED,
    "TIME": Family.TIME,
    "INTERVAL": Family.INTERVAL,
    "UUID": Family.UUID,
    "NULL": Family.NULL,
}


def family(node: Expr) -> Family:
    """The family of an annotated expression."""
    return Family.UNKNOWN if node.type is None else _FAMILIES.get(node.type.this.name, Family.UNKNOWN)
