"""Patterns that a text column's values share: each value as its shape, and few shapes as one regular expression.

A shape has 9 for a digit, A and a for letters, and any other character as it is: `85123A` is `99999A`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHAPES = 4
_CLASSES = {"9": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
_SPECIAL = frozenset("\\.^$*+?()[]{}|")
_LONGEST = 60


def shape(text: str) -> str:
    """SQL for a text's shape."""
    digits = f"regexp_replace({text}, '[0-9]', '9', 'g')"
    return f"regexp_replace(regexp_replace({digits}, '[A-Z]', 'A', 'g'), '[a-z]', 'a', 'g')"


def run_shape(text: str) -> str:
    """SQL for the shape of a text in which a run of one class counts as one: `85123A` is `9A`."""
    digits = f"regexp_replace({text}, '[0-9]+', '9', 'g')"
    return f"regexp_replace(regexp_replace({digits}, '[A-Z]+', 'A', 'g'), '[a-z]+', 'a', 'g')"


def pattern_of(shapes: Sequence[str], runs: Sequence[str]) -> str | None:
    """A regular expression (RE2) for values of these shapes, or None where they say nothing.

    `shapes` and `runs` are the most frequent ones of each sort, one more than `MOST_SHAPES` where there are more.
    Words say nothing; digits do, and codes of capital letters that all have one length.

    >>> pattern_of(["999999", "A999999"], ["9", "A9"])
    '^([0-9]{6}|[A-Z][0-9]{6})$'
    """
    if 0 < len(shapes) <= MOST_SHAPES and _tells(shapes):
        return _either([_expression(one, exact=True) for one in sorted(shapes)])
    if 0 < len(runs) <= MOST_SHAPES and all("9" in one for one in runs):
        return _either([_expression(one, exact=False) for one in sorted(runs)])
    return None


def _tells(shapes: Sequence[str]) -> bool:
    if any(not one or len(one) > _LONGEST for one in shapes):
        return False
    codes = {len(one) for one in shapes if one.strip("A") == ""}
    return all("9" in one or one.strip("A") == "" for one in shapes) and len(codes) <= 1


def _either(expressions: Sequence[str]) -> str:
    return f"^{expressions[0]}$" if len(expressions) == 1 else f"^({'|'.join(expressions)})$"


def _expression(text: str, *, exact: bool) -> str:
    parts = []
    for letter, run in groupby(text):
        count = len(list(run))
        if letter not in _CLASSES:
            parts.append((f"\\{letter}" if letter in _SPECIAL else letter) * count)
        elif exact:
            parts.append(_CLASSES[letter] + (f"{{{count}}}" if count > 1 else ""))
        else:
            parts.append(_CLASSES[letter] + "+")
    return "".join(parts)
