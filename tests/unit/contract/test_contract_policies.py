"""What becomes of bad rows is read from custom properties; what cannot be meant is said, all at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from penstock.contract import read_contract
from penstock.contract.policies import policy_of, single_row_predicate
from penstock.contract.writing import write_contract
from penstock.model.contracts import Contract, OnFailure, Rule, RuleKind
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Severity

FILE = "contracts/shop.orders.odcs.yaml"
HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders
version: 1.0.0
schema:
  - name: orders
    physicalName: shop.orders
"""
FAIL, ASIDE, NULL = OnFailure.FAIL, OnFailure.QUARANTINE, OnFailure.NULL


def _said(policy: str) -> str:
    return f"customProperties: [{{property: onFailure, value: {policy}}}]"


def _column(name: str, *more: str, type_: str = "INTEGER") -> str:
    return f"      - {{{', '.join([f'name: {name}', f'physicalType: {type_}', *more])}}}\n"


def _range(*more: str) -> str:
    return f"{{{', '.join(['metric: invalidValues', 'arguments: {minimum: 1}', 'mustBe: 0', *more])}}}"


def _read(*columns: str, top: str = "") -> Contract:
    return read_contract(f"{HEAD}{top}    properties:\n{''.join(columns)}", FILE)


def _refused(*columns: str, top: str = "") -> tuple[Finding, ...]:
    with pytest.raises(InputError) as caught:
        _read(*columns, top=top)
    return caught.value.findings


def _policies(contract: Contract) -> dict[str, OnFailure]:
    return {f"{rule.kind}:{','.join(rule.columns)}": policy_of(contract, rule) for rule in contract.rules}


@pytest.mark.parametrize(("word", "policy"), [("fail", FAIL), ("quarantine", ASIDE), ("null", NULL), ('"null"', NULL)])
def test_a_check_says_what_becomes_of_the_rows_that_offend_it(word: str, policy: OnFailure) -> None:
    contract = _read(_column("n", f"quality: [{_range(_said(word))}]"))
    assert _policies(contract) == {"range:n": policy}


def test_the_nearest_policy_holds() -> None:
    own, by_column = f"quality: [{_range(_said('fail'))}, {_range()}]", _said("null")
    contract = _read(
        _column("a", own, by_column),
        _column("b", f"quality: [{_range()}]"),
        top=f"    {_said('quarantine')}\n",
    )
    assert [policy_of(contract, rule) for rule in contract.rules] == [FAIL, NULL, ASIDE]


def test_a_contract_that_says_nothing_lets_every_rule_fail() -> None:
    contract = _read(_column("n", f"quality: [{_range()}]", "unique: true"))
    assert set(_policies(contract).values()) == {FAIL}
    assert contract.max_quarantined == Decimal("0.1")


@pytest.mark.parametrize(
    ("text", "share"), [("0.25", "0.25"), ("25%", "0.25"), ("25 %", "0.25"), ("0", "0"), ("1", "1")]
)
def test_the_share_that_may_be_put_aside_is_a_fraction_or_a_percentage(text: str, share: str) -> None:
    contract = _read(_column("n"), top=f"    customProperties: [{{property: maxQuarantined, value: {text}}}]\n")
    assert contract.max_quarantined == Decimal(share)


def test_where_the_objects_null_has_no_value_to_take_the_rule_fails() -> None:
    contract = _read(
        _column("a", "required: true", f"quality: [{_range()}]"),
        _column("b", f"quality: [{_range()}, {{metric: nullValues, mustBe: 0}}]", "unique: true"),
        top=f"    {_said('null')}\n",
    )
    assert _policies(contract) == {"range:a": FAIL, "unique:b": FAIL, "range:b": NULL, "not_null:b": FAIL}


def test_lengths_and_missing_values_are_about_single_rows_and_a_persons_query_is_not() -> None:
    options = "logicalTypeOptions: {minLength: 2, maxLength: 5}"
    missing = "quality: [{metric: missingValues, arguments: {missingValues: [n/a, it's]}, mustBe: 0}]"
    query = "quality: [{type: sql, query: 'SELECT count(*) FROM {object} WHERE c < 0', mustBe: 0}]"
    contract = _read(
        _column("a", options, type_="VARCHAR"),
        _column("b", missing, type_="VARCHAR"),
        _column("c", query),
        top=f"    {_said('quarantine')}\n",
    )
    assert [policy_of(contract, rule) for rule in contract.rules] == [ASIDE, ASIDE, FAIL]
    found = [single_row_predicate(rule, ["VARCHAR"]) for rule in contract.rules]
    assert found[0] is not None
    assert 'length("a") < 2' in found[0]
    assert found[1] == """"b" IS NULL OR CAST("b" AS VARCHAR) IN ('n/a', 'it''s')"""


def test_a_query_that_only_begins_like_one_of_ours_is_not_about_single_rows() -> None:
    for tail in (" LIMIT 1", " OR (SELECT count(*) FROM {table}) > 3", " GROUP BY ALL"):
        rule = Rule(kind=RuleKind.SQL, columns=("a",), sql=f'SELECT * FROM {{table}} WHERE "a" <= 2{tail}')
        assert single_row_predicate(rule, ["VARCHAR"]) is None


@pytest.mark.parametrize(
    "condition", ['length("a") < 2', '"a" IS NULL', '"a" IS NULL OR CAST("a" AS VARCHAR) IN (\'n/a\')']
)
def test_a_persons_query_about_lengths_or_missing_words_is_no_rule_of_ours(condition: str) -> None:
    rule = Rule(kind=RuleKind.SQL, columns=("a",), sql=f"SELECT * FROM {{table}} WHERE {condition}")
    assert single_row_predicate(rule, ["VARCHAR"]) is None


def test_what_options_make_is_about_single_rows() -> None:
    options = "logicalTypeOptions: {exclusiveMinimum: 0, exclusiveMaximum: 9, multipleOf: 3}"
    contract = _read(_column("a", options), top=f"    {_said('quarantine')}\n")
    assert [policy_of(contract, rule) for rule in contract.rules] == [ASIDE, ASIDE, ASIDE]


def test_a_rule_that_only_warns_does_nothing_to_rows() -> None:
    contract = _read(_column("n", f"quality: [{_range('severity: warning')}]"), top=f"    {_said('quarantine')}\n")
    assert _policies(contract) == {"range:n": FAIL}


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (_column("n", "required: true", f"quality: [{_range(_said('null'))}]"), "n must not be NULL"),
        (_column("n", "primaryKey: true", f"quality: [{_range(_said('null'))}]"), "n must not be NULL"),
        (_column("n", "required: true", _said("null")), "n is required"),
        (_column("n", "primaryKey: true", _said("null")), "n is in the key"),
        (_column("n", f"quality: [{{metric: nullValues, mustBe: 0, {_said('null')}}}]"), "is not met by a NULL"),
        (_column("n", f"quality: [{{metric: duplicateValues, mustBe: 0, {_said('null')}}}]"), "is not met by a NULL"),
        (_column("n", f"quality: [{{metric: missingValues, mustBe: 0, {_said('null')}}}]"), "is not met by a NULL"),
        (_column("n", f"quality: [{_range('severity: warning', _said('quarantine'))}]"), "only tells"),
        (_column("n", f"quality: [{{metric: nullValues, mustBeLessThan: 5, {_said('quarantine')}}}]"), "all rows"),
        (_column("n", f"quality: [{_range(_said('ignore'))}]"), "onFailure is 'ignore'"),
        (_column("n", f"quality: [{_range('customProperties: [{property: onFailures, value: fail}]')}]"), "ignored"),
        (_column("n", "customProperties: [{property: formats, value: ['%d/%m/%Y']}]"), "for a INTEGER column"),
        (_column("n", "customProperties: [{property: formats, value: [dd/mm]}]", type_="DATE"), "is no form"),
        (_column("n", "customProperties: [{property: formats, value: ['%Q']}]", type_="DATE"), "is no form"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_said_with_its_place(column: str, reason: str) -> None:
    (finding,) = _refused(column)
    assert reason in finding.message
    assert (finding.place.file, finding.place.line) == (FILE, 9)


def test_every_contradiction_is_said_at_once() -> None:
    top = "    customProperties: [{property: maxQuarantined, value: 120%}, {property: onFailure, value: drop}]\n"
    found = _refused(_column("n", "required: true", _said("null")), top=top)
    assert sorted(finding.code for finding in found) == ["contract.on_failure", "contract.on_failure", "contract.share"]


def _order(rule: Rule) -> tuple[str, str]:
    return str(rule.kind), rule.low or ""


def test_policies_are_written_as_they_are_read() -> None:
    contract = _read(
        _column("d", "customProperties: [{property: formats, value: ['%d/%m/%Y']}]", type_="DATE"),
        _column("n", "unique: true", f"quality: [{_range(_said('null'))}]", "logicalTypeOptions: {minimum: 2}"),
        _column("m", _said("quarantine"), "quality: [{metric: nullValues, mustBe: 0, severity: warning}]"),
        top="    customProperties: [{property: maxQuarantined, value: 2%}, {property: onFailure, value: quarantine}]\n",
    )
    again = read_contract(write_contract(contract), FILE)
    assert sorted(again.rules, key=_order) == sorted(contract.rules, key=_order)
    assert [(rule.kind, rule.on_failure) for rule in again.rules if rule.on_failure] == [(RuleKind.RANGE, NULL)]
    assert [(spec.formats, spec.on_failure) for spec in again.columns] == [
        (("%d/%m/%Y",), None),
        ((), None),
        ((), ASIDE),
    ]
    assert (again.on_failure, again.max_quarantined) == (ASIDE, Decimal("0.02"))
    assert all(rule.severity is Severity.WARNING for rule in again.rules if rule.columns == ("m",))
