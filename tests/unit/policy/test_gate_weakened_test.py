"""Data tests look at no less than before unless the story says why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from policy_cases import REVENUE, assert_fails, assert_passes, dataset, impact, implementation, project, story

from penstock.model.authors import Author, AuthorKind
from penstock.model.datatests import DataTest
from penstock.model.findings import Outcome
from penstock.policy.gates.weakened_test import judge

if TYPE_CHECKING:
    from typing import Any

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Project

BY_HAND = Author(kind=AuthorKind.PATCH, place="change.patch")
CASE = DataTest(
    dataset=REVENUE,
    name="one sale",
    file=f"tests/{REVENUE}.test.yaml",
    line=3,
    given={"sales.stg_invoices": ({"quantity": 2, "price": "1.50"},)},
    expect=({"day": "2011-01-04", "net": "3.00"},),
)


def cases_of(*tests: DataTest) -> Project:
    return replace(project(), tests=tests)


def judged(*after: DataTest, before: tuple[DataTest, ...] = (CASE,), **said: Any) -> Verdict:
    return judge(implementation(base=cases_of(*before), project=cases_of(*after), story=story(author=BY_HAND, **said)))


def test_the_same_cases_and_more_of_them_pass() -> None:
    assert_passes(judged(CASE, replace(CASE, name="another")))


def test_other_values_and_another_name_pass() -> None:
    assert_passes(judged(replace(CASE, expect=({"day": "2011-01-04", "net": "4.00"},))))
    assert_passes(judged(replace(CASE, name="a sale")))


def test_a_case_that_is_gone_fails() -> None:
    verdict = judged()
    assert_fails(verdict, "gone")
    assert verdict.findings[0].place.file == CASE.file
    assert (
        judge(implementation(base=cases_of(CASE), project=project(dataset("sales.other")))).outcome
        is Outcome.NOT_APPLICABLE
    )


@pytest.mark.parametrize(("expect", "lost"), [(({"day": "2011-01-04"},), "net"), ((), "day, net")])
def test_a_case_that_looks_at_fewer_columns_fails(expect: tuple[dict[str, object], ...], lost: str) -> None:
    verdict = judged(replace(CASE, expect=expect))
    assert_fails(verdict, "narrower")
    assert verdict.findings[0].message.endswith(f"no longer looks at {lost}")


def test_a_column_that_the_story_takes_away_is_not_looked_at() -> None:
    assert_passes(judged(replace(CASE, expect=({"day": "2011-01-04"},)), impact=impact(columns={"net": "gone"})))


@pytest.mark.parametrize("name", [REVENUE, CASE.file])
def test_a_reason_in_the_story_clears_it(name: str) -> None:
    assert_passes(judged(loosened={name: "It is tested where it is made."}))
    assert_fails(judged(loosened={"sales.other": "Another one."}), "gone")


def test_tests_that_are_written_from_the_story_are_not_judged() -> None:
    assert judge(implementation(base=cases_of(CASE), project=cases_of())).outcome is Outcome.NOT_APPLICABLE
