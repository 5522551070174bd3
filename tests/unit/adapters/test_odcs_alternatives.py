"""Where the standard's schema has alternatives, a message is about the one that somebody meant, with its line."""

from __future__ import annotations

import pytest

from penstock.adapters.odcs.validation import schema_findings

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders
version: 1.0.0
status: active
team: {name: us}
schema:
  - name: orders
    physicalName: shop.orders
    relationships: [{type: foreignKey, from: orders.id, to: shop.others.id}]
    properties:
      - name: id
        logicalType: string
        quality:
          - {type: library, metric: nullValues, mustBe: 0}
          - {type: custom, engine: penstock, implementation: {check: drift}}
slaProperties: [{property: latency, value: 4}]
"""


def said(old: str, new: str) -> list[tuple[str, str | None, int | None]]:
    assert CONTRACT.count(old) == 1
    found = schema_findings(CONTRACT.replace(old, new), "shop.orders.odcs.yaml")
    return [(one.message.partition(": ")[2], one.expected, one.place.line) for one in found]


def test_a_contract_that_is_right_is_told_nothing() -> None:
    assert said("name: us", "name: them") == []


@pytest.mark.parametrize(
    ("old", "new", "message", "expected", "line"),
    [
        ("team: {name: us}", "team: {nam: us}", "'nam' was unexpected", None, 6),
        ("team: {name: us}", "team: [{name: us}]", "'username' is a required property", "username", 6),
        ("team: {name: us}", "team: us", "'us' is not of type object | array", "object | array", 6),
        ("mustBe: 0", "mustBeLessThan: few", "'few' is not of type 'number'", "number", 15),
        ("mustBe: 0", "mustBe: 0, mustBeLessThan: 3", "is right in several ways", None, 15),
        ("implementation: {check: drift}", "implementation: 5", "5 is not of type string | object",
         "string | object", 16),
        ("value: 4", "value: [4]", "[4] is not of type string | number | integer | boolean | null",
         "string | number | integer | boolean | null", 17),
        ("from: orders.id, to: shop.others.id", "from: [orders.id, 5], to: [shop.others.id, shop.others.at]",
         "5 is not of type", "string", 10),
    ],
)  # fmt: skip
def test_the_alternative_that_was_meant_is_the_one_complained_of(
    old: str, new: str, message: str, expected: str | None, line: int
) -> None:
    found = said(old, new)
    assert any(message in text and (want, at) == (expected, line) for text, want, at in found), found


def test_where_one_of_several_keys_is_missing_all_of_them_are_named() -> None:
    ((message, expected, line),) = [one for one in said(", mustBe: 0", "") if one[2] == 15]
    assert message == "one key is missing"
    assert (expected or "").split(" | ")[:3] == ["mustBe", "mustNotBe", "mustBeGreaterThan"]
    assert line == 15


@pytest.mark.parametrize("more", ["", ", logicalTypeOptions: {minLength: 3}", ", map: {}"])
def test_a_property_without_a_type_is_told_so_and_not_what_other_types_would_ask(more: str) -> None:
    found = said("properties:\n", f"properties:\n      - {{name: at, physicalType: DATE{more}}}\n")
    types = "string | date | timestamp | time | number | integer | object | array | boolean | map | vector"
    assert found == [("logicalType is missing", types, 12)]


def test_items_without_a_type_are_told_so_too() -> None:
    found = said("logicalType: string", "logicalType: array\n        items: {description: Some.}")
    assert [(message, line) for message, _, line in found] == [("logicalType is missing", 14)]


def test_a_map_that_says_so_is_asked_for_its_parts() -> None:
    assert [message for message, _, _ in said("logicalType: string", "logicalType: map")] == [
        "'map' is a required property"
    ]
