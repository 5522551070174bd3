"""ODCS quality checks to rules.

A check that allows no offender becomes a rule of its kind; any other threshold becomes a SQL rule whose query returns
the measured number when it is missed. `text` and `custom` checks are for people and other tools: they make no rule.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.contract.measures import OPERATORS, Threshold, counted, missed, offending_rows, repeated
from penstock.contract.misspelt import report_misspelt
from penstock.contract.policies import contradictions, read_policy
from penstock.contract.predicates import literal, quoted, row_predicate
from penstock.contract.validity import check_pattern, listed_words, range_rule
from penstock.model.contracts import ColumnSpec, Rule, RuleKind
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
        if kind in {"text", "custom"} or (kind is None and entry.raw("type") is not None):
            continue
        extras = _extras(entry)
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
    about = tuple(spec.name for spec in specs)
    if metric == "rowCount":
        yield _measured(about, missed("SELECT count(*) FROM {table}", threshold), metric, threshold)
    elif metric == "duplicateValues" and threshold.allows_none:
        yield Rule(kind=RuleKind.UNIQUE, columns=about)
    elif metric == "duplicateValues":
        yield _measured(about, repeated(about, threshold), metric, threshold)
    elif metric == "missingValues":
        predicate = " OR ".join(_missing(spec, arguments) for spec in specs)
        nothing = f"SELECT * FROM {{table}} WHERE {predicate}"
        sql = nothing if threshold.allows_none else counted(predicate, threshold)
        yield _measured(about, sql, metric, threshold)
    else:
        rules = [Rule(kind=RuleKind.NOT_NULL, columns=about)]
        if metric == "invalidValues":
            rules = _validity(entry, arguments, specs)
        if threshold.allows_none:
            yield from rules
        elif rules:
            types = [spec.type for spec in specs]
            predicate = " OR ".join(f"({row_predicate(rule, types)})" for rule in rules)
            yield _measured(about, counted(predicate, threshold), metric, threshold)


def _measured(about: tuple[str, ...], sql: str, metric: str, threshold: Threshold) -> Rule:
    return Rule(kind=RuleKind.SQL, columns=about, sql=sql, description=f"{metric} {threshold}")


def _missing(spec: ColumnSpec, arguments: Fields | None) -> str:
    """The predicate of a missing value: NULL, or one of the words listed."""
    name = quoted(spec.name)
    words = ", ".join(literal(word) for word in (listed_words(arguments, "missingValues", spec) if arguments else ()))
    return f"{name} IS NULL" + (f" OR CAST({name} AS VARCHAR) IN ({words})" if words else "")


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
    if not rules:
        entry.note(
            "contract.validity",
            "invalidValues says of no value that it is valid",
            expected="arguments with validValues, pattern, or minimum and maximum",
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
