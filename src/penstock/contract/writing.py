"""Contracts to ODCS v3.1 documents, in the order people read them: who, what, promises; the same text every time.

`read_contract` reads back an equal contract. Rules come column by column, then those of the dataset.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import logical_type, normal_type
from penstock.contract.measures import count_of
from penstock.contract.options import write_options
from penstock.contract.policies import FORMATS, MAX_QUARANTINED, written
from penstock.documents import to_yaml
from penstock.model.contracts import MOST_QUARANTINED, OnFailure, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from penstock.model.contracts import ColumnSpec, Contract, Rule

API_VERSION = "v3.1.0"
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
    rules = [_rule(rule) for rule in contract.rules if len(rule.columns) != 1]
    share = None if contract.max_quarantined == MOST_QUARANTINED else str(contract.max_quarantined)
    policy = None if contract.on_failure is OnFailure.FAIL else contract.on_failure
    custom = written(policy, **{MAX_QUARANTINED: share})
    return element | ({"customProperties": custom} if custom else {}) | ({"quality": rules} if rules else {})


def _property(contract: Contract, column: ColumnSpec) -> dict[str, Any]:
    options, rules = write_options(column, [rule for rule in contract.rules if rule.columns == (column.name,)])
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
            column.on_failure, personalData=column.personal, **{FORMATS: list(column.formats) or None}
        ),
        "logicalTypeOptions": options,
        "quality": [_rule(rule) for rule in rules],
    }
    return {key: value for key, value in entry.items() if value}


def _sla(contract: Contract) -> list[dict[str, Any]]:
    promises: list[dict[str, Any]] = []
    if contract.ready_by:
        promises.append({"property": "timeOfAvailability", "value": contract.ready_by})
    if contract.retention:
        counted = re.fullmatch(r"([1-9]\d*) ([A-Za-z]+)", contract.retention)
        value = {"value": int(counted[1]), "unit": counted[2]} if counted else {"value": contract.retention}
        promises.append({"property": "retention"} | value)
    return promises


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
    else:
        arguments = _arguments(rule) | ({"properties": spread} if spread else {})
        entry |= {"type": "library", "metric": _metric(rule)} | ({"arguments": arguments} if arguments else {})
    entry["mustBe"] = 0
    if custom:
        entry["customProperties"] = custom
    if rule.severity in _WRITTEN_SEVERITY:
        entry["severity"] = _WRITTEN_SEVERITY[rule.severity]
    return entry


def _metric(rule: Rule) -> str:
    return {RuleKind.NOT_NULL: "nullValues", RuleKind.UNIQUE: "duplicateValues"}.get(rule.kind, "invalidValues")


def _arguments(rule: Rule) -> dict[str, Any]:
    words = {"pattern": rule.pattern, "minimum": rule.low, "maximum": rule.high}
    values = {"validValues": list(rule.values)} if rule.values else {}
    return values | {key: value for key, value in words.items() if value is not None}
