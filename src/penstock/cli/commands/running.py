"""`penstock plan` and `run`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from penstock.app import running
from penstock.app.running import Wanted
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import RunProgress, corrected_json, corrected_text, run_answer
from penstock.cli.options import (
    EnvironmentName,
    names_options,
    opened,
    project_option,
    until_option,
    window_options,
)
from penstock.delivery.pages import tables
from penstock.plan.movement import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from penstock.app.running import Planned
    from penstock.model.intervals import Interval
    from penstock.plan.build import Step
    from penstock.plan.estimate import Estimate
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
        {
            **step,
            "columns": columns.get(step["dataset"], {}),
            "estimate": _estimate_json(planned.estimates.get(step["dataset"])),
        }
        for step in steps_json(planned.steps)
    ]
    result = {
        "digest": planned.digest,
        "tasks": len(build.works),
        "environment": environment,
        "seconds": planned.seconds,
        "steps": steps,
        "corrected": corrected_json(planned.corrected),
    }
    rows = [("dataset", "action", "slices", "about", "why")]
    slices = Counter(work.slice.dataset for work in build.works)
    rows += [
        (
            step.dataset,
            str(step.action),
            str(slices[step.dataset]),
            _about(slices[step.dataset], planned.estimates.get(step.dataset)),
            "; ".join(step.reasons),
        )
        for step in planned.steps
    ]
    text = tables.columns(rows)
    if planned.columns:
        text += f"\ncolumns that move in {environment}:\n" + tables.columns(_column_rows(planned.columns)) + "\n"
    told = "".join(f"\n{corrected_text(name, gaps)}" for name, gaps in planned.corrected.items())
    return Answer(result=result, text=text + _summary(planned) + told)


def _summary(planned: Planned) -> str:
    """How much it is, how long it takes, and what to type to have just that done."""
    count, digest = len(planned.build.works), planned.digest[:12]
    long = f", about {tables.duration(planned.seconds)} by how long they took before" if planned.seconds else ""
    exact = f"\nto do just this: penstock run --digest {digest}, with the same names and options" if count else ""
    return f"{count} task(s){long}, plan {digest}{exact}"


def _about(slices: int, estimate: Estimate | None) -> str:
    """What a dataset's slices will take."""
    if not slices:
        return ""
    return f"{tables.duration(estimate.seconds)}, {estimate.rows:,} rows" if estimate else "not known"


def _estimate_json(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "seconds": round(estimate.seconds, 3),
        "cpu_seconds": round(estimate.cpu_seconds, 3),
        "rows": estimate.rows,
        "bytes": estimate.bytes,
        "slices_seen": estimate.slices_seen,
    }


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
@names_options
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
@click.option("--digest", help="Do the plan of this digest and no other: a stale one is refused.")
@click.option("--no-wait", is_flag=True, help="If another process executes, queue the run there and return (exit 4).")
@project_option
@answering
def run(
    door: Door,
    *,
    names: tuple[str, ...],
    environment: str,
    until: datetime | None,
    window: Interval | None,
    digest: str | None,
    no_wait: bool,
    project: str | None,
) -> Answer:
    """Build what is missing, check it, and show it in an environment.

    NAMES are pipelines or datasets; without any, everything is built. With --start and --end, only intervals between
    them are. If another process executes at the moment, the run is queued there and followed.
    """
    wanted = Wanted(
        names=names,
        environment=environment,
        until=until,
        window=window,
        patient=not no_wait,
        digest=digest,
    )
    with opened(project) as place, RunProgress(door) as progress:
        ran = running.run(place, wanted, progress)
    return run_answer(ran)
