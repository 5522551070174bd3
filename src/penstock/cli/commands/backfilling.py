"""`penstock backfill`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import backfilling
from penstock.app.backfilling import Asked
from penstock.app.running import SHORTEST_DIGEST
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.commands.running import steps_json
from penstock.cli.following import RunProgress, run_answer
from penstock.cli.options import EnvironmentName, opened, project_option, required_window, window_options
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from penstock.app.backfilling import Proposal
    from penstock.model.intervals import Interval

DIGITS = SHORTEST_DIGEST


@click.command(epilog="Example: penstock backfill sales.orders --start 2011-01-03 --end 2011-01-05")
@click.argument("names", nargs=-1, required=True)
@window_options
@click.option(
    "--env",
    "environment",
    type=EnvironmentName(),
    default="dev",
    show_default=True,
    help="The environment whose versions are built.",
)
@click.option("--reason", default="", help="Why, for the ledger.")
@click.option("--digest", default=None, help="Build it, if this is still the digest of what would be built.")
@project_option
@answering
def backfill(
    door: Door,
    *,
    names: tuple[str, ...],
    window: Interval | None,
    environment: str,
    reason: str,
    digest: str | None,
    project: str | None,
) -> Answer:
    """Build intervals of datasets or pipelines again, and everything that reads them.

    Without --digest it shows what would be built, why and in which order, and records nothing.
    """
    asked = Asked(names=names, window=required_window(window), environment=environment)
    with opened(project) as place, RunProgress(door) as progress:
        if digest is None:
            return _proposed(backfilling.propose(place, asked))
        ran = backfilling.submit(place, asked, digest, reason, progress)
    return run_answer(ran)


def _proposed(proposal: Proposal) -> Answer:
    plan = proposal.backfill.plan
    steps = [step for step in steps_json(plan.steps) if step["reasons"] != ["every interval is there"]]
    rows = [("dataset", "slices", "intervals", "why")]
    for step in steps:
        slices = sum(1 for work in plan.works if work.slice.dataset == step["dataset"])
        rows.append((step["dataset"], str(slices), ", ".join(step["missing"]) or "all", "; ".join(step["reasons"])))
    took = f"about {tables.duration(proposal.seconds)}" if proposal.seconds is not None else "unknown: some never ran"
    text = tables.columns(rows) + f"{len(plan.works)} task(s), in this order; time by history: {took}\n"
    left = proposal.backfill.left_as_they_are
    text += f"left as they are, because they only ever grow: {', '.join(left)}\n" if left else ""
    merged = ", ".join(proposal.merged)
    text += f"merged by key, so that rows stay whose keys no longer come: {merged}\n" if merged else ""
    text += f"to do it: the same command with --digest {proposal.backfill.digest[:DIGITS]}"
    result: dict[str, Any] = {
        "digest": proposal.backfill.digest,
        "window": str(proposal.backfill.window),
        "tasks": len(plan.works),
        "seconds": proposal.seconds,
        "left_as_they_are": list(proposal.backfill.left_as_they_are),
        "merged": list(proposal.merged),
        "steps": steps,
    }
    return Answer(result=result, text=text)
