"""Policy speaks where a story is silent, and nowhere else."""

from __future__ import annotations

import pytest

from penstock.delivery.storybook import under_policy
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
