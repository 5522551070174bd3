"""Contracts to ODCS v3.1 documents, in the order people read them: who, what, promises; the same text every time.

`read_contract` reads back an equal contract. Rules come column by column, then those of the dataset.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import logical_type, normal_type
from penstock.contract.custom import ENGINE, age_words, implementation
from penstock.contract.measures import count_of
from penstock.contract.options import write_options
from penstock.contract.policies import FORMATS, MAX_QUARANTINED, written
from penstock.contract.relationships import relationship
from penstock.documents import to_yaml
from penstock.model.contracts import MOST_QUARANTINED, OnFailure, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from penstock.model.contracts import ColumnSpec, Contract, Rule

API_VERSION = "v3.1.0"
_CUSTOM = frozenset({RuleKind.RELATION, RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT})
_METRICS = {
    RuleKind.NOT_NULL: "nullValues",
    RuleKind.UNIQUE: "duplicateValues",
    RuleKind.MISSING: "missingValues",
    RuleKind.ROW_COUNT: "rowCount",
}
_WRITTEN_SEVERITY = {Severity.WARNING: "warning", Severity.NOTE: "info"}


def write_contract(
    contract: Contract, *, title: str | None = None, domain: str | None = None, tags: tuple[str, ...] = ()
) -> str:
    """The text of a contract's ODCS file. `title` is its name for people, the dataset's name if left out."""
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.dataset,
        "name": title or contract.dataset,
        "version": contract.version,
        "status": contract.status,
        "domain": domain,
        "description": {"purpose": contract.description} if contract.description else None,
        "tags": list(tags),
        "team": {"name": contract.owner} if contract.owner else None,
        "schema": [_object(contract)],
        "slaProperties": _sla(contract),
    }
    return to_yaml({key: value for key, value in document.items() if value})


def _object(contract: Contract) -> dict[str, Any]:
    element: dict[str, Any] = {
        "name": contract.dataset.rpartition(".")[2],
        "physicalName": contract.dataset,
        "logicalType": "object",
        "properties": [_property(contract, column) for column in contract.columns],
    }
    relationships, rules = _split([rule for rule in contract.rules if len(rule.columns) != 1], element["name"])
    share = None if contract.max_quarantined == MOST_QUARANTINED else str(contract.max_quarantined)
    policy = None if contract.on_failure is OnFailure.FAIL else contract.on_failure
    custom = written(policy, **{MAX_QUARANTINED: share})
    element |= {"customProperties": custom} if custom else {}
    element |= {"relationships": relationships} if relationships else {}
    return element | ({"quality": [_rule(rule) for rule in rules]} if rules else {})


def _split(rules: list[Rule], own: str) -> tuple[list[dict[str, Any]], list[Rule]]:
    """The rules that are relationships in the standard's words, and the others but those of the service level."""
    found = [(rule, relationship(rule, own)) for rule in rules if not _is_sla(rule)]
    return [entry for _, entry in found if entry], [rule for rule, entry in found if not entry]


def _is_sla(rule: Rule) -> bool:
    """Whether `slaProperties` can say it: they have no severity and no name."""
    return rule.kind is RuleKind.FRESHNESS and not (rule.name or rule.description) and rule.severity is Severity.ERROR


def _property(contract: Contract, column: ColumnSpec) -> dict[str, Any]:
    own = [rule for rule in contract.rules if rule.columns == (column.name,)]
    options, rest = write_options(column, own)
    relationships, rules = _split(rest, "")
    entry: dict[str, Any] = {
        "name": column.name,
        "description": column.description,
        "logicalType": logical_type(normal_type(column.type) or column.type),
        "physicalType": column.type,
        "required": column.required,
        "primaryKey": column.name in contract.key,
        "primaryKeyPosition": contract.key.index(column.name) + 1 if column.name in contract.key else None,
        "classification": "personal" if column.personal else None,
        "customProperties": written(
            column.on_failure,
            personalData="none" if column.not_personal else column.personal,
            **{FORMATS: list(column.formats) or None},
        ),
        "logicalTypeOptions": options,
        "relationships": relationships,
        "quality": [_rule(rule) for rule in rules],
    }
    return {key: value for key, value in entry.items() if value}


def _sla(contract: Contract) -> list[dict[str, Any]]:
    promises: list[dict[str, Any]] = []
    table = contract.dataset.rpartition(".")[2]
    if contract.ready_by:
        promises.append({"property": "timeOfAvailability", "value": contract.ready_by})
    if contract.retention:
        counted = re.fullmatch(r"([1-9]\d*) ([A-Za-z]+)", contract.retention)
        value = {"value": int(counted[1]), "unit": counted[2]} if counted else {"value": contract.retention}
        counted_from = f"{table}.{contract.retention_column}" if contract.retention_column else None
        promises.append({"property": "retention"} | value | ({"element": counted_from} if counted_from else {}))
    fresh = [(rule, rule.age) for rule in contract.rules if _is_sla(rule) and rule.age is not None]
    return promises + [
        {"property": "freshness", **age_words(age), "element": f"{table}.{rule.columns[0]}"} for rule, age in fresh
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    """One `quality` entry: for its column if it is about exactly one and for the dataset otherwise."""
    entry: dict[str, Any] = {}
    if rule.name:
        entry["name"] = rule.name
    if rule.description:
        entry["description"] = rule.description
    spread = list(rule.columns) if len(rule.columns) > 1 else []
    custom = written(rule.on_failure, columns=spread if spread and rule.kind is RuleKind.SQL else None)
    if rule.kind is RuleKind.SQL:
        entry |= {"type": "sql", "query": count_of((rule.sql or "").replace("{table}", "{object}"))}
    elif rule.kind in _CUSTOM:
        about = {"properties": spread} if spread else {}
        entry |= {"type": "custom", "engine": ENGINE, "implementation": implementation(rule) | about | _allowed(rule)}
    else:
        arguments = _arguments(rule) | ({"properties": spread} if spread else {})
        entry |= {"type": "library", "metric": _metric(rule)} | ({"arguments": arguments} if arguments else {})
    entry |= {} if rule.kind in _CUSTOM else _allowed(rule)
    if custom:
        entry["customProperties"] = custom
    if rule.severity in _WRITTEN_SEVERITY:
        entry["severity"] = _WRITTEN_SEVERITY[rule.severity]
    return entry


def _allowed(rule: Rule) -> dict[str, Any]:
    """The operator, its operands and their unit."""
    if rule.threshold is None:
        return {} if rule.kind in _CUSTOM else {"mustBe": 0}
    operands = rule.threshold.operands
    written: dict[str, Any] = {rule.threshold.operator: operands[0] if len(operands) == 1 else list(operands)}
    return written | ({"unit": "percent"} if rule.threshold.percent else {})


def _metric(rule: Rule) -> str:
    return _METRICS.get(rule.kind, "invalidValues")


def _arguments(rule: Rule) -> dict[str, Any]:
    words = {"pattern": rule.pattern, "minimum": rule.low, "maximum": rule.high, "minLength": rule.shortest,
             "maxLength": rule.longest}  # fmt: skip
    listed = "missingValues" if rule.kind is RuleKind.MISSING else "validValues"
    values = {listed: list(rule.values)} if rule.values else {}
    return values | {key: value for key, value in words.items() if value is not None}
