"""`penstock plan` and `run`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from penstock.app import running
from penstock.app.running import Wanted
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import RunProgress, run_answer
from penstock.cli.options import EnvironmentName, opened, project_option, until_option, window_options
from penstock.delivery.pages import tables
from penstock.plan.movement import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from penstock.model.intervals import Interval
    from penstock.plan.build import Step
    from penstock.plan.movement import ColumnMovement


@click.command(epilog="Example: penstock plan --until 2011-12-01")
@click.argument("names", nargs=-1)
@click.option(
    "--env",
    "environment",
    type=EnvironmentName(),
    default="dev",
    show_default=True,
    help="The environment it is held against.",
)
@until_option
@window_options
@project_option
@answering
def plan(
    door: Door,
    *,
    names: tuple[str, ...],
    environment: str,
    until: datetime | None,
    window: Interval | None,
    project: str | None,
) -> Answer:
    """Show what a run of the working tree would build, dataset by dataset, and why; and which columns move.

    NAMES are pipelines or datasets; without any, everything is planned.
    """
    del door
    with opened(project) as place:
        wanted = Wanted(names=names, environment=environment, until=until, window=window)
        planned = running.preview(place, wanted)
    build = planned.build
    columns = {name: _columns_json(moves) for name, moves in planned.columns.items()}
    steps = [
        {**step, "columns": columns.get(step["dataset"], {})} for step in steps_json((*build.steps, *planned.removed))
    ]
    result = {"digest": build.digest, "tasks": len(build.works), "environment": environment, "steps": steps}
    rows = [("dataset", "action", "slices", "why")]
    slices = Counter(work.slice.dataset for work in build.works)
    rows += [
        (step.dataset, str(step.action), str(slices[step.dataset]), "; ".join(step.reasons))
        for step in (*build.steps, *planned.removed)
    ]
    text = tables.columns(rows)
    if planned.columns:
        text += f"\ncolumns that move in {environment}:\n" + tables.columns(_column_rows(planned.columns)) + "\n"
    return Answer(result=result, text=text + f"{len(build.works)} task(s), plan {build.digest[:12]}")


def steps_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as plain values."""
    return [
        {
            "dataset": step.dataset,
            "version": step.version,
            "action": str(step.action),
            "reasons": [str(reason) for reason in step.reasons],
            "missing": [str(interval) for interval in step.missing],
        }
        for step in steps
    ]


def _columns_json(moves: Mapping[str, ColumnMovement]) -> dict[str, Any]:
    return {
        column: {
            "movement": str(move.movement),
            "consumers": {name: str(effect) for name, effect in move.consumers.items()},
        }
        for column, move in moves.items()
    }


def _column_rows(columns: Mapping[str, Mapping[str, ColumnMovement]]) -> list[tuple[str, ...]]:
    """Each column that moves, and whom that touches."""
    rows: list[tuple[str, ...]] = [("dataset", "column", "is", "for who reads it")]
    for name, moves in columns.items():
        for column, move in moves.items():
            touched = [
                f"{effect} for {reader}" for reader, effect in move.consumers.items() if effect is not Effect.NONE
            ]
            shown = "its rows, or all of it" if column == "*" else column
            rows.append((name, shown, str(move.movement), "; ".join(touched) or "nothing"))
    return rows


@click.command(epilog="Example: penstock run sales --env dev --until 2011-01-01")
@click.argument("names", nargs=-1)
@click.option(
    "--dataset", "datasets", multiple=True, metavar="NAME", help="A dataset to build; may be given several times."
)
@click.option(
    "--env",
    "environment",
    type=EnvironmentName(),
    default="dev",
    show_default=True,
    help="The environment that shows the result.",
)
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
