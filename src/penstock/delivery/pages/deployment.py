"""Deployment notes and the rollback plan that go with a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.delivery.changes import Change
    from penstock.delivery.review import Review
    from penstock.model.stories import Story


def deployment_notes(change: Change, seen: Review) -> str:
    """What deploying does, in order."""
    touched = ", ".join(f"`{name}`" for name in seen.planned.difference.touched) or "no dataset"
    story = seen.planned.story
    return f"""# Deploying {change.id}

1. Approve: `penstock change approve {change.id} --as NAME`; {_approvals(seen)} needed, not the author's.
2. Go on: `penstock change resume {change.id}`.{_steps(story)} It merges `{change.branch}` into
   `{change.base_branch}` and promotes {touched} to production in one transaction.
3. The observation window follows: up to {story.observe_intervals} interval(s) run in production and in the version
   before it.
   If a check or an objective fails there, the change rolls itself back and leaves `{change.folder}/incident.md`.

{irreversible_text(seen)}

{_schema(seen)}Data up to {seen.until} was reviewed. Feature flags: none. Environment variables: none. Schedule:
{_schedule(change, seen)}
"""


def _approvals(seen: Review) -> str:
    """How many have to approve, and who."""
    everyone, *extra = seen.facts.policy.quorums(seen.labels)
    return "; ".join((f"{everyone.count}{everyone.words}", *(f"{each.count}{each.words}" for each in extra)))


def irreversible_text(seen: Review) -> str:
    """What no rollback takes back, in one sentence."""
    steps = seen.facts.irreversible
    return f"**Irreversible:** {'; '.join(steps)}." if steps else "Nothing in this change is irreversible."


def _schema(seen: Review) -> str:
    """Every column that comes, goes or gets another type, by dataset; empty if none does."""
    lines = [
        f"- `{diff.dataset}`: {what}"
        for diff in seen.facts.diffs
        for what in (
            *(f"`{name}` is added" for name in diff.schema_added),
            *(f"`{name}` is removed" for name in diff.schema_removed),
            *(f"`{name}` was {old} and becomes {new}" for name, old, new in diff.schema_retyped),
        )
    ]
    heading = "Schema migrations, made by the swap as the new version was built with them:"
    return "\n".join([heading, "", *lines, "", ""]) if lines else ""


def _steps(story: Story) -> str:
    """What comes before the merge, if anything does."""
    steps = story.rollout
    shadow = [f"{steps.shadow} interval(s) built beside production"] if steps.shadow else []
    canary = [f"{steps.canary} interval(s) shown to readers of {', '.join(steps.environments)}"] if steps.canary else []
    told = ", then ".join((*shadow, *canary))
    return f" First: {told}, each compared with production; it goes\n   back by itself if one diverges." if told else ""


def _schedule(change: Change, seen: Review) -> str:
    name = seen.planned.story.pipeline
    pipeline = seen.planned.project.pipelines[name]
    before = seen.planned.base.pipelines.get(name)
    when = f"`{pipeline.schedule.text}` in {pipeline.schedule.timezone}" if pipeline.schedule else "none"
    words = f"{when} (F:{pipeline.file}:1)"
    if before is None:
        return f"new, {words}."
    same = before.schedule == pipeline.schedule
    return f"unchanged, {words}." if same else f"changed by {change.id}, now {words}."


def rollback_notes(change: Change, seen: Review) -> str:
    """How to go back, and what was seen when it was rehearsed."""
    rehearsal = seen.facts.rehearsal
    tried = (
        f"Rehearsed: promoted in {rehearsal.promote_ms} ms, rolled back in {rehearsal.rollback_ms} ms; what readers "
        f"see afterwards is {'the same as' if rehearsal.before == rehearsal.after else 'NOT the same as'} before "
        f"(output {seen.outputs['rehearsal'].chunk})."
        if rehearsal
        else "Not rehearsed."
    )
    before = [
        f"- `{name}` goes back to version `{seen.production[name]}`"
        if name in seen.production
        else f"- `{name}` disappears from production"
        for name in seen.planned.difference.touched
    ]
    lines = "\n".join(before) or "- nothing moves"
    return f"""# Rolling {change.id} back

`penstock change rollback {change.id} --reason "…"` swaps production back in one transaction:

{lines}

{tried} No data is copied or lost. The code on `{change.base_branch}` is brought back to what it was in one commit.
{irreversible_text(seen)}
"""
