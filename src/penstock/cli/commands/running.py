"""`penstock plan` and `run`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from penstock.app import running
from penstock.app.running import Wanted
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import RunProgress, run_answer
from penstock.cli.options import opened, project_option, until_option, window_options
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.model.intervals import Interval
    from penstock.plan.build import BuildPlan


@click.command(epilog="Example: penstock plan --until 2011-12-01")
@click.argument("names", nargs=-1)
@until_option
@window_options
@project_option
@answering
def plan(
    door: Door,
    names: tuple[str, ...],
    until: datetime | None,
    window: Interval | None,
    project: str | None,
) -> Answer:
    """Show what a run of the working tree would build, dataset by dataset, and why.

    NAMES are pipelines or datasets; without any, everything is planned.
    """
    del door
    with opened(project) as place:
        planned = running.plan(place, Wanted(names=names, until=until, window=window))
    result = {"digest": planned.digest, "tasks": len(planned.works), "steps": plan_steps(planned)}
    rows = [("dataset", "action", "slices", "why")]
    slices = Counter(work.slice.dataset for work in planned.works)
    rows += [
        (step.dataset, str(step.action), str(slices[step.dataset]), "; ".join(step.reasons)) for step in planned.steps
    ]
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


@click.command(epilog="Example: penstock run sales --env dev --until 2011-01-01")
@click.argument("names", nargs=-1)
@click.option(
    "--dataset", "datasets", multiple=True, metavar="NAME", help="A dataset to build; may be given several times."
)
@click.option("--env", "environment", default="dev", show_default=True, help="The environment that shows the result.")
@until_option
@window_options
@click.option("--no-wait", is_flag=True, help="If another process executes, queue the run there and return (exit 4).")
@project_option
@answering
def run(
    door: Door,
    *,
    names: tuple[str, ...],
    datasets: tuple[str, ...],
    environment: str,
    until: datetime | None,
    window: Interval | None,
    no_wait: bool,
    project: str | None,
) -> Answer:
    """Build what is missing, check it, and show it in an environment.

    NAMES are pipelines or datasets; without any, everything is built. With --start and --end, only intervals between
    them are. If another process executes at the moment, the run is queued there and followed.
    """
    wanted = Wanted(
        names=(*names, *datasets),
        environment=environment,
        until=until,
        window=window,
        patient=not no_wait,
    )
    with opened(project) as place, RunProgress(door) as progress:
        ran = running.run(place, wanted, progress)
    return run_answer(ran)
