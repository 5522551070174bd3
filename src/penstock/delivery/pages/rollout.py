"""The rollout summary: what went live, what was observed, how to go back later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.policy.budgets import Burn


NOTHING_TO_OBSERVE = "None: the datasets have no intervals. What the review checked is what there is."


def rollout_page(
    change: Change,
    planned: Design,
    observed: Sequence[tuple[str, str]],
    steps: Mapping[str, Mapping[str, str]],
    spent: Sequence[Burn] = (),
) -> str:
    """The page as Markdown. `steps` are those before the promotion, `spent` the error budgets of the window."""
    touched = "\n".join(
        f"- `{name}` at version `{planned.difference.versions[name]}`" for name in planned.difference.touched
    )
    before = "".join(f"## {_HEADINGS[step]}\n\n{_table(list(rows.items()))}\n\n" for step, rows in _in_order(steps))
    ended = "The window is closed and held." if observed else "There was no window."
    return f"""# Rollout of {change.id}: {planned.story.title}

Merged into `{change.base_branch}` as `{(change.merge_commit or "")[:12]}` and promoted as `{change.promotion}`.
Production now shows:

{touched or "- the same datasets as before"}

{before}## Observation window

{_table(observed) if observed else NOTHING_TO_OBSERVE}

{_budgets(spent)}## Afterwards

{ended} `penstock change rollback {change.id}` still goes back in one swap;
`penstock change verify {change.id}` checks the whole chain of evidence.
"""


_HEADINGS = {"shadow": "Shadow: beside production", "canary": "Canary: before chosen readers"}


def _in_order(steps: Mapping[str, Mapping[str, str]]) -> list[tuple[str, Mapping[str, str]]]:
    return [(step, steps[step]) for step in _HEADINGS if step in steps]


def _table(observed: Sequence[tuple[str, str]]) -> str:
    rows = "\n".join(f"| {interval} | {detail.removeprefix(interval).strip()} |" for interval, detail in observed)
    return f"| interval | what was seen |\n| --- | --- |\n{rows}"


def _budgets(spent: Sequence[Burn]) -> str:
    if not spent:
        return ""
    rows = "\n".join(_budget_row(burn) for burn in spent)
    head = "| error budget | may be bad | was bad | allowed | burn rate |\n| --- | --- | --- | --- | --- |"
    return f"## Error budgets\n\n{head}\n{rows}\n\n"


def _budget_row(burn: Burn) -> str:
    bad = f"{burn.bad:,} of {burn.seen:,}"
    return f"| {burn.objective} | {burn.share:.1%} | {bad} | {burn.allowed:.2f} | {burn.rate:.2f} |"
