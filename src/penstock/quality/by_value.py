"""Asks what checks need of long tables with few scans: columns of few different texts are counted value by value first.

A pattern or a list of words is dear to look for in every row; where a column repeats few values, looking once at each
is exact and many times quicker. Whether it does, the first rows tell; where they mislead, only time is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.contracts import RuleKind
from penstock.quality.check_values import ROWS
from penstock.quality.zone_maps import without_offender
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.quality.check_values import CheckPlan

    Ask = Callable[[str], list[tuple[Any, ...]]]

LOOKED_AT, FEW = 20_480, 2_000
"""How many of the first rows are looked at, and how many different values are few among them."""
_DEAR = frozenset({RuleKind.PATTERN, RuleKind.ACCEPTED_VALUES, RuleKind.INVALID})
_OF_VALUES = _DEAR | {RuleKind.LENGTH, RuleKind.MISSING, RuleKind.DRIFT}
_COUNT = "count_if("


def scan(plan: CheckPlan, ask: Ask) -> tuple[Any, ...]:
    """The plan's measures in order, each a number or what else it asks for."""
    values: dict[str, Any] = dict(without_offender(plan, ask))
    for column, measures in _by_value(plan, ask):
        predicates = (measure.removeprefix(_COUNT).removesuffix(")") for measure in measures)
        sums = ", ".join(f"sum(CASE WHEN {predicate} THEN n ELSE 0 END)" for predicate in predicates)
        name = quote(column)
        counted = f"(SELECT {name}, count(*) AS n FROM {plan.relation} GROUP BY {name}) AS counted"
        values |= zip(measures, ask(f"SELECT {sums} FROM {counted}")[0], strict=True)
    if not values:
        return ask(next(query.sql for query in plan.queries if query.id == ROWS))[0]
    rest = [measure for measure in plan.measures if measure not in values]
    values |= zip(rest, ask(f"SELECT {', '.join(rest)} FROM {plan.relation}")[0], strict=True)
    return tuple(values[measure] for measure in plan.measures)


def _by_value(plan: CheckPlan, ask: Ask) -> Iterator[tuple[str, list[str]]]:
    """Columns of few values, with the measures that follow from each value."""
    if not plan.setting.is_long:
        return
    checks = [check for check in plan.checks if check.column and check.type == "VARCHAR" and check.measures]
    dear = list(dict.fromkeys(check.rule.columns[0] for check in checks if check.rule.kind in _DEAR))
    if not dear or "n" in (name.lower() for name in dear):
        return
    for column in _few_valued(dear, plan, ask):
        found = [
            measure
            for check in checks
            if check.rule.columns == (column,) and check.rule.kind in _OF_VALUES
            for measure in check.measures
            if measure.startswith(_COUNT)
        ]
        yield column, list(dict.fromkeys(found))


def _few_valued(columns: Sequence[str], plan: CheckPlan, ask: Ask) -> list[str]:
    names = [quote(column) for column in columns]
    counts = ", ".join(f"count(DISTINCT {name})" for name in names)
    first = f"(SELECT {', '.join(names)} FROM {plan.relation} LIMIT {LOOKED_AT}) AS few"
    row = ask(f"SELECT {counts} FROM {first}")[0]
    return [column for column, count in zip(columns, row, strict=True) if int(count) <= FEW]
