"""What a change of a contract means to those who read the dataset."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock.contract import Effect, compare
from penstock.model.contracts import ColumnSpec, Contract, Past, Rule, RuleKind, Threshold
from penstock.model.findings import Severity

DAY = ColumnSpec(name="day", type="DATE", key=True)
GROSS = ColumnSpec(name="gross", type="DECIMAL(18,2)", required=True)
MAIL = ColumnSpec(name="mail", type="VARCHAR", personal="email")
OLD = Contract(
    dataset="sales.daily",
    file="f",
    version="1.0.0",
    columns=(DAY, GROSS, MAIL),
    key=("day",),
    retention="3 years",
    ready_by="06:30",
    owner="sales",
)
COUNTRY = Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("mail",), values=("a", "b"))
RANGE = Rule(kind=RuleKind.RANGE, columns=("gross",), low="0", high="100")
DATES = Rule(kind=RuleKind.RANGE, columns=("day",), low="2010-12-01")
LENGTH = Rule(kind=RuleKind.LENGTH, columns=("mail",), shortest=3, longest=40)
FEW, FEWER = (Threshold(operator="mustBeLessThan", operands=(share,), percent=True) for share in (2, 0.5))
FRESH = Rule(kind=RuleKind.FRESHNESS, columns=("day",), age=timedelta(days=1))
DRIFT = Rule(kind=RuleKind.DRIFT, columns=("gross",), method="psi", limit=0.2, past=Past())
RELATED = Rule(kind=RuleKind.RELATION, columns=("mail",), dataset="sales.people", others=("mail",))
QUERY = Rule(kind=RuleKind.SQL, name="sums", sql="SELECT 1")


def effects(new: Contract | None, old: Contract | None = OLD) -> list[tuple[str, str, str | None]]:
    return [(change.kind, change.effect.value, change.column) for change in compare(old, new)]


def with_column(*columns: ColumnSpec) -> Contract:
    return replace(OLD, columns=columns)


def test_no_difference_is_no_change() -> None:
    assert compare(OLD, OLD) == ()


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (with_column(DAY, MAIL), ("column_removed", "breaking", "gross")),
        (with_column(DAY, GROSS, MAIL, replace(DAY, name="town")), ("column_added", "additive", "town")),
        (with_column(DAY, replace(GROSS, type="DECIMAL(20,2)"), MAIL), ("column_retyped", "additive", "gross")),
        (with_column(DAY, replace(GROSS, type="DECIMAL(18,4)"), MAIL), ("column_retyped", "breaking", "gross")),
        (with_column(DAY, replace(GROSS, type="VARCHAR"), MAIL), ("column_retyped", "breaking", "gross")),
        (with_column(DAY, replace(GROSS, required=False), MAIL), ("column_optional", "breaking", "gross")),
        (with_column(DAY, GROSS, replace(MAIL, required=True)), ("column_required", "additive", "mail")),
        (with_column(DAY, GROSS, replace(MAIL, personal=None)), ("personal_unmarked", "breaking", "mail")),
        (with_column(DAY, replace(GROSS, personal="name"), MAIL), ("personal_marked", "none", "gross")),
        (with_column(DAY, replace(GROSS, description="money"), MAIL), ("column_described", "none", "gross")),
        (replace(OLD, key=("day", "gross")), ("key_changed", "breaking", None)),
        (replace(OLD, key=()), ("key_removed", "breaking", None)),
        (replace(OLD, retention="1 year"), ("retention", "breaking", None)),
        (replace(OLD, retention="48 months"), ("retention", "additive", None)),
        (replace(OLD, retention="a while"), ("retention", "breaking", None)),
        (replace(OLD, retention=None), ("retention", "breaking", None)),
        (replace(OLD, ready_by="9:00"), ("ready_by", "breaking", None)),
        (replace(OLD, ready_by="6:00"), ("ready_by", "additive", None)),
        (replace(OLD, ready_by=None), ("ready_by", "breaking", None)),
        (replace(OLD, status="retired"), ("status", "breaking", None)),
        (replace(OLD, status="deprecated"), ("status", "none", None)),
        (replace(OLD, owner="finance"), ("owner", "none", None)),
        (replace(OLD, rules=(RANGE,)), ("rule_added", "additive", "gross")),
    ],
)
def test_each_change_has_its_effect(new: Contract, expected: tuple[str, str, str | None]) -> None:
    assert effects(new) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (RANGE, None, ("rule_removed", "breaking")),
        (replace(RANGE, severity=Severity.WARNING), None, ("rule_removed", "none")),
        (RANGE, replace(RANGE, low="-0.5"), ("rule_loosened", "breaking")),
        (RANGE, replace(RANGE, low="9", high="10"), ("rule_tightened", "additive")),
        (RANGE, replace(RANGE, high=None), ("rule_loosened", "breaking")),
        (RANGE, replace(RANGE, low="0.0"), ("rule_tightened", "additive")),
        (DATES, replace(DATES, low="2011-01-01"), ("rule_tightened", "additive")),
        (DATES, replace(DATES, low="2009-01-01"), ("rule_loosened", "breaking")),
        (COUNTRY, replace(COUNTRY, values=("b",)), ("rule_tightened", "additive")),
        (COUNTRY, replace(COUNTRY, values=("a", "b", "c")), ("rule_loosened", "breaking")),
        (COUNTRY, replace(COUNTRY, values=("b", "a"), name="n"), ("rule_described", "none")),
        (RANGE, replace(RANGE, severity=Severity.WARNING), ("rule_loosened", "breaking")),
        (replace(RANGE, severity=Severity.WARNING), RANGE, ("rule_tightened", "additive")),
        (QUERY, replace(QUERY, sql="SELECT 2"), ("rule_loosened", "breaking")),
        (LENGTH, replace(LENGTH, longest=9), ("rule_tightened", "additive")),
        (LENGTH, replace(LENGTH, longest=None), ("rule_loosened", "breaking")),
        (RANGE, replace(RANGE, threshold=FEW), ("rule_loosened", "breaking")),
        (replace(RANGE, threshold=FEW), RANGE, ("rule_tightened", "additive")),
        (replace(RANGE, threshold=FEW), replace(RANGE, threshold=FEWER), ("rule_tightened", "additive")),
        (replace(RANGE, threshold=FEWER), replace(RANGE, threshold=FEW), ("rule_loosened", "breaking")),
        (FRESH, replace(FRESH, age=timedelta(hours=5)), ("rule_tightened", "additive")),
        (FRESH, replace(FRESH, age=timedelta(days=5)), ("rule_loosened", "breaking")),
        (DRIFT, replace(DRIFT, limit=0.1), ("rule_tightened", "additive")),
        (DRIFT, replace(DRIFT, limit=0.3), ("rule_loosened", "breaking")),
        (RELATED, replace(RELATED, dataset="sales.others"), ("rule_loosened", "breaking")),
    ],
)
def test_a_rule_that_allows_more_breaks_its_readers(old: Rule, new: Rule | None, expected: tuple[str, str]) -> None:
    before, after = replace(OLD, rules=(old,)), replace(OLD, rules=(new,) if new else ())
    assert [one[:2] for one in effects(after, before)] == [expected]


def test_two_rules_of_one_kind_on_a_column_do_not_hide_each_other() -> None:
    second = replace(RANGE, low="10", high="20")
    before, after = replace(OLD, rules=(RANGE, second)), replace(OLD, rules=(RANGE,))
    assert effects(after, before) == [("rule_removed", "breaking", "gross")]


def test_a_first_contract_is_additive_and_a_withdrawn_one_breaking() -> None:
    assert effects(OLD, None) == [("introduced", "additive", None)]
    assert effects(None, OLD) == [("withdrawn", "breaking", None)]
    assert compare(None, None) == ()


def test_every_reason_is_a_sentence_for_people() -> None:
    new = replace(OLD, columns=(DAY,), key=(), rules=(RANGE, QUERY), status="retired", ready_by=None)
    assert all(" " in change.reason and change.dataset == "sales.daily" for change in compare(OLD, new))
    assert {change.effect for change in compare(OLD, new)} == {Effect.BREAKING, Effect.ADDITIVE}
