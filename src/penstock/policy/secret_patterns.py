"""What secrets look like: known shapes, addresses with credentials, and random-looking values given a secret's name.

Every pattern is bounded or anchored to a literal, so that a line of any length is searched in linear time.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "•••"

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        # To the end of the line: in JSON the whole key follows there.
        ("a private key", r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----.*"),
        ("an AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
        ("a GitLab token", r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,64}"),
        ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
        ("a Slack webhook", r"hooks\.slack\.com/services/[A-Za-z0-9_/]{20,100}"),
        ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
        ("a Stripe key", r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,250}\b"),
        ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
        ("an API key", r"\bsk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{20,250}"),
        ("a PyPI token", r"\bpypi-[A-Za-z0-9_-]{50,500}"),
        ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a Databricks token", r"\bdapi[0-9a-f]{32}\b"),
        ("a Vault token", r"\bhv[sb]\.[A-Za-z0-9_-]{20,250}"),
        ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{60,100}={0,2}"),
        ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}"),
    )
)
_URL = re.compile(r"://[^\s/:@'\"]{0,64}:(?P<secret>[^\s/'\"]{1,128})@")
_ASSIGNMENT = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?"
    r"(?P<rest>(?:(?:[_.-]|(?-i:[A-Z0-9]))[\w.-]{0,40})?)"
    r"[\"']?(?:\s{0,8}(?:=>|:=|==?|:)\s{0,8}|\s{1,8}(?=[\"']))"
    r"(?:\"(?P<double>[^\"]{1,256})\"|'(?P<single>[^']{1,256})'|(?P<bare>[^\s,;\"'`)\]}]{1,256}))",
    re.IGNORECASE,
)
_IDENTIFIED = re.compile(r"\bidentified\s{1,8}by\s{1,8}'(?P<secret>[^']{1,256})'", re.IGNORECASE)
# What a name that ends like this holds is about a secret, and is none.
_ABOUT = re.compile(
    r"name|path|file|url|uri|ids?|count|type|kind|column|field|env|var|ref|policy"
    r"|ttl|expiry|expires|at|until|age|days|hours|seconds|length|size",
    re.IGNORECASE,
)
# Placeholders and references.
_STANDS_FOR = re.compile(
    r"\$\{?[\w.:-]+\}?|\$\(.*|<[^>]*>|\{+[^}]*\}+|%\(?\w+\)?[s%]?|[*•xX.]+"
    r"|(?:env|vault|file|ref|arn|https?):.*"
)
# A value without quotes that the code fetches from elsewhere, or a word.
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[\w.]+[(\[].*|\D*")
_SHORTEST, _ENTROPY = 8, 2.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A piece of text that should not be there, and what it seems to be."""

    kind: str
    text: str


def secrets_in(line: str) -> tuple[Secret, ...]:
    """Every secret of a line, each stretch of text once."""
    found: list[Secret] = []
    for secret in _candidates(line):
        if not any(secret.text in known.text for known in found):
            found.append(secret)
    return tuple(found)


def masked(line: str, secrets: tuple[Secret, ...]) -> str:
    """The line without its secrets, wherever in it they stand."""
    for secret in sorted(secrets, key=lambda each: -len(each.text)):
        line = line.replace(secret.text, MASK)
    return line


def entropy(text: str) -> float:
    """Shannon's entropy of the characters, in bits per character.

    >>> entropy("aaaa"), entropy("abcd")
    (0.0, 2.0)
    """
    return 0.0 - sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def looks_random(value: str) -> bool:
    """Whether a value could be a secret: no blank, no placeholder, at least two kinds of characters, much entropy."""
    if len(value) < _SHORTEST or re.search(r"\s", value) or _STANDS_FOR.fullmatch(value):
        return False
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9_./:-]")
    return sum(1 for kind in kinds if re.search(kind, value)) >= 2 and entropy(value) >= _ENTROPY


def _candidates(line: str) -> Iterator[Secret]:
    for kind, pattern in _SHAPES:
        yield from (Secret(kind=kind, text=match[0]) for match in pattern.finditer(line))
    for match in _URL.finditer(line):
        if not _STANDS_FOR.fullmatch(match["secret"]):
            yield Secret(kind="an address with a password", text=match["secret"])
    for match in _IDENTIFIED.finditer(line):
        if looks_random(match["secret"]):
            yield Secret(kind="a password", text=match["secret"])
    for match in _ASSIGNMENT.finditer(line):
        if not _is_about(match["rest"]) and (value := _value(match)):
            yield Secret(kind="a password or secret", text=value)


def _value(match: re.Match[str]) -> str | None:
    """The assigned value, if it could be a secret. Without quotes it may also be a name of the code's own."""
    bare = match["bare"]
    if bare and _CODE.fullmatch(bare):
        return None
    value = match["double"] or match["single"] or bare or ""
    return value if looks_random(value) else None


def _is_about(rest: str) -> bool:
    """Whether what follows the word makes it a name of something else: `secret_path`, `tokenCount`."""
    last = re.split(r"[_.-]|(?<=[a-z])(?=[A-Z])", rest)[-1]
    return _ABOUT.fullmatch(last) is not None
