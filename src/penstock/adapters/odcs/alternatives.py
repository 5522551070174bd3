"""Which of a JSON schema's alternatives somebody meant, none of which holds, and what is wrong with that one.

A value of another type than an alternative is for, or with another word where the alternative wants its own (`const`),
was not meant so. Of those left, the one counts of which most is right; where they differ in one key alone that is not
there, all of them are named.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

_MEANT_OTHERWISE = frozenset({"const", "enum"})


def likely_cause(error: Any) -> Any:
    """The innermost complaint about the alternative that fits best; where none fits better, about all of them."""
    while error.context:
        branches = _meant(error)
        if len(branches) > 1 and (_shared(branches, "type") or _shared(branches, "required")):
            return error
        error = _worst(min(branches, key=_strangeness))
    return error


def said_by(cause: Any) -> str:
    """The complaint in words."""
    if cause.validator == "oneOf" and not cause.context:
        return f"{_short(cause.instance)} is right in several ways, of which only one may hold"
    if not cause.context:
        return str(cause.message)
    return f"{_short(cause.instance)} is not of type {expected_by(cause)}" if _types(cause) else "one key is missing"


def expected_by(cause: Any) -> str | None:
    """What would be right, as far as it can be said shortly."""
    if cause.context:
        return " | ".join(_types(cause) or _keys(cause))
    if cause.validator == "enum":
        return " | ".join(map(str, cause.validator_value))
    if cause.validator == "type":
        return str(cause.validator_value)
    return ", ".join(map(str, cause.validator_value)) if cause.validator == "required" else None


def _branches(error: Any) -> list[list[Any]]:
    """The complaints about each alternative."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for one in error.context:
        found[one.relative_schema_path[0]].append(one)
    return list(found.values())


def _meant(error: Any) -> list[list[Any]]:
    """The alternatives that are for values of this type, with these words; all if none is."""
    every = _branches(error)
    typed = [branch for branch in every if not any(_is_of_itself(one, "type") for one in branch)]
    worded = [branch for branch in typed if not any(_is_other_word(one) for one in branch)]
    return worded or typed or every


def _is_of_itself(error: Any, validator: str) -> bool:
    """Whether a complaint is about the very value that there are alternatives for."""
    return error.validator == validator and not error.relative_path


def _is_other_word(error: Any) -> bool:
    return error.validator in _MEANT_OTHERWISE and len(error.relative_path) == 1


def _strangeness(branch: list[Any]) -> tuple[int, int]:
    return len(branch), -max(len(one.absolute_path) for one in branch)


def _worst(branch: list[Any]) -> Any:
    """The complaint that lies deepest, of several there the shortest."""
    return max(branch, key=lambda one: (len(one.absolute_path), -len(one.message)))


def _shared(branches: list[list[Any]], validator: str) -> bool:
    return all(len(branch) == 1 and _is_of_itself(branch[0], validator) for branch in branches)


def _types(error: Any) -> list[str]:
    kinds = [str(one.validator_value) for branch in _meant(error) for one in branch if _is_of_itself(one, "type")]
    return list(dict.fromkeys(kinds))


def _keys(error: Any) -> list[str]:
    return [str(key) for branch in _meant(error) for one in branch for key in one.validator_value]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
