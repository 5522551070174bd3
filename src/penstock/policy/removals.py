"""How a story says that a dataset goes: its impact bounds the rows at -100%. `any` is no word for a removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.stories import Story

_ALL = -100


def is_declared_gone(name: str, story: Story) -> bool:
    """Whether the impact says that all rows of a dataset go."""
    impact = story.impact.get(name)
    return impact is not None and impact.rows is not None and impact.rows.low.is_finite() and impact.rows.low <= _ALL
