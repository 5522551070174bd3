"""Types of columns: as Airbyte's schemas name them, and as values of a sample look."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ZONED = "TIMESTAMP WITH TIME ZONE"
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG)?INT(EGER)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?")
_LONGEST = 64


def type_of_schema(schema: Mapping[str, Any]) -> str:
    """The DuckDB type of what a JSON schema of Airbyte describes.

    >>> type_of_schema({"type": ["null", "string"], "format": "date"})
    'DATE'
    >>> [type_of_schema({"type": name}) for name in ("integer", "number", "object", "boolean", "string")]
    ['BIGINT', 'DOUBLE', 'JSON', 'BOOLEAN', 'VARCHAR']
    """
    said = schema.get("type")
    names = [name for name in ([said] if isinstance(said, str) else said or []) if name != "null"]
    if len(names) != 1:
        return "JSON" if {"object", "array"} & {*names} or not names else "VARCHAR"
    if names[0] != "string":
        whole = schema.get("airbyte_type") == "integer"
        return "BIGINT" if whole else _KINDS.get(names[0], "JSON")
    if schema.get("format") == "date":
        return "DATE"
    if schema.get("format") == "date-time":
        return "TIMESTAMP" if schema.get("airbyte_type") == "timestamp_without_timezone" else ZONED
    return "VARCHAR"


_KINDS = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "object": "JSON", "array": "JSON"}


def json_schema(types: Mapping[str, str]) -> dict[str, Any]:
    """The JSON schema of rows of these types, as Airbyte would describe them."""
    properties = {name: _schema(type_) for name, type_ in types.items()}
    return {"type": "object", "additionalProperties": True, "properties": properties}


def _schema(type_: str) -> dict[str, Any]:
    kinds = "integer" if _WHOLE.fullmatch(type_) else _NAMES.get(type_.partition("(")[0])
    if kinds is not None:
        return {"type": ["null", *kinds.split()]}
    if type_ == "DATE":
        return {"type": ["null", "string"], "format": "date"}
    if type_.startswith("TIMESTAMP"):
        zone = "timestamp_with_timezone" if type_ == ZONED else "timestamp_without_timezone"
        return {"type": ["null", "string"], "format": "date-time", "airbyte_type": zone}
    return {"type": ["null", "string"]}


_NAMES = {
    "DOUBLE": "number",
    "FLOAT": "number",
    "DECIMAL": "number",
    "BOOLEAN": "boolean",
    "JSON": "object array string number boolean",
}


def type_of_values(values: Iterable[Any]) -> str:
    """The narrowest type that all values of a sample have; what is empty or of several kinds is text, or JSON.

    >>> [type_of_values(values) for values in ([1, None], [1, 2.5], ["2024-01-01"], [{"a": 1}, 1], [None])]
    ['BIGINT', 'DOUBLE', 'DATE', 'JSON', 'VARCHAR']
    """
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) == 1:
        return kinds.pop()
    if "JSON" in kinds:
        return "JSON"
    return "DOUBLE" if kinds and kinds <= {"BIGINT", "DOUBLE", "DECIMAL(38,9)"} else "VARCHAR"


def _kind(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        return "VARCHAR"
    named = next((name for kind, name in _CLASSES if isinstance(value, kind)), None)
    if named is not None:
        return named
    text = value.isoformat() if hasattr(value, "isoformat") else value
    if not isinstance(text, str) or len(text) > _LONGEST:
        return "VARCHAR"
    moment = _MOMENT.fullmatch(text)
    if moment:
        return ZONED if moment["zone"] else "TIMESTAMP"
    return "DATE" if _DAY.fullmatch(text) else "VARCHAR"


_CLASSES: tuple[tuple[Any, str], ...] = (
    (bool, "BOOLEAN"),
    (int, "BIGINT"),
    (float, "DOUBLE"),
    (Decimal, "DECIMAL(38,9)"),
    ((dict, list, tuple), "JSON"),
)
