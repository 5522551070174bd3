"""A small story that nothing is wrong with, and what was found out about its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.project.story import read_story
from penstock.project.story_facts import SourceFacts

if TYPE_CHECKING:
    from penstock.model.stories import Story

FRONT = """\
id: SHOP-1
title: Sales per day
kind: new
pipeline: shop
owner: sales-team
schedule: "0 6 * * *"
timezone: Europe/London
start: 2024-01-01
sla: {ready_by: "06:30"}
retention: 2 years
sources:
  tills:
    path: data/{interval_start:%Y-%m-%d}.csv
    interval: day
    columns:
      Id: {name: till_id, type: BIGINT, required: true}
      SoldAt: {name: sold_at, type: TIMESTAMP, required: true, event_time: true}
      Amount: {name: amount, type: "DECIMAL(9, 2)"}
    flags:
      is_sale: amount > 0
datasets:
  daily:
    from: tills
    grain:
      day: CAST(sold_at AS DATE)
    measures:
      total: {sql: sum(amount) FILTER (WHERE is_sale), type: "DECIMAL(18,2)"}
acceptance:
  A1: {text: Never negative., sql: SELECT day FROM shop.daily WHERE total < 0}
"""

HEADER = ("Id", "SoldAt", "Amount")
FACTS = {"tills": SourceFacts(files=3, header=HEADER)}


def front(*changes: tuple[str, str]) -> str:
    """The front matter with some of its text replaced; each piece must be there once."""
    text = FRONT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return f"---\n{text}---\n\n# Prose\n"


def story(*changes: tuple[str, str], answers: dict[str, object] | None = None) -> Story:
    return read_story(front(*changes), "stories/SHOP-1.md", answers=answers or {})


def change(text: str, *earlier: Story) -> Story:
    return read_story(f"---\n{text}---\n", "stories/SHOP-2.md", earlier=earlier)
