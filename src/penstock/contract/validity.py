"""What makes a value valid, as ODCS words it: listed values, bounds, a pattern; each checked as it is read."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from penstock.contract.predicates import is_number_text
from penstock.model.contracts import Rule, RuleKind

if TYPE_CHECKING:
    from penstock.documents import Fields
    from penstock.model.contracts import ColumnSpec

_UNSUPPORTED = re.compile(r"\(\?[=!]|\(\?<[=!]|\\[1-9]")


def listed_words(arguments: Fields, key: str, spec: ColumnSpec) -> tuple[str, ...]:
    """The listed values as texts; NULL is left out, as it is never valid nor invalid."""
    values = arguments.raw(key)
    if values is None:
        return ()
    items = values if isinstance(values, list) else [values]
    for item in items:
        if isinstance(item, dict | list) or (isinstance(item, bool) and spec.type != "BOOLEAN"):
            arguments.note(
                "contract.value",
                f"{key} holds {item!r} for a {spec.type} column",
                at=key,
                found=repr(item),
                expected="plain values",
                remedy="put words that YAML takes for true or false in quotes",
            )
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items if item is not None)


def range_rule(owner: Fields, rule: Rule) -> Rule:
    """`rule`, its bounds checked: numbers or ISO dates, both of one kind."""
    for key, bound in (("minimum", rule.low), ("maximum", rule.high)):
        if bound is not None and not is_number_text(bound) and not _is_moment(bound):
            owner.note("contract.bound", f"{key} is {bound!r}", at=key, found=bound, expected="a number or an ISO date")
    if rule.low is not None and rule.high is not None and is_number_text(rule.low) != is_number_text(rule.high):
        owner.note("contract.bound", f"{rule.low!r} and {rule.high!r} are not bounds of one kind", at="maximum")
    return rule


def length_rule(owner: Fields, about: tuple[str, ...], line: int | None = None) -> Rule | None:
    """The rule that `minLength` and `maxLength` make, if they are there."""
    shortest, longest = owner.integer("minLength", low=0), owner.integer("maxLength", low=0)
    if shortest is None and longest is None:
        return None
    if shortest is not None and longest is not None and shortest > longest:
        owner.note(
            "contract.bound", f"no text has {shortest} characters or more and {longest} or fewer", at="maxLength"
        )
    return Rule(kind=RuleKind.LENGTH, columns=about, shortest=shortest, longest=longest, line=line)


def check_pattern(owner: Fields, pattern: str) -> None:
    """Note a pattern that DuckDB's regular expressions (RE2) would refuse."""
    problem = "look-around and back-references" if _UNSUPPORTED.search(pattern) else ""
    try:
        re.compile(pattern)
    except re.error as error:
        problem = str(error)
    if problem:
        owner.note(
            "contract.pattern",
            f"pattern {pattern!r} cannot be used: {problem}",
            at="pattern",
            found=pattern,
            expected="a regular expression that RE2 understands",
        )


def _is_moment(text: str) -> bool:
    for parse in (dt.datetime.fromisoformat, dt.time.fromisoformat):
        try:
            parse(text)
        except ValueError:
            continue
        return True
    return False
