"""A contract written anew keeps what it does not read: round trips over the whole standard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from penstock.contract import read_contract, write_contract
from penstock.contract.consumers import NamedConsumer, named_consumers
from penstock.contract.merging import keep_unknown
from penstock.documents import read_yaml
from penstock.model.contracts import MOST_QUARANTINED, Contract, OnFailure, Rule, RuleKind, Threshold
from penstock.model.findings import Severity

FILE = "contracts/sales.daily.odcs.yaml"
FULL = """\
apiVersion: v3.2.0
kind: DataContract
id: sales.daily
name: Daily sales
version: 1.0.0
status: active
tenant: acme
domain: sales
dataProduct: shop
tags: [money]
contractCreatedTs: '2024-01-01T00:00:00Z'
description: {purpose: Sales per day., usage: Reports., limitations: No refunds.}
team:
  name: sales
  description: Whoever sells.
  members: [{username: jo, role: owner}]
servers: [{server: lake, type: local, path: lake, format: parquet}]
support: [{channel: sales-help, url: 'https://example.com'}]
price: {priceAmount: 9.95, priceCurrency: EUR}
roles: [{role: analysts, access: read}]
customProperties:
  - {property: consumers, value: [dashboard, {name: stock, columns: [day]}]}
schema:
  - name: daily
    physicalName: sales.daily
    businessName: Sales by day
    physicalType: table
    logicalType: object
    dataGranularityDescription: One row per day.
    authoritativeDefinitions: [{url: 'https://example.com/daily', type: businessDefinition}]
    properties:
      - name: day
        physicalType: DATE
        logicalType: date
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        partitioned: true
        partitionKeyPosition: 1
        examples: ['2024-01-01']
        tags: [time]
      - name: gross
        description: What was sold.
        physicalType: DECIMAL(18,2)
        logicalType: number
        classification: restricted
        criticalDataElement: true
        customProperties: [{property: unitOfMeasure, value: EUR}, {property: looksLike, value: DOUBLE}]
        quality:
          - {type: text, description: Ask the book-keepers.}
          - {name: never negative, type: library, metric: invalidValues, arguments: {minimum: '0'}, mustBe: 0,
             dimension: accuracy, businessImpact: operational}
    quality:
      - {type: custom, engine: soda, implementation: 'checks: []'}
slaProperties:
  - {property: latency, value: 4, unit: d}
  - {property: retention, value: 3, unit: years, element: sales.daily.day, driver: regulatory}
"""


def data(text: str) -> Any:
    return read_yaml(text, FILE).data


def leaves(value: Any, path: tuple[object, ...] = ()) -> set[tuple[object, ...]]:
    """Every scalar with the keys that lead to it; entries of lists stand under their name."""
    if isinstance(value, dict):
        return {leaf for key, item in value.items() for leaf in leaves(item, (*path, key))}
    if isinstance(value, list):
        named = [next((item[word] for word in ("name", "property", "role", "server", "type") if word in item), index)
                 if isinstance(item, dict) else index for index, item in enumerate(value)]  # fmt: skip
        return {leaf for name, item in zip(named, value, strict=True) for leaf in leaves(item, (*path, name))}
    return {(*path, value)}


def test_reading_and_writing_loses_nothing_that_we_do_not_read() -> None:
    again = keep_unknown(FULL, write_contract(read_contract(FULL, FILE)), FILE)
    lost = leaves(data(FULL)) - leaves(data(again))
    assert lost == {("apiVersion", "v3.2.0"), ("name", "Daily sales")}
    assert read_contract(again, FILE) == replace(read_contract(FULL, FILE), version="1.0.0")


def test_written_twice_it_is_the_same_text() -> None:
    once = keep_unknown(FULL, write_contract(read_contract(FULL, FILE)), FILE)
    assert keep_unknown(once, write_contract(read_contract(once, FILE)), FILE) == once


def test_what_we_write_and_nobody_promises_any_longer_goes() -> None:
    contract = read_contract(FULL, FILE)
    fewer = replace(contract, columns=contract.columns[:1], rules=(), retention=None)
    after = data(keep_unknown(FULL, write_contract(fewer), FILE))
    assert [column["name"] for column in after["schema"][0]["properties"]] == ["day"]
    assert [promise["property"] for promise in after["slaProperties"]] == ["latency"]


def test_a_rule_of_the_same_name_keeps_what_else_was_said_of_it() -> None:
    contract = read_contract(FULL, FILE)
    (rule,) = [one for one in contract.rules if one.kind is RuleKind.RANGE]
    other = replace(contract, rules=(replace(rule, low="1"), Rule(kind=RuleKind.UNIQUE, columns=("day",))))
    after = data(keep_unknown(FULL, write_contract(other), FILE))
    (kept, text) = after["schema"][0]["properties"][1]["quality"]
    assert (kept["arguments"], kept["dimension"], kept["businessImpact"]) == (
        {"minimum": "1"},
        "accuracy",
        "operational",
    )
    assert text["description"] == "Ask the book-keepers."


def test_a_file_of_our_own_words_alone_is_written_as_it_is() -> None:
    new = write_contract(read_contract(FULL, FILE))
    assert keep_unknown(new, new, FILE) is new


def test_personal_data_that_is_none_any_longer_is_unmarked() -> None:
    tagged = FULL.replace("classification: restricted", "classification: personal").replace(
        "{property: looksLike, value: DOUBLE}", "{property: personalData, value: email}"
    )
    contract = read_contract(tagged, FILE)
    assert contract.columns[1].personal == "email"
    plain = replace(contract, columns=(contract.columns[0], replace(contract.columns[1], personal=None)))
    assert read_contract(keep_unknown(tagged, write_contract(plain), FILE), FILE).columns[1].personal is None


@pytest.mark.parametrize("text", [FULL, FULL.replace("roles:", "rolls:")])
def test_consumers_are_roles_and_those_whom_the_contract_lists(text: str) -> None:
    roles = (NamedConsumer(name="role analysts"),) if "roles:" in text else ()
    listed = (NamedConsumer(name="dashboard"), NamedConsumer(name="stock", columns=("day",)))
    assert named_consumers(text, FILE) == (*roles, *listed)


# -- every kind of check ----------------------------------------------------------------------------------------------

KINDS = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.daily
version: 1.0.0
status: active
schema:
  - name: daily
    physicalName: sales.daily
    customProperties: [{property: onFailure, value: quarantine}, {property: maxQuarantined, value: '0.2'},
                       {property: tier, value: gold}]
    relationships: [{type: foreignKey, from: [daily.day, daily.shop], to: [sales.plan.day, sales.plan.shop], id: plan}]
    properties:
      - {name: day, physicalType: DATE, logicalType: date,
         customProperties: [{property: formats, value: ['%d/%m/%Y']}, {property: unit, value: day}]}
      - name: shop
        physicalType: VARCHAR
        logicalType: string
        customProperties: [{property: onFailure, value: 'null'}]
        relationships: [{type: foreignKey, to: sales.shops.id, description: Only shops that are open.}]
        quality:
          - {type: library, metric: invalidValues, arguments: {minLength: 2, maxLength: 5}, mustBe: 0,
             severity: warning, dimension: conformity}
          - {type: library, metric: missingValues, arguments: {missingValues: [n/a]}, mustBe: 0,
             dimension: completeness,
             customProperties: [{property: onFailure, value: fail}, {property: ticket, value: 12}]}
          - {type: library, metric: invalidValues, arguments: {validValues: [a, b], maxLength: 3}, mustBeLessThan: 2,
             unit: percent, businessImpact: high}
      - name: gross
        physicalType: DOUBLE
        logicalType: number
        quality:
          - {type: custom, engine: penstock, implementation: {check: drift, method: ks}, dimension: accuracy}
          - {type: custom, engine: soda, implementation: 'checks: []'}
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 3, dimension: coverage}
      - {type: custom, engine: penstock, implementation: {check: volume, tolerance: 0.4}, schedule: daily}
slaProperties:
  - {property: freshness, value: 2, unit: d, element: daily.day, driver: regulatory}
  - {property: latency, value: 4, unit: d}
"""
THEIRS = {"tier", "unit", "id", "description", "dimension", "ticket", "businessImpact", "schedule", "driver", "latency",
          "conformity", "completeness", "coverage", "accuracy"}  # fmt: skip


def words(text: str) -> set[str]:
    """Every key and every text that stands in a document."""

    def found(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {str(key) for key in value} | {word for item in value.values() for word in found(item)}
        if isinstance(value, list):
            return {word for item in value for word in found(item)}
        return {str(value)}

    return found(data(text))


def merged(contract: Contract, over: str = KINDS) -> str:
    return keep_unknown(over, write_contract(contract), FILE)


def same_rules(one: Contract, other: Contract) -> bool:
    """Whether two contracts have the same rules, in whatever order."""
    return len(one.rules) == len(other.rules) and all(rule in other.rules for rule in one.rules)


def test_every_kind_of_check_is_read_back_as_it_was_with_what_else_was_said_of_it() -> None:
    contract = read_contract(KINDS, FILE)
    assert {rule.kind for rule in contract.rules} >= {
        RuleKind.LENGTH, RuleKind.MISSING, RuleKind.INVALID, RuleKind.ROW_COUNT, RuleKind.RELATION,
        RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT,
    }  # fmt: skip
    again = merged(contract)
    after = read_contract(again, FILE)
    assert same_rules(after, contract)
    assert replace(after, rules=()) == replace(contract, rules=())
    assert words(again) >= THEIRS
    assert merged(read_contract(again, FILE), again) == again


@pytest.mark.parametrize("number", range(9))
def test_a_check_that_is_promised_no_longer_goes_and_nothing_else_does(number: int) -> None:
    contract = read_contract(KINDS, FILE)
    assert len(contract.rules) == 9
    fewer = replace(contract, rules=(*contract.rules[:number], *contract.rules[number + 1 :]))
    after = read_contract(merged(fewer), FILE)
    assert same_rules(after, fewer)
    assert "soda" in words(merged(fewer))


@pytest.mark.parametrize("number", range(9))
def test_a_check_that_is_changed_keeps_what_else_was_said_of_it(number: int) -> None:
    contract = read_contract(KINDS, FILE)
    rule = contract.rules[number]
    others: dict[RuleKind, dict[str, Any]] = {
        RuleKind.LENGTH: {"longest": 9},
        RuleKind.MISSING: {"values": ("none",)},
        RuleKind.INVALID: {"values": ("a", "c")},
        RuleKind.ROW_COUNT: {"threshold": Threshold(operator="mustBe", operands=(7,))},
        RuleKind.RELATION: {"severity": Severity.WARNING},
        RuleKind.FRESHNESS: {"age": timedelta(hours=5)},
        RuleKind.VOLUME: {"limit": 0.9},
        RuleKind.DRIFT: {"limit": 0.7},
    }
    other = others[rule.kind]
    changed = replace(contract, rules=tuple(replace(one, **other) if one is rule else one for one in contract.rules))
    text = merged(changed)
    assert same_rules(read_contract(text, FILE), changed)
    assert words(text) >= THEIRS


def test_policies_that_hold_no_longer_go_and_those_that_hold_now_come() -> None:
    contract = read_contract(KINDS, FILE)
    plain = replace(
        contract,
        on_failure=OnFailure.FAIL,
        columns=tuple(replace(column, on_failure=None, formats=()) for column in contract.columns),
        rules=tuple(replace(rule, on_failure=None) for rule in contract.rules),
        max_quarantined=MOST_QUARANTINED,
    )
    after = read_contract(merged(plain), FILE)
    assert not after.names_policies
    assert (after.columns, after.max_quarantined) == (plain.columns, plain.max_quarantined)
    assert words(merged(plain)) >= THEIRS
    again = read_contract(merged(contract, merged(plain)), FILE)
    assert (again.on_failure, again.columns) == (contract.on_failure, contract.columns)
    assert {rule.on_failure for rule in again.rules} == {rule.on_failure for rule in contract.rules}
