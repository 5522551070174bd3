"""Policy speaks where a story is silent, and nowhere else."""

from __future__ import annotations

import pytest

from penstock.delivery.storybook import under_policy
from penstock.model.errors import InputError
from penstock.model.stories import Rollout
from penstock.policy.rules import Policy
from penstock.project.story import read_story

STORY = """\
---
id: SHOP-1
title: Sales per day
kind: new
pipeline: shop
sources:
  tills:
    path: data/tills.csv
    columns:
      Id: {type: BIGINT}
@@@---
"""
POLICY = Policy(observe_intervals=3)


@pytest.mark.parametrize(("said", "watched"), [("", 3), ("observe_intervals: 5\n", 5), ("observe_intervals: 0\n", 0)])
def test_the_observation_window_is_the_policys_where_the_story_does_not_say(said: str, watched: int) -> None:
    story = read_story(STORY.replace("@@@", said), "stories/SHOP-1.md")
    assert under_policy(story, POLICY).observe_intervals == watched


def test_what_an_earlier_story_of_the_pipeline_said_is_not_silence() -> None:
    earlier = read_story(STORY.replace("@@@", "observe_intervals: 5\n"), "stories/SHOP-1.md")
    later = "---\nid: SHOP-2\ntitle: Less\nkind: change\npipeline: shop\n---\n"
    story = read_story(later, "stories/SHOP-2.md", earlier=(earlier,))
    assert under_policy(story, POLICY).observe_intervals == 5


STEPS = Policy(rollout=Rollout(shadow=3, canary=1, consumers=("finance",)))


def test_no_story_shortens_a_step_that_policy_asks_for() -> None:
    said = "rollout: {shadow: 1, canary: {intervals: 2, consumers: [risk]}}\n"
    story = under_policy(read_story(STORY.replace("@@@", said), "stories/SHOP-1.md"), STEPS)
    assert story.rollout == Rollout(shadow=3, canary=2, consumers=("risk", "finance"))
    assert story.watched_intervals == 3 + 2 + 7


def test_without_a_word_from_either_a_change_is_promoted_at_once() -> None:
    story = under_policy(read_story(STORY.replace("@@@", ""), "stories/SHOP-1.md"), Policy())
    assert story.rollout == Rollout()
    assert story.rollout.environments == ()


def test_each_consumer_of_a_canary_reads_an_environment_of_its_own() -> None:
    assert Rollout(canary=1).environments == ("canary",)
    assert Rollout(canary=1, consumers=("finance", "risk")).environments == ("canary_finance", "canary_risk")
    assert Rollout(consumers=("finance",)).environments == ()


@pytest.mark.parametrize(("said", "watched"), [("observe: 2", 2), ("shadow: 1", 3), ("shadow: 1, observe: 0", 0)])
def test_the_window_may_be_said_with_the_steps(said: str, watched: int) -> None:
    story = read_story(STORY.replace("@@@", f"rollout: {{{said}}}\n"), "stories/SHOP-1.md")
    assert under_policy(story, POLICY).observe_intervals == watched


def test_two_lengths_of_the_window_in_one_story_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        read_story(STORY.replace("@@@", "rollout: {observe: 2}\nobserve_intervals: 3\n"), "stories/SHOP-1.md")
    assert [finding.code for finding in caught.value.findings] == ["story.two_windows"]


def test_what_the_story_says_counts_over_the_other_word_of_an_earlier_one() -> None:
    earlier = read_story(STORY.replace("@@@", "observe_intervals: 5\n"), "stories/SHOP-1.md")
    later = "---\nid: SHOP-2\ntitle: Less\nkind: change\npipeline: shop\nrollout: {observe: 1}\n---\n"
    assert read_story(later, "stories/SHOP-2.md", earlier=(earlier,)).observe_intervals == 1


def test_a_canary_says_for_how_long_and_names_consumers_that_can_name_an_environment() -> None:
    with pytest.raises(InputError) as caught:
        read_story(STORY.replace("@@@", 'rollout: {canary: {consumers: ["Finance; DROP"]}}\n'), "stories/SHOP-1.md")
    assert sorted(finding.code for finding in caught.value.findings) == ["document.missing_key", "project.bad_name"]
