"""Regular expressions of DuckDB (RE2) as Postgres writes them, where both find the same.

Without the letters that mean other signs there: `\\w`, `\\d` and `\\s` become the ASCII signs that RE2 means, `.` is
everything but the end of a line. Whatever else begins with a backslash and a letter or digit is refused.
"""

from __future__ import annotations

import re

_ESCAPES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_TOKEN = re.compile(
    r"(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\\[])*\])|(?P<group>\((?:\?:)?(?!\?))|(?P<count>\{\d{1,3}(?:,\d{0,3})?\})"
    r"|(?P<any>\.)|(?P<plain>[^\\\[\](){}])|(?P<close>\))",
    re.DOTALL,
)
_SET_PART = re.compile(r"\\(.)", re.DOTALL)
_MOST = 255


class PatternError(ValueError):
    """The pattern uses what was not looked at."""


def to_postgres_pattern(pattern: str) -> str:
    """The pattern for Postgres's `~` under the collation "C".

    >>> to_postgres_pattern(r"^\\d{3}-.$")
    '^[0-9]{3}-[^\\\\n]$'

    Raises:
        PatternError: it holds what Postgres may read otherwise.
    """
    pieces = []
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise PatternError(f"{pattern[at : at + 8]!r} was not looked at")
        pieces.append(_piece(found))
        at = found.end()
    # an embedded option or a directive at the start would be read as such
    text = "".join(pieces)
    if text.startswith("***"):
        raise PatternError("it begins with ***")
    return text


def _piece(found: re.Match[str]) -> str:
    text = found[0]
    match found.lastgroup:
        case "escape":
            sign = text[1]
            if sign in _ESCAPES:
                return f"[{_ESCAPES[sign]}]"
            return _escaped(sign)
        case "set":
            return _SET_PART.sub(lambda part: _ESCAPES.get(part[1]) or _escaped(part[1]), text)
        case "any":
            return r"[^\n]"
        case "count":
            if any(int(number) > _MOST for number in re.findall(r"\d+", text)):
                raise PatternError(f"{text} repeats more than {_MOST} times")
    return text


def _escaped(sign: str) -> str:
    if sign.isalnum():
        raise PatternError(f"\\{sign} was not looked at")
    return f"\\{sign}"
