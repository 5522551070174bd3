"""`penstock serve`."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from penstock.app.serving import Server
from penstock.app.supervising import signalled
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import EnvironmentName, opened, project_option


@click.command(epilog="Example: penstock serve --env prod")
@click.option(
    "--env",
    "environment",
    type=EnvironmentName(),
    default="prod",
    show_default=True,
    help="The environment whose pipelines run.",
)
@click.option(
    "--lease",
    type=click.FloatRange(min=0.5),
    default=10.0,
    show_default=True,
    help="Seconds without a sign of life after which another process takes over.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds that running tasks get to end after a signal to stop.",
)
@project_option
@answering
def serve(door: Door, environment: str, lease: float, grace: float, project: str | None) -> Answer:
    """Start runs by schedules and triggers, and do whatever is queued, until a signal to stop.

    Start it as often as you like: one process executes, the others stand by and take over.
    """

    def say(line: str) -> None:
        door.say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {line}")

    with signalled() as stop, opened(project) as place:
        say(f"process {os.getpid()}")
        place.lease = lease
        server = Server(place, environment, say)
        server.serve(stop, grace=grace)
    ended = ", ".join(f"{count} {state}" for state, count in sorted(server.done.items())) or "no run"
    return Answer(result={"environment": environment, "runs": server.done}, text=f"stopped; {ended}")
