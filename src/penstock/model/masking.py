"""How personal data is masked: where a project's key is, what is made of it, and how far a value is masked.

Invariant: nothing here shows a key or its pads; a digest says whether two keys are the same and no more.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum

HASH = "mask_hash"
"""The function that needs the key."""
EDITION = 1
"""Of what the functions make of a value; part of the version of every dataset that masks."""
SHORTEST_KEY = 32
"""Characters: what is shorter can be guessed from pseudonyms."""
TEST_KEY = "the key of data tests; it is no secret"
"""What data tests and made-up rows are hashed with, so that expected rows can be written down."""
PSEUDONYM, GENERALISED = "pseudonym", "generalised"
"""Kinds of personal data in a contract: what a masking function has made of another kind."""
_BLOCK = 64


class Degree(StrEnum):
    """How much of a personal value is left, the most first."""

    CLEAR = "clear"
    """The value, or a part of it that nothing masks."""
    PSEUDONYM = "pseudonym"
    """A keyed hash: equal for equal values, and a person's to whoever has the key."""
    GENERALISED = "generalised"
    """A coarser value, which several persons share or may share."""

    @property
    def rank(self) -> int:
        """0 for what is clear; larger for what is masked further."""
        return list(Degree).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingKey:
    """Where the key is: in an environment variable, or in a file beneath the project that git ignores."""

    variable: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """The place in words."""
        return f"the environment variable {self.variable}" if self.variable else f"the file {self.file}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingSecret:
    """What HMAC-SHA-256 needs of a key (RFC 2104), and a digest that tells keys apart; only the digest may be kept."""

    inner: bytes = field(repr=False)
    outer: bytes = field(repr=False)
    digest: str

    @classmethod
    def of(cls, key: str) -> MaskingSecret:
        """The secret of a key, which is taken as UTF-8.

        >>> MaskingSecret.of("0123456789abcdef0123456789abcdef").digest
        '930c510ff073a126'
        """
        data = key.encode()
        block = (hashlib.sha256(data).digest() if len(data) > _BLOCK else data).ljust(_BLOCK, b"\0")
        told = hmac.new(data, b"penstock: which masking key", hashlib.sha256).hexdigest()
        return cls(
            inner=bytes(byte ^ 0x36 for byte in block), outer=bytes(byte ^ 0x5C for byte in block), digest=told[:16]
        )
