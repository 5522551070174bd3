"""`penstock logs`."""

from __future__ import annotations

import click

from penstock.app import logs as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.cli.plain_text import shown


@click.command(epilog="Example: penstock logs r0123456789abcde --follow")
@click.argument("run")
@click.option("--follow", is_flag=True, help="Go on until the run is over.")
@project_option
@answering
def logs(door: Door, run: str, follow: bool, project: str | None) -> Answer:  # noqa: FBT001 - click's option
    """Show what the Python tasks and commands of RUN printed."""
    with opened(project) as place:
        if follow:
            for name, line in app.lines(place, run):
                door.say(f"{name} | {shown(line)}")
        found = app.printed(place, run)
    text = "" if follow else "\n".join(f"{name} | {shown(line)}" for name, log in found for line in log.splitlines())
    if not any(log for _, log in found):
        text = f"no task of {run} printed anything"
    return Answer(result={"run": run, "logs": [{"name": name, "text": log} for name, log in found]}, text=text)
