"""A contract does not promise less than before unless the story says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from policy_cases import REVENUE, assert_fails, assert_passes, implementation, project, story

from penstock.model.findings import Outcome
from penstock.model.stories import Bound, Impact
from penstock.policy.gates.weakened_contract import judge

if TYPE_CHECKING:
    from typing import Any

    from penstock.model.contracts import Contract
    from penstock.model.pipelines import Project


def contract_of(model: Project) -> Contract:
    contract = model.datasets[REVENUE].contract
    assert contract is not None
    return contract


def with_contract(model: Project, contract: Contract) -> Project:
    dataset = replace(model.datasets[REVENUE], contract=contract)
    return replace(model, datasets={**model.datasets, REVENUE: dataset})


def with_column(model: Project, number: int, **changes: Any) -> Project:
    contract = contract_of(model)
    columns = list(contract.columns)
    columns[number] = replace(columns[number], **changes)
    return with_contract(model, replace(contract, columns=tuple(columns)))


def test_the_same_contracts_pass() -> None:
    assert_passes(judge(implementation(base=project(), project=project())))


def test_without_a_base_there_is_nothing_to_compare() -> None:
    assert judge(implementation(base=None, project=project())).outcome is Outcome.NOT_APPLICABLE


def test_a_new_promise_passes() -> None:
    base = with_column(project(), 0, required=False)
    assert_passes(judge(implementation(base=base, project=with_column(project(), 0, required=True))))


def test_a_value_that_may_now_be_missing_fails() -> None:
    base = with_column(project(), 0, required=True)
    verdict = judge(implementation(base=base, project=with_column(project(), 0, required=False)))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.field == contract_of(base).columns[0].name


def test_a_column_that_is_gone_fails() -> None:
    base = project()
    fewer = replace(contract_of(base), columns=contract_of(base).columns[:-1])
    assert judge(implementation(base=base, project=with_contract(base, fewer))).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("word", "readers", "outcome"),
    [
        ("any", ("role finance",), Outcome.FAIL),
        ("gone", ("role finance",), Outcome.PASS),
        ("any", (), Outcome.PASS),
    ],
)
def test_a_column_that_somebody_reads_goes_only_if_the_story_says_gone(
    word: str, readers: tuple[str, ...], outcome: Outcome
) -> None:
    base = project()
    gone = contract_of(base).columns[-1].name
    after = with_contract(base, replace(contract_of(base), columns=contract_of(base).columns[:-1]))
    declared = story(impact={REVENUE: Impact(dataset=REVENUE, columns={gone: Bound.parse(word)})})
    broken_for = {(REVENUE, "column_removed", gone): readers}
    verdict = judge(implementation(base=base, project=after, story=declared, broken_for=broken_for))
    assert verdict.outcome is outcome
    assert all("gone" in str(finding.remedy) for finding in verdict.findings)


def test_what_the_story_lets_move_may_be_promised_less() -> None:
    base = with_column(project(), 0, required=True)
    name = contract_of(base).columns[0].name
    declared = story(impact={REVENUE: Impact(dataset=REVENUE, columns={name: Bound.parse("-5%..0%")})})
    after = with_column(project(), 0, required=False)
    assert_passes(judge(implementation(story=declared, base=base, project=after)))


def test_a_tag_of_personal_data_cannot_be_taken_away_by_a_story() -> None:
    base = with_column(project(), 0, personal="email")
    declared = story(impact={REVENUE: Impact(dataset=REVENUE, every_column=Bound.parse("any"))})
    verdict = judge(implementation(story=declared, base=base, project=with_column(project(), 0, personal=None)))
    assert_fails(verdict, "")
    assert "base branch" in (verdict.findings[0].remedy or "")


@pytest.mark.parametrize(
    ("readers", "said"),
    [(("sales.report", "role finance"), "; breaking for sales.report, role finance"), ((), "; nobody known reads it")],
)
def test_the_finding_says_for_whom_it_is_breaking(readers: tuple[str, ...], said: str) -> None:
    base = with_column(project(), 0, required=True)
    column = contract_of(base).columns[0].name
    concerned = {(REVENUE, "column_optional", column): readers}
    after = with_column(project(), 0, required=False)
    verdict = judge(implementation(base=base, project=after, broken_for=concerned))
    assert verdict.findings[0].found == f"column optional{said}"


def test_an_impact_of_none_declares_no_weaker_promise() -> None:
    base = with_column(project(), 0, required=True)
    none = Impact(dataset=REVENUE, rows=Bound.parse("none"), every_column=Bound.parse("none"))
    after = with_column(project(), 0, required=False)
    assert_fails(judge(implementation(base=base, project=after, story=story(impact={REVENUE: none}))), "")
