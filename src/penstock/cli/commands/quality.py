"""`penstock quality`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app.quality import quality as found_quality
from penstock.app.results_importing import import_results
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from penstock.app.quality import DatasetQuality, Latest, Quality


@click.command(epilog="Example: penstock quality sales.daily_revenue")
@click.argument("dataset", required=False)
@click.option("--env", "environment", default=None, help="Only of versions that this environment shows.")
@click.option("--import", "results", metavar="FILE", default=None, help="First take in results of Great Expectations.")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many runs to list.")
@project_option
@answering
def quality(
    door: Door, *, dataset: str | None, environment: str | None, results: str | None, limit: int, project: str | None
) -> Answer:
    """Show what each check found last, the scores, and how they went from run to run. Of DATASET, or of all.

    Scores are rounded down: 100 % says that every check holds.
    """
    if results is not None and dataset is None:
        raise click.UsageError("--import FILE needs the DATASET that the results are about")
    with opened(project) as place:
        if results is not None and dataset is not None:
            taken = import_results(place, dataset, results)
            known = f"; {taken.results - taken.new} were there already" if taken.new < taken.results else ""
            door.say(f"imported {taken.new} result(s) of {results}{known}")
        found = found_quality(place, dataset, environment, limit)
    return Answer(result=_result(found), text=_text(found, detailed=dataset is not None))


def _result(found: Quality) -> dict[str, Any]:
    return {
        "score": str(found.score),
        "datasets": [
            {"dataset": one.dataset, "score": str(one.score), "checks": [_plain(latest) for latest in one.checks]}
            for one in found.datasets
        ],
        "history": [
            {"run": run.run, "at": run.at, "checks": run.checks, "failed": run.failed, "score": str(run.score)}
            for run in found.history
        ],
    }


def _plain(latest: Latest) -> dict[str, Any]:
    outcome = latest.outcome
    return {
        "check": outcome.check,
        "name": latest.name,
        "severity": str(outcome.severity),
        "state": outcome.state,
        "passed": outcome.state != "failed",
        "failed_rows": outcome.rows,
        "total_rows": latest.total,
        "found": outcome.found or None,
        "interval": latest.interval or None,
        "version": latest.version,
        "run": latest.run,
        "at": latest.at,
        "published": latest.published,
        "source": latest.source or None,
    }


def _text(found: Quality, *, detailed: bool) -> str:
    if not found.datasets:
        return "no check was judged yet: penstock run"
    parts = [tables.columns(_checks(one)) for one in found.datasets] if detailed else [tables.columns(_overview(found))]
    if not detailed:
        failed = [(one.dataset, latest) for one in found.datasets for latest in one.checks if _wrong(latest)]
        parts += ["".join(f"{dataset}: {_said(latest)}\n" for dataset, latest in failed)] if failed else []
    parts.append(f"score {found.score} % of {sum(len(one.checks) for one in found.datasets)} checks, by weight\n")
    rows = [("run", "began (UTC)", "judged", "failed", "score")]
    rows += [(run.run, _time(run.at), str(run.checks), str(run.failed), f"{run.score} %") for run in found.history]
    return "\n".join([*parts, tables.columns(rows)])


def _overview(found: Quality) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("dataset", "score", "checks", "failed", "last judged (UTC)")]
    for one in found.datasets:
        failed = sum(1 for latest in one.checks if _wrong(latest))
        judged = _time(max(latest.at for latest in one.checks))
        rows.append((one.dataset, f"{one.score} %", str(len(one.checks)), str(failed), judged))
    return rows


def _checks(one: DatasetQuality) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("check", "severity", "outcome", "offending", "found", "interval", "judged (UTC)")]
    for latest in one.checks:
        outcome = latest.outcome
        of = f"{outcome.rows:,} of {latest.total:,}"
        rows.append(
            (latest.name[:70], str(outcome.severity), outcome.state, of, outcome.found, latest.interval or "whole",
             _time(latest.at))
        )  # fmt: skip
    return rows


def _wrong(latest: Latest) -> bool:
    return latest.outcome.state == "failed"


def _said(latest: Latest) -> str:
    outcome = latest.outcome
    found = outcome.found or f"{outcome.rows:,} of {latest.total:,} rows offend"
    of = f" ({latest.interval})" if latest.interval else ""
    end = f"; imported from {latest.source}" if latest.source else "" if latest.published else "; not published"
    return f"{outcome.severity}: {latest.name}: {found}{of}{end}"


def _time(moment: str) -> str:
    return moment[:19].replace("T", " ")
