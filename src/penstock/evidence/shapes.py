"""Strict reading of a JSON object: every key asked for must be there in its exact type, and no other may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Form:
    """How a text must look, as a pattern for all of it and in words."""

    pattern: re.Pattern[str]
    words: str


ANY_TEXT = Form(re.compile(r"(?s).*"), "text")
SOME_TEXT = Form(re.compile(r"(?s).*\S.*"), "text that is not empty")
SHA256 = Form(re.compile(r"[0-9a-f]{64}"), "a SHA-256 in 64 lower-case hex digits")
COMMIT = Form(re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"), "a full git commit id in lower-case hex digits")

_WORDS = {str: "text", int: "a whole number", dict: "an object", list: "a list"}


class Shape:
    """One JSON object of a file. Getters note a finding in the shared list and return an empty value when it is wrong.

    Call `close` last: it notes the keys that nobody asked for.
    """

    def __init__(self, value: object, file: str, findings: list[Finding], path: str = "$") -> None:
        self.file, self.findings, self.path = file, findings, path
        self._asked: set[str] = set()
        self._values: dict[str, Any] = value if type(value) is dict else {}
        self._broken = type(value) is not dict
        if self._broken:
            self.note(path, type(value).__name__, "an object")

    def note(self, path: str, found: str, expected: str) -> None:
        """Add a finding at `path`."""
        self.findings.append(
            Finding(
                code="evidence.shape",
                message=f"{path} of {self.file} is {found}",
                place=Place(file=self.file, field=path),
                found=found,
                expected=expected,
                remedy="this is not a statement penstock wrote; restore the file, or run the stage again",
            )
        )

    def at(self, key: str | int) -> str:
        """The path of a key of this object."""
        return f"{self.path}.{key}"

    def keys(self) -> frozenset[str]:
        """The keys that are there."""
        return frozenset(self._values)

    def text(self, key: str, form: Form = SOME_TEXT) -> str:
        """The text under `key`."""
        value = self._take(key, str, form.words)
        if value is not None and not form.pattern.fullmatch(value):
            self.note(self.at(key), repr(value[:80]), form.words)
        return value or ""

    def text_or_null(self, key: str, form: Form = SOME_TEXT) -> str | None:
        """The text under `key`, or None where null stands."""
        self._asked.add(key)
        return None if self._values.get(key, "") is None else self.text(key, form)

    def constant(self, key: str, wanted: str) -> None:
        """`key` must hold exactly this text."""
        value = self._take(key, str, repr(wanted))
        if value is not None and value != wanted:
            self.note(self.at(key), repr(value[:80]), repr(wanted))

    def integer(self, key: str, *, low: int | None = None) -> int:
        """The whole number under `key`, at least `low`."""
        value = self._take(key, int, _WORDS[int])
        if value is not None and low is not None and value < low:
            self.note(self.at(key), str(value), f"at least {low}")
        return value or 0

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under `key`."""
        items = self.values(key)
        for index, item in enumerate(items):
            if type(item) is not str:
                self.note(f"{self.at(key)}[{index}]", type(item).__name__, "text")
        return tuple(item for item in items if type(item) is str)

    def values(self, key: str) -> tuple[Any, ...]:
        """The list under `key`, whatever it holds."""
        return tuple(self._take(key, list, _WORDS[list]) or ())

    def mapping(self, key: str) -> dict[str, Any]:
        """The object under `key`, whatever it holds."""
        return self._take(key, dict, _WORDS[dict]) or {}

    def child(self, key: str) -> Shape:
        """The object under `key`."""
        self._asked.add(key)
        return Shape(self._values.get(key), self.file, self.findings, self.at(key))

    def children(self, key: str) -> Iterator[Shape]:
        """Each object of the list under `key`."""
        for index, item in enumerate(self.values(key)):
            yield Shape(item, self.file, self.findings, f"{self.at(key)}[{index}]")

    def close(self) -> None:
        """Note every key that no getter asked for."""
        for key in sorted(self._values.keys() - self._asked):
            self.note(self.at(key), "not a known key", " | ".join(sorted(self._asked)))

    def _take(self, key: str, kind: type, expected: str) -> Any:
        """The value under `key` if its type is exactly `kind`, so that true is not taken for 1."""
        self._asked.add(key)
        value = self._values.get(key)
        if type(value) is kind:
            return value
        if not self._broken:
            self.note(self.at(key), "missing" if key not in self._values else type(value).__name__, expected)
        return None
