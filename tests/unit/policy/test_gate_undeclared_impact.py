"""The story must name every dataset that the change makes, alters or moves."""

from __future__ import annotations

import pytest
from policy_cases import REVENUE, STAGED, assert_fails, assert_passes, design, impact, story

from penstock.model.findings import Outcome
from penstock.model.stories import StoryDataset, StorySource
from penstock.policy.gates.undeclared_impact import judge

SOURCE = StorySource(name="invoices", path="data/1.csv", columns=())
MART = StoryDataset(name="monthly", source="invoices", grain={}, measures=())


def test_a_declared_dataset_passes() -> None:
    verdict = judge(design(story=story(impact=impact())))
    assert_passes(verdict)
    assert verdict.summary == "1 dataset made, altered or moved, all of them declared."


def test_an_altered_dataset_that_is_not_mentioned_fails() -> None:
    verdict = judge(design(story=story()))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == f"{REVENUE} is altered by the change"
    assert str(verdict.findings[0].remedy).startswith(f"add `{REVENUE}: none` ")
    assert verdict.findings[0].place.dataset == REVENUE
    assert verdict.findings[0].place.line == 12


def test_a_downstream_dataset_that_is_not_mentioned_fails() -> None:
    verdict = judge(design(story=story(impact=impact(STAGED)), touched=(STAGED,), downstream=(REVENUE,)))
    assert_fails(verdict, "")
    assert verdict.findings[0].message == f"{REVENUE} reads what the change moves"


def test_the_line_of_a_declaration_is_named_where_the_story_has_one() -> None:
    lines = {"impact": 12, f'impact."{REVENUE}"': 14}
    declared = story(impact=impact(new=True), lines=lines)
    assert judge(design(story=declared)).findings[0].place.line == 14
    bare = story(impact=impact(new=True), lines={"impact": 12, "impact.daily_revenue": 15})
    assert judge(design(story=bare)).findings[0].place.line == 15


def test_a_new_dataset_must_be_declared_new() -> None:
    new = {"touched": (REVENUE,), "new": (REVENUE,)}
    assert_passes(judge(design(story=story(impact=impact(new=True)), **new)))
    unsaid = judge(design(story=story(), **new))
    assert_fails(unsaid, "")
    assert unsaid.findings[0].found == "not in the impact"
    assert str(unsaid.findings[0].remedy).startswith(f"add `{REVENUE}: new` ")
    moving = judge(design(story=story(impact=impact(rows="any")), **new))
    assert_fails(moving, "")
    assert moving.findings[0].found == "declared as there already"


def test_a_dataset_that_is_new_and_not_among_the_touched_is_judged_all_the_same() -> None:
    assert_fails(judge(design(story=story(), touched=(), new=(REVENUE,))), "")


def test_a_dataset_that_is_there_cannot_be_declared_new() -> None:
    verdict = judge(design(story=story(impact=impact(new=True))))
    assert_fails(verdict, "")
    assert verdict.findings[0].found == "it is there already"


@pytest.mark.parametrize(
    "name", ["invoices", "stg_invoices", "stg_invoices_rejected", "stg_invoices_counts", "monthly"]
)
def test_what_the_story_s_own_sources_and_datasets_are_made_of_needs_no_declaration(name: str) -> None:
    own = story(sources={"invoices": SOURCE}, datasets={"monthly": MART})
    assert_passes(judge(design(story=own, touched=(f"sales.{name}",), new=(f"sales.{name}",))))


@pytest.mark.parametrize("name", ["sales.other", "sales.stg_other", "finance.invoices"])
def test_a_change_cannot_make_other_datasets_undeclared(name: str) -> None:
    assert_fails(judge(design(story=story(sources={"invoices": SOURCE}), touched=(), new=(name,))), "")


def test_a_new_story_may_make_any_dataset_of_its_own_pipeline_only() -> None:
    new = story(kind="new")
    assert_passes(judge(design(story=new, touched=(), new=("sales.lookup",))))
    assert_fails(judge(design(story=new, touched=(), new=("finance.lookup",))), "")


def test_a_new_story_must_declare_what_it_does_to_datasets_that_are_there() -> None:
    assert_fails(judge(design(story=story(kind="new"), touched=(REVENUE,))), "")


def test_rows_that_may_move_are_named_by_columns_that_are_there() -> None:
    columns = {REVENUE: ("day", "country", "net")}
    assert_passes(judge(design(story=story(impact=impact(where="country = 'France'")), columns=columns)))
    verdict = judge(design(story=story(impact=impact(where="land = 'France' AND net > 0")), columns=columns))
    assert_fails(verdict, "where")
    assert verdict.findings[0].message == f"`where` uses land, and {REVENUE} has no such column by its contract"
    assert verdict.summary == "The declared impact names rows by columns that are not there."


def test_all_undeclared_datasets_are_named_at_once() -> None:
    verdict = judge(design(story=story(), touched=(REVENUE,), downstream=("sales.a", "sales.b")))
    assert verdict.summary == f"3 of 3 datasets not declared: sales.a, sales.b, {REVENUE}."


def test_a_change_that_touches_no_dataset_is_not_judged() -> None:
    assert judge(design(touched=())).outcome is Outcome.NOT_APPLICABLE
