"""`penstock plan`, `run`, `query` and `diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import running
from penstock.cli.answers import Answer, Door, answering, plain
from penstock.cli.options import opened, project_option, until_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.plan.build import BuildPlan, Work

MOST_ROWS = 50


@click.command(epilog="Example: penstock plan --until 2011-12-01")
@click.argument("datasets", nargs=-1)
@until_option
@project_option
@answering
def plan(door: Door, datasets: tuple[str, ...], until: datetime | None, project: str | None) -> Answer:
    """Show what a run of the working tree would build, dataset by dataset, and why."""
    del door
    with opened(project) as place:
        planned = running.plan(place, until, frozenset(datasets) or None)
    result = {"digest": planned.digest, "tasks": len(planned.works), "steps": plan_steps(planned)}
    rows = [("dataset", "action", "slices", "why")]
    for step in planned.steps:
        slices = sum(1 for work in planned.works if work.slice.dataset == step.dataset)
        rows.append((step.dataset, str(step.action), str(slices), "; ".join(step.reasons)))
    text = tables.columns(rows) + f"{len(planned.works)} task(s), plan {planned.digest[:12]}"
    return Answer(result=result, text=text)


def plan_steps(planned: BuildPlan) -> list[dict[str, Any]]:
    """A plan's steps as plain values."""
    return [
        {
            "dataset": step.dataset,
            "version": step.version,
            "action": str(step.action),
            "reasons": [str(reason) for reason in step.reasons],
            "missing": [str(interval) for interval in step.missing],
        }
        for step in planned.steps
    ]


@click.command(epilog="Example: penstock run --env dev --until 2011-01-01")
@click.argument("datasets", nargs=-1)
@click.option("--env", "environment", default="dev", show_default=True, help="The environment that shows the result.")
@until_option
@project_option
@answering
def run(door: Door, datasets: tuple[str, ...], environment: str, until: datetime | None, project: str | None) -> Answer:
    """Build what is missing, check it, and show it in an environment."""

    def progress(work: Work, state: str) -> None:
        if state != "published":
            door.say(f"{state}: {work.slice}")
        door.draw(f"{state} {work.slice}")

    with opened(project) as place:
        ran = running.run(place, environment, until, frozenset(datasets) or None, progress)
    door.wipe()
    outcome = ran.outcome
    result = {
        "run": outcome.run,
        "environment": environment,
        "built": dict(outcome.built),
        "rows": dict(outcome.rows),
        "seconds": round(outcome.seconds, 3),
        "versions": dict(ran.mapping),
    }
    text = tables.build_text(outcome) if any(outcome.built.values()) else "nothing to build: everything is up to date\n"
    text += f"environment {environment} shows {len(ran.mapping)} dataset(s)"
    return Answer(result=result, text=text, findings=outcome.findings, exit_code=3 if outcome.findings else 0)


@click.command(epilog='Example: penstock query "SELECT sum(net) AS net FROM sales.daily_revenue" --env prod')
@click.argument("sql")
@click.option("--env", "environment", default="prod", show_default=True, help="The environment that is asked.")
@project_option
@answering
def query(door: Door, sql: str, environment: str, project: str | None) -> Answer:
    """Ask an environment's datasets with one read-only SELECT."""
    del door
    with opened(project) as place:
        found = running.query(place, sql, environment)
    shown = [found.columns, *(tuple(_cell(value) for value in row) for row in found.rows[:MOST_ROWS])]
    text = tables.columns(shown)
    if len(found.rows) > MOST_ROWS:
        text += f"… {len(found.rows) - MOST_ROWS:,} more row(s); add LIMIT, or --json for all\n"
    return Answer(result={"columns": list(found.columns), "rows": found.objects()}, text=text)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value if isinstance(value, str | int | float) else plain(value))


@click.command(epilog="Example: penstock diff prod dev")
@click.argument("old", default="prod")
@click.argument("new", default="dev")
@project_option
@answering
def diff(door: Door, old: str, new: str, project: str | None) -> Answer:
    """Compare what two environments show, row by row (default: prod and dev)."""
    del door
    with opened(project) as place:
        diffs, added, removed = running.diff(place, old, new)
    result = {
        "old": old,
        "new": new,
        "added": list(added),
        "removed": list(removed),
        "datasets": {found.dataset: tables.diff_json(found) for found in diffs},
    }
    text = tables.diffs_text(diffs, added)
    text += f"only in {old}: {', '.join(removed)}\n" if removed else ""
    return Answer(result=result, text=text)
