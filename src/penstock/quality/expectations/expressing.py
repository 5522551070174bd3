"""Patterns as they mean the same to Python, which Great Expectations asks, as to RE2, which DuckDB asks."""

from __future__ import annotations

import re

from penstock.quality.expectations.equivalence import NoEquivalentError

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_TOKEN = re.compile(r"\\(.)|(\[\^?\]?)|(\])|(\(\?(?!:|P<)[^)]*\)?)|(\$)", re.DOTALL)
_IGNORE_CASE = "(?i)"


def python_pattern(pattern: str) -> str:
    r"""The pattern for Python: classes of ASCII alone, and `$` only at the very end.

    Raises:
        NoEquivalentError: it holds what Python reads otherwise.

    >>> python_pattern(r"^\d{2}[\w-]$")
    '^[0-9]{2}[0-9A-Za-z_-]\\Z'
    """
    head, body = (_IGNORE_CASE, pattern[4:]) if pattern.startswith(_IGNORE_CASE) else ("", pattern)
    found: list[str] = []
    at, inside = 0, False
    for token in _TOKEN.finditer(body):
        found.append(body[at : token.start()])
        at = token.end()
        text, inside = _translated(token, inside=inside)
        found.append(text)
    return head + "".join(found) + body[at:]


def _translated(token: re.Match[str], *, inside: bool) -> tuple[str, bool]:
    """What stands in a token's place, and whether a class of characters is open after it."""
    escaped, opened, closed, group, end = token.groups()
    if escaped is not None:
        return _escaped(escaped, inside=inside), inside
    if opened is not None:
        if inside and token.string.startswith("[:", token.start()):
            raise NoEquivalentError("Python has no classes such as [:alpha:]")
        return token[0], True
    if inside or closed is not None:
        return token[0], inside and closed is None
    if group is not None:
        raise NoEquivalentError(f"{group} means something else to Python")
    return (r"\Z" if end else token[0]), inside


def _escaped(letter: str, *, inside: bool) -> str:
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES and not inside:
        return f"[^{_CLASSES[letter.lower()]}]"
    if letter.lower() in _CLASSES or letter in "bBQEpPCz":
        raise NoEquivalentError(f"\\{letter} means something else to Python")
    return f"\\{letter}"
