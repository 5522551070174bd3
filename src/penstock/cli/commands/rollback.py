"""`penstock rollback`."""

from __future__ import annotations

import click

from penstock.app import rolling_back
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import EnvironmentName, opened, project_option
from penstock.delivery.pages import tables


@click.command(epilog="Example: penstock rollback --env dev")
@click.option(
    "--env",
    "environment",
    type=EnvironmentName(),
    default="dev",
    show_default=True,
    help="The environment that goes back; never prod, which `penstock change rollback` takes back.",
)
@project_option
@answering
def rollback(door: Door, *, environment: str, project: str | None) -> Answer:
    """Make an environment show what it showed before its newest promotion; a second time, what it left."""
    del door
    with opened(project) as place:
        done = rolling_back.roll_back(place, environment)
    names = sorted({*done.before, *done.after})
    moved = [name for name in names if done.before.get(name) != done.after.get(name)]
    rows = [("dataset", "showed", "shows")]
    rows += [(name, done.before.get(name, "nothing"), done.after.get(name, "nothing")) for name in moved]
    text = f"{environment} shows what it showed before: {len(moved)} of {len(names)} dataset(s) moved\n"
    result = {
        "environment": environment,
        "promotion": done.promotion,
        "before": dict(done.before),
        "after": dict(done.after),
    }
    return Answer(result=result, text=text + tables.columns(rows))
