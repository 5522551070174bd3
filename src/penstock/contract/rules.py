"""ODCS quality checks to rules.

A library check becomes a rule of its kind, with its threshold unless no offender is allowed; a SQL check with another
threshold becomes a query that returns the measured number when it is missed. `text` checks, and `custom` ones of other
engines, are for people and other tools: they make no rule.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.contract.custom import custom_rule
from penstock.contract.measures import OPERATORS, offending_rows
from penstock.contract.misspelt import report_misspelt
from penstock.contract.policies import contradictions, read_policy
from penstock.contract.predicates import quoted
from penstock.contract.validity import check_pattern, length_rule, listed_words, range_rule
from penstock.model.contracts import ColumnSpec, Rule, RuleKind, Threshold
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.documents import Fields

_METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
_OLD_METRICS = {"nullCheck": "nullValues", "duplicateCount": "duplicateValues", "validValues": "invalidValues"}
_SEVERITIES = {
    "error": Severity.ERROR,
    "critical": Severity.ERROR,
    "high": Severity.ERROR,
    "warning": Severity.WARNING,
    "medium": Severity.WARNING,
    "info": Severity.NOTE,
    "low": Severity.NOTE,
    "note": Severity.NOTE,
}
_PLACEHOLDER = re.compile(r"\$?\{\s*(object|table|model|property|column|field)\s*\}")


def read_rules(owner: Fields, column: ColumnSpec | None, columns: Mapping[str, ColumnSpec]) -> Iterator[Rule]:
    """The rules of one `quality` list: of a column, or of the dataset when `column` is None."""
    for entry in owner.items("quality"):
        kind = entry.choice("type", ("library", "sql", "text", "custom"))
        if kind == "text" or (kind is None and entry.raw("type") is not None):
            continue
        extras = _extras(entry)
        if kind == "custom":
            rules = tuple(_custom(entry, column, columns))
        else:
            rules = tuple(_sql(entry, column) if kind == "sql" else _library(entry, column, columns))
        for rule in rules:
            _known_columns(entry, rule, columns)
            read = replace(
                rule,
                name=extras.name,
                description=extras.description or rule.description,
                severity=extras.severity,
                on_failure=extras.on_failure,
                line=extras.line,
            )
            contradictions(entry, read, columns)
            yield read
        report_misspelt(entry)


def _extras(entry: Fields) -> Rule:
    """The name, description, severity, policy and line of an entry, carried by a rule of no kind in particular."""
    severity = entry.text("severity")
    if severity is not None and severity.lower() not in _SEVERITIES:
        entry.note(
            "contract.severity",
            f"severity {severity!r} is not known",
            at="severity",
            found=severity,
            expected=" | ".join(_SEVERITIES),
        )
    return Rule(
        kind=RuleKind.SQL,
        name=entry.text("name") or "",
        description=entry.text("description") or "",
        severity=_SEVERITIES.get((severity or "error").lower(), Severity.ERROR),
        on_failure=read_policy(entry, "columns"),
        line=entry.document.place(*entry.path).line,
    )


def _threshold(entry: Fields) -> Threshold | None:
    unit = entry.choice("unit", ("rows", "percent"))
    present = [operator for operator in OPERATORS if entry.raw(operator) is not None]
    if len(present) != 1:
        entry.note(
            "contract.operator",
            f"a check needs one operator, and has {len(present)}",
            found=", ".join(present) or "none",
            expected="mustBe: 0, or another operator of the standard",
        )
        return None
    value = entry.raw(present[0])
    operands = tuple(value) if isinstance(value, list) else (value,)
    wanted = OPERATORS[present[0]].count("{}")
    kinds = (int, float, bool, str) if present[0] in {"mustBe", "mustNotBe"} else (int, float)
    if len(operands) != wanted or not all(isinstance(item, kinds) for item in operands):
        expected = "[smallest, largest]" if wanted == 2 else "a number"
        entry.note("kind", f"{present[0]} is {value!r}", at=present[0], found=repr(value), expected=expected)
        return None
    return Threshold(operator=present[0], operands=operands, percent=unit == "percent")


def _custom(entry: Fields, column: ColumnSpec | None, columns: Mapping[str, ColumnSpec]) -> Iterator[Rule]:
    """A check of ours; how many rows may offend stands within it, since the standard has no operator beside it."""
    rule = custom_rule(entry, column, columns)
    if rule is None:
        return
    body = entry.child("implementation")
    threshold = None
    if body is not None and rule.kind is RuleKind.RELATION and any(body.raw(word) is not None for word in OPERATORS):
        threshold = _threshold(body)
    counts = threshold is not None and not threshold.allows_none and _numeric(entry, threshold)
    yield replace(rule, threshold=threshold) if counts else rule


def _numeric(entry: Fields, threshold: Threshold) -> bool:
    """Whether a threshold of counted rows can hold: a count is a number."""
    if all(isinstance(item, int | float) and not isinstance(item, bool) for item in threshold.operands):
        return True
    entry.note("kind", f"{threshold} of a count", at=threshold.operator, expected="a number")
    return False


def _sql(entry: Fields, column: ColumnSpec | None) -> Iterator[Rule]:
    query = entry.text("query", required=True)
    threshold = _threshold(entry)
    if query is None or threshold is None:
        return
    columns = (column.name,) if column else _spread(entry)
    unplaced: list[str] = []

    def place(match: re.Match[str]) -> str:
        if match[1] in {"object", "table", "model"}:
            return "{table}"
        if column is None:
            unplaced.append(match[0])
        return quoted(column.name) if column else match[0]

    text = _PLACEHOLDER.sub(place, query)
    if unplaced:
        entry.note("contract.sql_without_property", f"{unplaced[0]} stands in a check of no property", at="query")
    if "{table}" not in text:
        entry.note(
            "contract.sql_without_object",
            "the query does not read {object}, so it would not look at the rows to be audited",
            at="query",
            expected="SELECT count(*) FROM {object} WHERE …",
        )
    yield Rule(kind=RuleKind.SQL, columns=columns, sql=offending_rows(text, threshold))


def _spread(entry: Fields) -> tuple[str, ...]:
    """The columns that a SQL check of the dataset says it is about, in a custom property."""
    found: tuple[str, ...] = ()
    for custom in entry.items("customProperties"):
        if custom.text("property") == "columns":
            found = custom.texts("value")
    return found


def _library(entry: Fields, column: ColumnSpec | None, columns: Mapping[str, ColumnSpec]) -> Iterator[Rule]:
    old = entry.text("rule")
    if old is not None and "metric" not in entry:
        metric: str | None = _OLD_METRICS.get(old, old)
        if metric not in _METRICS:
            entry.note("choice", f"rule {old!r} is not known", at="rule", found=old, expected=" | ".join(_METRICS))
            return
    else:
        metric = entry.choice("metric", _METRICS, required=True)
    threshold = _threshold(entry)
    arguments = entry.child("arguments") or (entry if old else None)
    names = arguments.texts("properties") if arguments else ()
    about = (column.name,) if column else names
    if metric is not None and metric != "rowCount" and not about:
        entry.note(
            "contract.columns",
            f"{metric} of the whole dataset names no columns",
            expected="arguments: {properties: [column, …]}, or the check under its property",
        )
        return
    if metric is None or threshold is None:
        return
    specs = [columns.get(name, ColumnSpec(name=name, type="VARCHAR")) for name in about]
    yield from _metric_rules(entry, metric, threshold, arguments, specs)
    if arguments is not None and arguments is not entry:
        report_misspelt(arguments)


def _metric_rules(
    entry: Fields, metric: str, threshold: Threshold, arguments: Fields | None, specs: list[ColumnSpec]
) -> Iterator[Rule]:
    if not _numeric(entry, threshold):
        return
    about = tuple(spec.name for spec in specs)
    allowed = None if threshold.allows_none else threshold
    if metric == "rowCount":
        yield Rule(kind=RuleKind.ROW_COUNT, columns=about, threshold=threshold)
    elif metric == "duplicateValues":
        yield Rule(kind=RuleKind.UNIQUE, columns=about, threshold=allowed)
    elif metric == "missingValues" and (words := _missing_words(arguments, specs)):
        yield Rule(kind=RuleKind.MISSING, columns=about, values=words, threshold=allowed)
    elif metric != "invalidValues":
        yield Rule(kind=RuleKind.NOT_NULL, columns=about, threshold=allowed)
    else:
        rules = _validity(entry, arguments, specs)
        if allowed is None or len(rules) < 2:
            yield from (replace(rule, threshold=allowed) for rule in rules)
        else:
            yield replace(_together(rules), threshold=allowed)


def _together(rules: list[Rule]) -> Rule:
    """One rule that a value offends if it offends any of these, each of another kind."""
    found: dict[str, Any] = {}
    for rule in rules:
        for word in ("values", "low", "high", "pattern", "shortest", "longest"):
            value = getattr(rule, word)
            found |= {word: value} if value not in (None, ()) else {}
    return Rule(kind=RuleKind.INVALID, columns=rules[0].columns, **found)


def _missing_words(arguments: Fields | None, specs: list[ColumnSpec]) -> tuple[str, ...]:
    """The words that stand for a missing value, beside NULL."""
    return listed_words(arguments, "missingValues", specs[0]) if arguments and specs else ()


def _validity(entry: Fields, arguments: Fields | None, specs: list[ColumnSpec]) -> list[Rule]:
    about = tuple(spec.name for spec in specs)
    rules: list[Rule] = []
    if arguments is not None:
        if values := listed_words(arguments, "validValues", specs[0]):
            rules.append(Rule(kind=RuleKind.ACCEPTED_VALUES, columns=about, values=values))
        if (pattern := arguments.text("pattern")) is not None:
            check_pattern(arguments, pattern)
            rules.append(Rule(kind=RuleKind.PATTERN, columns=about, pattern=pattern))
        low, high = arguments.text("minimum"), arguments.text("maximum")
        if low is not None or high is not None:
            rules.append(range_rule(arguments, Rule(kind=RuleKind.RANGE, columns=about, low=low, high=high)))
        if (length := length_rule(arguments, about)) is not None:
            rules.append(length)
    if not rules:
        entry.note(
            "contract.validity",
            "invalidValues says of no value that it is valid",
            expected="arguments with validValues, pattern, minimum and maximum, or minLength and maxLength",
        )
    return rules


def _known_columns(entry: Fields, rule: Rule, columns: Mapping[str, ColumnSpec]) -> None:
    for name in rule.columns:
        if name not in columns:
            entry.note(
                "contract.unknown_column",
                f"a check names the column {name!r}, which the contract does not have",
                found=name,
                expected=" | ".join(columns),
            )
