"""The rollout summary: what went live, what was observed, how to go back later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design


NOTHING_TO_OBSERVE = "None: the datasets have no intervals. What the review checked is what there is."


def rollout_page(change: Change, planned: Design, observed: Sequence[tuple[str, str]]) -> str:
    """The page as Markdown."""
    touched = "\n".join(
        f"- `{name}` at version `{planned.difference.versions[name]}`" for name in planned.difference.touched
    )
    rows = "\n".join(f"| {interval} | {detail.removeprefix(interval).strip()} |" for interval, detail in observed)
    window = f"| interval | what was seen |\n| --- | --- |\n{rows}" if observed else NOTHING_TO_OBSERVE
    ended = "The window is closed and held." if observed else "There was no window."
    return f"""# Rollout of {change.id}: {planned.story.title}

Merged into `{change.base_branch}` as `{(change.merge_commit or "")[:12]}` and promoted as `{change.promotion}`.
Production now shows:

{touched or "- the same datasets as before"}

## Observation window

{window}

## Afterwards

{ended} `penstock change rollback {change.id}` still goes back in one swap;
`penstock change verify {change.id}` checks the whole chain of evidence.
"""
