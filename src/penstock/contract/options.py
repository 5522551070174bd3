"""Rules that ODCS keeps at a property itself: `logicalTypeOptions`, `enum` and `unique`; to rules and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import logical_type
from penstock.contract.misspelt import report_misspelt
from penstock.contract.predicates import is_number_text, literal, quoted
from penstock.contract.validity import check_pattern, length_rule, listed_words, range_rule
from penstock.model.contracts import ColumnSpec, Rule, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.documents import Fields

_OPTIONS = {
    "exclusiveMinimum": "{} <= {}",
    "exclusiveMaximum": "{} >= {}",
    "multipleOf": "{} % {} <> 0",
}


def option_rules(owner: Fields, column: ColumnSpec) -> Iterator[Rule]:
    """The rules that a property's `logicalTypeOptions`, `enum` and `unique` make."""
    line = owner.document.place(*owner.path).line
    if owner.flag("unique"):
        yield Rule(kind=RuleKind.UNIQUE, columns=(column.name,), line=line)
    if values := _enum(owner, column):
        yield Rule(kind=RuleKind.ACCEPTED_VALUES, columns=(column.name,), values=values, line=line)
    options = owner.child("logicalTypeOptions")
    if options is None:
        return
    low, high, pattern = options.text("minimum"), options.text("maximum"), options.text("pattern")
    if low is not None or high is not None:
        yield range_rule(options, Rule(kind=RuleKind.RANGE, columns=(column.name,), low=low, high=high, line=line))
    if pattern is not None:
        check_pattern(options, pattern)
        yield Rule(kind=RuleKind.PATTERN, columns=(column.name,), pattern=pattern, line=line)
    if (length := length_rule(options, (column.name,), line)) is not None:
        yield length
    for word, template in _OPTIONS.items():
        if (bound := options.text(word)) is not None:
            text = bound if is_number_text(bound) else literal(bound)
            sql = f"SELECT * FROM {{table}} WHERE {template.format(quoted(column.name), text)}"
            about = f"{word}: {bound}"
            yield Rule(kind=RuleKind.SQL, columns=(column.name,), sql=sql, description=about, line=line)
    report_misspelt(options)


def write_options(column: ColumnSpec, rules: list[Rule]) -> tuple[dict[str, Any], list[Rule]]:
    """What of a column's rules `logicalTypeOptions` can say, and the rules it cannot."""
    options: dict[str, Any] = {}
    rest: list[Rule] = []
    for rule in rules:
        option = _option(rule, logical_type(column.type)) if rule == _bare(rule) else {}
        if option and not _rivals(option) & options.keys():
            options |= option
        else:
            rest.append(rule)
    return options, rest


def _enum(owner: Fields, column: ColumnSpec) -> tuple[str, ...]:
    values: list[str] = []
    for entry in owner.items("enum"):
        values += listed_words(entry, "value", column)
    return tuple(values)


def _bare(rule: Rule) -> Rule:
    """The rule without what `logicalTypeOptions` has no place for."""
    plain = replace(rule, name="", description="", severity=Severity.ERROR)
    return replace(plain, threshold=None, on_failure=None)


def _option(rule: Rule, logical: str) -> dict[str, Any]:
    if rule.kind is RuleKind.PATTERN and logical == "string":
        return {"pattern": rule.pattern}
    if rule.kind is RuleKind.LENGTH and logical == "string":
        lengths = {"minLength": rule.shortest, "maxLength": rule.longest}
        return {key: value for key, value in lengths.items() if value is not None}
    if rule.kind is not RuleKind.RANGE:
        return {}
    bounds = {key: value for key, value in (("minimum", rule.low), ("maximum", rule.high)) if value is not None}
    if logical in {"date", "timestamp", "time"}:
        return dict(bounds)
    numbers = {key: _plain_number(value) for key, value in bounds.items()}
    return numbers if logical in {"integer", "number"} and None not in numbers.values() else {}


def _rivals(option: dict[str, Any]) -> set[str]:
    """The words that one rule takes for itself: two rules' bounds must not become one rule's."""
    pairs = ({"minimum", "maximum"}, {"minLength", "maxLength"})
    return set(option).union(*(pair for pair in pairs if pair & option.keys()))


def _plain_number(text: str) -> int | float | None:
    """The number that YAML writes back as the same text, or None if there is none."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text:
            return number
    return None
