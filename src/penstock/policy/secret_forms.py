"""Secrets in other clothes: in Base64, in URL encoding, and in literals that are put together.

What is found carries the text as it stands there, so that masking takes all of it away.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from penstock.policy.secret_patterns import Secret, secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{24,8192}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX = re.compile(r"[0-9A-Fa-f-]+")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_BETWEEN_WORDS = re.compile(r"[\s\"'<>]+")
_LONGEST_WORD = 8192
_LITERAL = r"(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')"
_PIECES = re.compile(rf"{_LITERAL}(?:\s{{0,8}}(?:\|\||\+|\\)?\s{{0,40}}{_LITERAL}){{1,40}}")
_SHORTEST = 12


def all_secrets_in(text: str) -> tuple[Secret, ...]:
    """Every secret of a line or a stretch of lines, as it is or in another form, each stretch of text once."""
    found: list[Secret] = [secret for line in text.split("\n") for secret in secrets_in(line)]
    for secret in (*_joined(text), *_escaped(text), *_decoded(text)):
        if not any(secret.text in known.text or known.text in secret.text for known in found):
            found.append(secret)
    return tuple(found)


def _decoded(text: str) -> Iterator[Secret]:
    for match in _ENCODED.finditer(text):
        token = match[0]
        plain = None if _HEX.fullmatch(token) else _text_of(token)
        if plain is not None:
            yield from (
                Secret(kind=f"{secret.kind} in Base64", text=token)
                for line in plain.splitlines()
                for secret in secrets_in(line)[:1]
            )


def _text_of(token: str) -> str | None:
    """What a token is in Base64, if that is text."""
    bare = token.rstrip("=")
    padded = (bare + "=" * (-len(bare) % 4)).replace("-", "+").replace("_", "/")
    try:
        plain = base64.b64decode(padded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return plain if len(plain) >= _SHORTEST and all(part.isprintable() for part in plain.split()) else None


def _escaped(text: str) -> Iterator[Secret]:
    for word in _BETWEEN_WORDS.split(text) if "%" in text else ():
        if len(word) <= _LONGEST_WORD and _ESCAPE.search(word):
            for secret in secrets_in(unquote(word, errors="replace"))[:1]:
                yield Secret(kind=f"{secret.kind} in URL encoding", text=word)


def _joined(text: str) -> Iterator[Secret]:
    """Literals that stand next to each other, or with || or + in between, read as one in their place of the line."""
    for match in _PIECES.finditer(text):
        whole = "".join(piece[1:-1] for piece in re.findall(_LITERAL, match[0]))
        if len(whole) < _SHORTEST or '"' in whole:
            continue
        before = text[: match.start()].rpartition("\n")[2]
        for secret in secrets_in(f'{before[-200:]}"{whole}"'):
            if secret.text in whole and secret.text not in match[0]:
                yield Secret(kind=f"{secret.kind} in pieces", text=match[0])
                break
