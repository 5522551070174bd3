"""Typed access to a document's values that collects every mistake instead of stopping at the first."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.documents.reading import Document


class Fields:
    """One mapping of a document. Getters note a finding and return None when a value is missing or of another kind.

    All `Fields` of one document share the list `findings`; call `unknown()` last to report keys that nobody asked for.
    """

    def __init__(
        self, document: Document, path: tuple[str | int, ...] = (), findings: list[Finding] | None = None
    ) -> None:
        self.document, self.path = document, path
        self.findings: list[Finding] = [] if findings is None else findings
        value = document.data
        for step in path:
            value = value[step]
        self.values: dict[str, Any] = value if isinstance(value, dict) else {}
        self.asked: set[str] = set()
        self._no_mapping = value is not None and not isinstance(value, dict)
        if self._no_mapping:
            self.note("kind", f"{self._label()} is {_kind(value)}", expected="a mapping of keys to values")

    def _label(self, *steps: str | int) -> str:
        return ".".join(str(step) for step in (*self.path, *steps)) or self.document.file

    def note(
        self,
        code: str,
        message: str,
        *,
        at: str | int | None = None,
        expected: str | None = None,
        found: str | None = None,
        remedy: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add a finding at this mapping, or at one of its keys. `code` without a dot is put under `document.`."""
        steps = (*self.path, at) if at is not None else self.path
        self.findings.append(
            Finding(
                code=code if "." in code else f"document.{code}",
                message=message,
                severity=severity,
                place=self.document.place(*steps),
                found=found,
                expected=expected,
                remedy=remedy or (f"correct `{at}`" if at is not None else f"correct {self._label()}"),
            )
        )

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def _get(self, key: str, kinds: tuple[type, ...], expected: str, *, required: bool) -> Any:
        self.asked.add(key)
        value = self.values.get(key)
        if value is None:
            if required and not self._no_mapping:  # what is no mapping is said once
                self.note(
                    "missing_key",
                    f"{self._label(key)} is missing",
                    expected=expected,
                    remedy=f"add `{key}:` to {self._label()}",
                )
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.note(
                "kind",
                f"{self._label(key)} is {_kind(value)}",
                at=key,
                found=repr(value)[:80],
                expected=expected,
            )
            return None
        return value

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A word or sentence; numbers and dates count as the text they were written as."""
        value = self._get(key, (str, int, float, dt.date), "text", required=required)
        if required and isinstance(value, str) and not value.strip():
            self.note("empty", f"{self._label(key)} is empty", at=key, expected="text")
            return None
        return None if value is None else str(value)

    def integer(self, key: str, *, low: int | None = None, required: bool = False) -> int | None:
        """A whole number, at least `low`."""
        value = self._get(key, (int,), "a whole number", required=required)
        if value is not None and low is not None and value < low:
            self.note("range", f"{self._label(key)} is {value}", at=key, expected=f"at least {low}")
            return None
        return None if value is None else int(value)

    def number(
        self, key: str, *, low: float | None = None, high: float | None = None, required: bool = False
    ) -> float | None:
        """A number, at least `low` and at most `high`; neither infinite nor `.nan`, which would compare as it likes."""
        value = self._get(key, (int, float), "a number", required=required)
        if value is not None and not math.isfinite(value):
            self.note("range", f"{self._label(key)} is {value}", at=key, expected="a finite number")
            return None
        if value is not None and low is not None and value < low:
            self.note("range", f"{self._label(key)} is {value}", at=key, expected=f"at least {low}")
            return None
        if value is not None and high is not None and value > high:
            self.note("range", f"{self._label(key)} is {value}", at=key, expected=f"at most {high}")
            return None
        return None if value is None else float(value)

    def flag(self, key: str, *, required: bool = False) -> bool | None:
        """`true` or `false`."""
        value = self._get(key, (bool,), "true or false", required=required)
        return None if value is None else bool(value)

    def choice(self, key: str, allowed: tuple[str, ...], *, required: bool = False) -> str | None:
        """One of a closed set of words."""
        value = self._get(key, (str,), " | ".join(allowed), required=required)
        if value is not None and value not in allowed:
            self.note(
                "choice",
                f"{self._label(key)} is {value!r}",
                at=key,
                found=value,
                expected=" | ".join(allowed),
            )
            return None
        return None if value is None else str(value)

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of words (a single word counts as a list of one)."""
        value = self._get(key, (list, str), "a list of words", required=required)
        if value is None:
            return ()
        items = [value] if isinstance(value, str) else value
        wrong = [item for item in items if not isinstance(item, str | int | float | dt.date)]
        if wrong:
            self.note("kind", f"{self._label(key)} holds {_kind(wrong[0])}", at=key, expected="a list of words")
            return ()
        return tuple(str(item) for item in items)

    def child(self, key: str, *, required: bool = False) -> Fields | None:
        """The mapping under `key`."""
        value = self._get(key, (dict,), "a mapping of keys to values", required=required)
        return None if value is None else Fields(self.document, (*self.path, key), self.findings)

    def children(self, key: str, *, required: bool = False) -> Iterator[tuple[str, Fields]]:
        """Each named mapping under the mapping `key`."""
        parent = self.child(key, required=required)
        for name, value in (parent.values if parent else {}).items():
            if isinstance(value, dict) or value is None:
                yield name, Fields(self.document, (*self.path, key, name), self.findings)
            else:
                assert parent is not None  # noqa: S101 - there was something to iterate over
                parent.note("kind", f"{self._label(key, name)} is {_kind(value)}", at=name, expected="a mapping")

    def items(self, key: str, *, required: bool = False) -> Iterator[Fields]:
        """Each mapping of the list under `key`."""
        value = self._get(key, (list,), "a list", required=required)
        for index, item in enumerate(value or ()):
            if isinstance(item, dict):
                yield Fields(self.document, (*self.path, key, index), self.findings)
            else:
                self.note("kind", f"{self._label(key, index)} is {_kind(item)}", at=key, expected="a mapping")

    def word_map(self, key: str, *, required: bool = False) -> dict[str, str]:
        """A mapping of words to words."""
        parent = self.child(key, required=required)
        if parent is None:
            return {}
        return {name: text for name in parent.values if (text := parent.text(name, required=True)) is not None}

    def raw(self, key: str) -> Any:
        """The value as it is, unchecked."""
        self.asked.add(key)
        return self.values.get(key)

    def unknown(self) -> None:
        """Note every key that no getter asked for."""
        for key in self.values:
            if key not in self.asked:
                self.note(
                    "unknown_key",
                    f"{self._label(key)} is not a known key",
                    at=key,
                    found=key,
                    expected=" | ".join(sorted(self.asked)) or "no key here",
                    remedy="correct the word or remove the key",
                )


def _kind(value: object) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true/false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), f"a {type(value).__name__}") + ("" if value is not None else " (empty)")
