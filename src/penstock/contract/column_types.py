"""DuckDB's type names: their one normal spelling, and the ODCS logical type each stands for."""

from __future__ import annotations

import re

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "BIGINT": ("INT8", "LONG", "INT64", "OID"),
    "BIGNUM": ("VARINT",),
    "BIT": ("BITSTRING",),
    "BLOB": ("BINARY", "BYTEA", "VARBINARY"),
    "BOOLEAN": ("BOOL", "LOGICAL"),
    "DATE": (),
    "DECIMAL": ("DEC", "NUMERIC"),
    "DOUBLE": ("FLOAT8", "DOUBLE PRECISION"),
    "ENUM": (),
    "FLOAT": ("FLOAT4", "REAL"),
    "HUGEINT": ("INT128",),
    "INTEGER": ("INT4", "SIGNED", "INT", "INT32", "INTEGRAL"),
    "INTERVAL": (),
    "JSON": (),
    "MAP": (),
    "SMALLINT": ("INT2", "INT16", "SHORT"),
    "STRUCT": ("ROW",),
    "TIME": ("TIME WITHOUT TIME ZONE",),
    "TIME WITH TIME ZONE": ("TIMETZ",),
    "TIMESTAMP": ("DATETIME", "TIMESTAMP_US", "TIMESTAMP WITHOUT TIME ZONE"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMPTZ",),
    "TIMESTAMP_MS": (),
    "TIMESTAMP_NS": (),
    "TIMESTAMP_S": (),
    "TINYINT": ("INT1",),
    "UBIGINT": ("UINT64",),
    "UHUGEINT": ("UINT128",),
    "UINTEGER": ("UINT32",),
    "UNION": (),
    "USMALLINT": ("UINT16",),
    "UTINYINT": ("UINT8",),
    "UUID": ("GUID",),
    "VARCHAR": ("BPCHAR", "CHAR", "CHARACTER VARYING", "NVARCHAR", "STRING", "TEXT"),
}
_NORMAL = {word: name for name, others in _SPELLINGS.items() for word in (name, *others)}
_NESTED = {"STRUCT", "UNION", "MAP", "ENUM"}
_INTEGERS = frozenset(name for name in _SPELLINGS if name.endswith("INT") or name in {"INTEGER", "UINTEGER", "BIGNUM"})
_FRACTIONS = frozenset({"DECIMAL", "DOUBLE", "FLOAT"})
_LOGICAL = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(_FRACTIONS, "number"),
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "TIME WITH TIME ZONE": "time",
    "STRUCT": "object",
    "UNION": "object",
    "MAP": "object",
}
_PHYSICAL = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
}


def normal_type(text: str) -> str | None:
    """The spelling DuckDB itself reports for a type, or None if it is no type of DuckDB.

    >>> normal_type("numeric(10)"), normal_type("text[]"), normal_type("STRUCT(a int)")
    ('DECIMAL(10,0)', 'VARCHAR[]', 'STRUCT(a INTEGER)')
    """
    text = text.strip()
    if listed := re.fullmatch(r"(.+?)\s*(\[\d*\])", text, re.DOTALL):
        inner = normal_type(listed[1])
        return inner and inner + listed[2]
    called = re.fullmatch(r"([A-Za-z][A-Za-z0-9_ ]*?)\s*\((.*)\)", text, re.DOTALL)
    head, arguments = (called[1], called[2]) if called else (text, None)
    name = _NORMAL.get(" ".join(head.upper().split()))
    if name == "DECIMAL":
        return _decimal(arguments)
    if name in _NESTED:
        return None if arguments is None else _nested(name, _parts(arguments))
    if arguments is not None and not (name in {"VARCHAR", "FLOAT"} and arguments.strip().isdigit()):
        return None
    return name


def logical_type(normal: str) -> str:
    """The ODCS v3.1 logical type of a normal DuckDB type; what has no better one is a string."""
    if normal.endswith("]"):
        return "array"
    head = normal.partition("(")[0]
    return "timestamp" if head.startswith("TIMESTAMP") else _LOGICAL.get(head, "string")


def physical_type(logical: str) -> str | None:
    """The DuckDB type that an ODCS logical type means by itself, or None if it leaves the choice open."""
    return _PHYSICAL.get(logical)


def is_number(normal: str) -> bool:
    """Whether a normal type can be added up."""
    return not normal.endswith("]") and normal.partition("(")[0] in _INTEGERS | _FRACTIONS


def is_whole(normal: str) -> bool:
    """Whether a normal type holds whole numbers alone."""
    return normal in _INTEGERS


def is_float(normal: str) -> bool:
    """Whether a normal type's sums depend on their order."""
    return normal in {"DOUBLE", "FLOAT"}


def decimal_size(normal: str) -> tuple[int, int] | None:
    """Precision and scale of a normal DECIMAL type."""
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", normal)
    return (int(match[1]), int(match[2])) if match else None


def _decimal(arguments: str | None) -> str | None:
    if arguments is None:
        return "DECIMAL(18,3)"
    match = re.fullmatch(r"\s*(\d+)\s*(?:,\s*(\d+)\s*)?", arguments)
    if match is None or not int(match[2] or 0) <= int(match[1]) <= 38 or int(match[1]) == 0:
        return None
    return f"DECIMAL({int(match[1])},{int(match[2] or 0)})"


def _nested(name: str, parts: list[str]) -> str | None:
    if name == "ENUM":
        good = all(re.fullmatch(r"'(?:[^']|'')*'", part) for part in parts)
        return f"ENUM({', '.join(parts)})" if good else None
    if name == "MAP":
        inner = [normal_type(part) for part in parts]
        return f"MAP({inner[0]}, {inner[1]})" if len(inner) == 2 and all(inner) else None
    fields = [_field(part) for part in parts]
    return f"{name}({', '.join(field for field in fields if field)})" if all(fields) else None


def _field(part: str) -> str | None:
    match = re.fullmatch(r'("(?:[^"]|"")+"|\w+)\s+(.+)', part, re.DOTALL)
    inner = normal_type(match[2]) if match else None
    return f"{match[1]} {inner}" if match and inner else None


def _parts(text: str) -> list[str]:
    """`text` cut at the commas that lie in no quotes and no parentheses."""
    parts, start, depth = [], 0, 0
    for token in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[(),]", text):
        if token[0] == "," and depth == 0:
            parts.append(text[start : token.start()].strip())
            start = token.end()
        depth += {"(": 1, ")": -1}.get(token[0], 0)
    return [*parts, text[start:].strip()]
