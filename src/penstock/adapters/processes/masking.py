"""Takes the values of secrets out of text, however it is cut into pieces, also as Base64 and in URLs.

A value of fewer than four characters (eight, if nobody declared it) cannot be told from ordinary text. It stays.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = b"***"
SHORTEST = 4
SHORTEST_GUESSED = 8
SHORTEST_LINE = 12
_NAMES = re.compile(r"(?i)(?:.*_)?(?:KEY|TOKEN|SECRET|PASSWD|PASSPHRASE)|.*PASSWORD.*|.*SECRET_.*KEY.*")


def looks_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret, by the look of it.

    >>> [looks_secret(name) for name in ("AWS_SECRET_ACCESS_KEY", "PENSTOCK_PASSPHRASE", "PATH", "PENSTOCK_KEYS")]
    [True, True, False, False]
    """
    return _NAMES.fullmatch(name) is not None


def secrets_of(environment: Mapping[str, str], declared: Iterable[str]) -> frozenset[str]:
    """The values of an environment that must not be shown: those declared, and those that look like secrets."""
    known = {environment[name] for name in declared if name in environment}
    guessed = {value for name, value in environment.items() if looks_secret(name) and len(value) >= SHORTEST_GUESSED}
    return frozenset(known | guessed)


class Mask:
    """Replaces secrets by `***`. As a stream: `feed` gives out what cannot be the beginning of a secret."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = sorted({form for value in values for form in _forms(value)}, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, forms))) if forms else None
        self._longest = max(map(len, forms), default=0)
        self._by_first: dict[int, list[bytes]] = {}
        for form in forms:
            self._by_first.setdefault(form[0], []).append(form)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The masked text up to where a secret may have begun."""
        if self._pattern is None:
            return data
        text = self._held + data
        cut = self._open_end(text)
        for match in self._pattern.finditer(text):
            if match.start() < cut < match.end():
                cut = match.start()
        self._held = text[cut:]
        return self._pattern.sub(MASK, text[:cut])

    def finish(self) -> bytes:
        """What was held back, masked."""
        rest, self._held = self._held, b""
        return rest if self._pattern is None else self._pattern.sub(MASK, rest)

    def text(self, text: str) -> str:
        """One whole text, masked."""
        if self._pattern is None:
            return text
        return self._pattern.sub(MASK, text.encode(errors="surrogateescape")).decode(errors="replace")

    def _open_end(self, text: bytes) -> int:
        """Where the longest end of the text stands that is the beginning of a secret; the text's length if none is."""
        for place in range(max(0, len(text) - self._longest + 1), len(text)):
            candidates = self._by_first.get(text[place])
            if candidates:
                end = text[place:]
                if any(len(form) > len(end) and form.startswith(end) for form in candidates):
                    return place
        return len(text)


def _forms(value: str) -> Iterator[bytes]:
    """The ways in which a value is written: as it is, line by line, in JSON, in URLs, in Base64."""
    if len(value) < SHORTEST:
        return
    lines = [line for line in value.splitlines() if len(line) >= SHORTEST_LINE]
    for part in {value, value.strip(), *(lines if len(lines) > 1 else ())}:
        if len(part) < SHORTEST:
            continue
        data = part.encode(errors="surrogateescape")
        yield data
        yield json.dumps(part)[1:-1].encode()
        for form in (quote(data, safe=""), quote(data), quote_plus(data)):
            yield form.encode()
            yield re.sub(r"%..", lambda code: code[0].lower(), form).encode()
        yield from _base64_forms(data)


def _base64_forms(data: bytes) -> Iterator[bytes]:
    """The letters that stand for these bytes wherever they begin in a text that was encoded, also at its end."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        for core in (encoded[first:last], encoded[first:], encoded[first:].rstrip(b"=")):
            if len(core) >= SHORTEST:
                yield core
                yield core.translate(bytes.maketrans(b"+/", b"-_"))
