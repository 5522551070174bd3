"""Rules as SQL predicates that are true for the rows that offend them; NULL offends only a rule against NULL.

The quoting here is the contract floor's own: `sql` is its sibling and siblings never meet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.contracts import Rule, RuleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_KINDS = frozenset(
    {
        RuleKind.NOT_NULL,
        RuleKind.ACCEPTED_VALUES,
        RuleKind.RANGE,
        RuleKind.PATTERN,
        RuleKind.LENGTH,
        RuleKind.MISSING,
        RuleKind.INVALID,
    }
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def quoted(name: str) -> str:
    """A column's name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def is_number_text(text: str) -> bool:
    """Whether a bound is written as a number, and so stands in SQL without quotes."""
    return _NUMBER.fullmatch(text) is not None


def row_predicate(rule: Rule, types: Sequence[str]) -> str:
    """The predicate of a row-level rule: true where any of its columns offends. `types` are those of the columns.

    Raises:
        ValueError: the rule is not about single rows.
    """
    parts = [_offends(rule, name, type_) for name, type_ in zip(rule.columns, types, strict=True)]
    return parts[0] if len(parts) == 1 else " OR ".join(f"({part})" for part in parts)


def _offends(rule: Rule, name: str, type_: str) -> str:
    column = quoted(name)
    match rule.kind:
        case RuleKind.NOT_NULL:
            return f"{column} IS NULL"
        case RuleKind.MISSING:
            return f"{column} IS NULL OR CAST({column} AS VARCHAR) IN ({_words(rule.values)})"
        case RuleKind.ACCEPTED_VALUES | RuleKind.PATTERN | RuleKind.LENGTH | RuleKind.RANGE:
            return _invalid(rule, column, type_)[rule.kind]
        case RuleKind.INVALID:
            return " OR ".join(f"({part})" for part in _invalid(rule, column, type_).values())
        case _:
            raise ValueError(f"a {rule.kind} rule is not about single rows")


def _invalid(rule: Rule, column: str, type_: str) -> dict[RuleKind, str]:
    """What each part of a rule on validity says of an invalid value."""
    parts = {}
    if rule.values:
        parts[RuleKind.ACCEPTED_VALUES] = f"{column} NOT IN ({_words(rule.values)})"
    if rule.pattern is not None:
        parts[RuleKind.PATTERN] = f"NOT regexp_matches(CAST({column} AS VARCHAR), {literal(rule.pattern)})"
    if rule.low is not None or rule.high is not None:
        parts[RuleKind.RANGE] = _outside(column, type_, rule)
    if rule.shortest is not None or rule.longest is not None:
        length = f"length({column})" if type_ == "VARCHAR" else f"length(CAST({column} AS VARCHAR))"
        bounds = [f"{length} < {rule.shortest}"] if rule.shortest is not None else []
        bounds += [f"{length} > {rule.longest}"] if rule.longest is not None else []
        parts[RuleKind.LENGTH] = " OR ".join(bounds)
    return parts


def _words(values: Sequence[str]) -> str:
    return ", ".join(literal(value) for value in values)


def _outside(column: str, type_: str, rule: Rule) -> str:
    """Text that holds numbers or dates is compared as what its bounds are; text that is neither lies outside."""
    bounds = [bound for bound in (rule.low, rule.high) if bound is not None]
    moment = type_.startswith(("DATE", "TIME"))
    numbers = not moment and all(is_number_text(bound) for bound in bounds)
    value = column
    if type_ == "VARCHAR":
        value = f"TRY_CAST({column} AS {'DECIMAL(38,9)' if numbers else 'TIMESTAMP'})"
    texts = [bound if numbers else literal(bound) for bound in bounds]
    if len(texts) == 2 and value == column:
        return f"{value} NOT BETWEEN {texts[0]} AND {texts[1]}"  # DuckDB: two thirds of what two comparisons take
    signs = [sign for sign, bound in (("<", rule.low), (">", rule.high)) if bound is not None]
    outside = " OR ".join(f"{value} {sign} {text}" for sign, text in zip(signs, texts, strict=True))
    return outside if value == column else f"{column} IS NOT NULL AND coalesce({outside}, true)"
