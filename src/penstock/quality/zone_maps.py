"""Answers checks of long tables by what a column store knows of every row group: its smallest and its largest value.

Looking for one row out of bounds skips every group that cannot hold one, and ends at the first row that is. Whole
numbers whose smallest and largest lie close together are counted in a bitmap: as exact as a hash table, and much
quicker. Both are only worth it where `Setting.zone_maps` says so; elsewhere each look would read the column again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.contracts import RuleKind
from penstock.model.databases import WHOLE_NUMBERS
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.quality.check_values import Check, CheckPlan

    Ask = Callable[[str], list[tuple[Any, ...]]]

_ORDERED = frozenset({*WHOLE_NUMBERS, "FLOAT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})
_WIDEST = 1 << 28
"""Bits that a bitmap may have: 32 MiB for each thread."""
_SPARSEST = 32
"""How many numbers there may be between the smallest and the largest for each row; more make the bitmap slower."""


def without_offender(plan: CheckPlan, ask: Ask) -> Mapping[str, int]:
    """Measures of bounds that no row breaks, all 0. What some row breaks is left to be counted."""
    if not _is_worth_it(plan):
        return {}
    bounds = {
        check.measures[0]: check.predicate
        for check in plan.checks
        if check.rule.kind is RuleKind.RANGE and check.predicate and _is_ordered(check.type)
    }
    if not bounds:
        return {}
    looks = (f"EXISTS (SELECT 1 FROM {plan.relation} WHERE {predicate})" for predicate in bounds.values())
    found = ask(f"SELECT {', '.join(looks)}")[0]
    return {measure: 0 for measure, offended in zip(bounds, found, strict=True) if not offended}


def different(plan: CheckPlan, check: Check, ask: Ask) -> int | None:
    """How many different numbers a key's column holds; None if that is not to be had by a bitmap."""
    if check.rule.kind is not RuleKind.UNIQUE or check.type not in WHOLE_NUMBERS or not _is_worth_it(plan):
        return None
    name = quote(check.rule.columns[0])
    low, high = ask(f"SELECT min({name}), max({name}) FROM {plan.relation}")[0]
    if low is None or high - low >= min(_WIDEST, _SPARSEST * plan.setting.rows):
        return None
    bounds = f"CAST('{low}' AS {check.type}), CAST('{high}' AS {check.type})"
    return int(ask(f"SELECT bit_count(bitstring_agg({name}, {bounds})) FROM {plan.relation}")[0][0])


def _is_worth_it(plan: CheckPlan) -> bool:
    return plan.setting.zone_maps and plan.setting.is_long


def _is_ordered(type_: str) -> bool:
    return type_ in _ORDERED or type_.startswith("DECIMAL")
