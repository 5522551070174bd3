"""What a change makes has a contract and somebody who answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from policy_cases import REVENUE, assert_fails, assert_passes, contract, dataset, implementation, pipeline, project

from penstock.model.findings import Outcome
from penstock.policy.gates.missing_contract import judge

if TYPE_CHECKING:
    from penstock.policy.facts import ImplementationFacts


def made(*datasets: Any, **changes: Any) -> ImplementationFacts:
    """A branch that makes these datasets where nothing was."""
    after = project(*datasets, pipelines=(pipeline(**changes),))
    return implementation(base=None, project=after, changed_files=())


def test_a_dataset_with_all_promises_passes() -> None:
    verdict = judge(made(dataset()))
    assert_passes(verdict)
    assert verdict.summary == "1 dataset in 1 pipeline with contract, owner, columns and SLA."


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"contract": None}, ["contract"]),
        ({"contract": contract(owner=None)}, ["owner"]),
        ({"contract": contract(owner=" ")}, ["owner"]),
        ({"contract": contract(columns=())}, ["columns"]),
        ({"contract": contract(columns=(), owner=None)}, ["columns", "owner"]),
    ],
)
def test_each_promise_that_a_dataset_lacks_fails(changes: dict[str, Any], missing: list[str]) -> None:
    verdict = judge(made(dataset(**changes)))
    assert_fails(verdict, *missing)
    assert {one.place.dataset for one in verdict.findings} == {REVENUE}


def test_a_fault_is_placed_in_the_contract_or_where_there_is_none_in_the_query() -> None:
    files = [judge(made(dataset(contract=each))).findings[0].place.file for each in (contract(owner=None), None)]
    assert files == [f"contracts/{REVENUE}.odcs.yaml", "pipelines/sales/daily_revenue.sql"]


@pytest.mark.parametrize(("changes", "missing"), [({"owner": ""}, "owner"), ({"sla": None}, "sla")])
def test_each_promise_that_the_pipeline_lacks_fails(changes: dict[str, Any], missing: str) -> None:
    verdict = judge(made(dataset(), **changes))
    assert_fails(verdict, missing)
    assert verdict.findings[0].place.file == "pipelines/sales/pipeline.yaml"


BARE = dataset(contract=None)


@pytest.mark.parametrize("path", ["pipelines/sales/daily_revenue.sql", f"contracts/{REVENUE}.odcs.yaml"])
def test_a_dataset_whose_files_the_branch_touches_is_judged(path: str) -> None:
    facts = implementation(base=project(dataset()), project=project(BARE), changed_files=(path,))
    assert_fails(judge(facts), "contract")


def test_a_contract_that_the_branch_adds_is_judged() -> None:
    path = f"contracts/{REVENUE}.odcs.yaml"
    after = project(dataset(contract=contract(owner=None)))
    assert_fails(judge(implementation(base=project(BARE), project=after, changed_files=(path,))), "owner")


def test_what_the_branch_leaves_alone_is_not_judged() -> None:
    facts = implementation(base=project(BARE), project=project(BARE), changed_files=("docs/sales.md",))
    assert judge(facts).outcome is Outcome.NOT_APPLICABLE


def test_a_pipeline_whose_own_file_is_touched_is_judged_without_its_datasets() -> None:
    after = project(BARE, pipelines=(pipeline(sla=None),))
    facts = implementation(base=project(BARE), project=after, changed_files=("pipelines/sales/pipeline.yaml",))
    assert_fails(judge(facts), "sla")


def test_a_pipeline_that_the_change_has_nothing_to_do_with_is_not_judged() -> None:
    after = project(dataset(), pipelines=(pipeline(), pipeline("finance", sla=None)))
    assert_passes(judge(implementation(base=None, project=after)))


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
