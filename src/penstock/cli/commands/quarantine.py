"""`penstock quarantine list`, `show` and `retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import quarantine as rows_aside
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import RunProgress, exit_code_of, run_result, run_text
from penstock.cli.options import EnvironmentName, Moment, opened, project_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from penstock.app.quarantine import Held, Shown
    from penstock.engine.ports.publishing import QuarantinedRow

    Span = tuple[datetime, datetime | None]


class SpanOf(click.ParamType[Any]):
    """An interval as START/END, or the moment at which one begins."""

    name = "interval"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Start and end; without an end, whichever interval of the dataset begins there."""
        if isinstance(value, tuple):
            return value
        first, slash, last = str(value).partition("/")
        start = Moment().convert(first, param, ctx)
        end = Moment().convert(last, param, ctx) if slash else None
        if end is not None and end <= start:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return start, end


_interval = click.option(
    "--interval", "span", metavar="INTERVAL", type=SpanOf(), default=None,
    help="Only this one: 2011-01-04, or 2011-01-04/2011-01-06.",
)  # fmt: skip
_environment = click.option(
    "--env", "environment", type=EnvironmentName(), default="dev", show_default=True,
    help="The environment that shows the dataset.",
)  # fmt: skip


@click.group()
def quarantine() -> None:
    """See rows that were put aside instead of published, and why; build their intervals again."""


@quarantine.command("list", epilog="Example: penstock quarantine list sales.orders")
@click.argument("dataset", required=False)
@project_option
@answering
def list_(door: Door, dataset: str | None, project: str | None) -> Answer:
    """List the versions of which rows are put aside: of DATASET, or of all."""
    with opened(project) as place:
        found = rows_aside.held(place, dataset, door.say)
    return Answer(result={"held": [_held_json(one) for one in found]}, text=_held_text(found))


@quarantine.command(epilog="Example: penstock quarantine show sales.orders --interval 2011-01-04 --limit 5")
@click.argument("dataset")
@_interval
@_environment
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows shown.")
@project_option
@answering
def show(door: Door, dataset: str, span: Span | None, environment: str, limit: int, project: str | None) -> Answer:
    """Show rows that were put aside of DATASET, with every reason; personal data is masked."""
    with opened(project) as place:
        found = rows_aside.show(place, dataset, environment, span, limit, door.say)
    result = {
        "dataset": found.dataset,
        "version": found.version,
        "environment": found.environment,
        "total": found.total,
        "rows": [_row_json(row) for row in found.rows],
    }
    return Answer(result=result, text=_shown_text(found))


@quarantine.command(epilog="Example: penstock quarantine retry sales.orders --interval 2011-01-04")
@click.argument("dataset")
@_interval
@_environment
@project_option
@answering
def retry(door: Door, dataset: str, span: Span | None, environment: str, project: str | None) -> Answer:
    """Build the intervals of DATASET of which rows are put aside again, and everything that reads them.

    What is well now is published; what still offends is put aside anew.
    """
    with opened(project) as place, RunProgress(door) as progress:
        done = rows_aside.retry(place, dataset, environment, span, progress)
    return Answer(
        result={"runs": [run_result(ran) for ran in done]},
        text="\n".join(run_text(ran) for ran in done),
        findings=tuple(finding for ran in done for finding in ran.outcome.findings),
        exit_code=exit_code_of(done),
    )


def _held_text(found: Sequence[Held]) -> str:
    if not found:
        return "nothing is put aside"
    rows: list[tuple[str, ...]] = [("dataset", "version", "shown in", "rows", "days", "why")]
    for one in found:
        days = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
        why = "; ".join(f"{name}: {count:,}" for name, count in one.checks.values())
        rows.append(
            (one.dataset, one.version, ", ".join(one.shown_in), f"{one.rows:,}", days if one.first else "", why)
        )
    return tables.columns(rows)


def _held_json(one: Held) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "version": one.version,
        "environments": list(one.shown_in),
        "rows": one.rows,
        "first": str(one.first) if one.first else None,
        "last": str(one.last) if one.last else None,
        "checks": {check: {"name": name, "rows": count} for check, (name, count) in one.checks.items()},
    }


def _shown_text(found: Shown) -> str:
    if not found.rows:
        return f"nothing is put aside of {found.dataset} in {found.environment}"
    lines = []
    for row in found.rows:
        when = f"{row.moment} " if row.moment else ""
        lines.append(f"{when}{'; '.join(name for _, name in row.reasons)}")
        lines.append("  " + ", ".join(f"{name}={_cell(value)}" for name, value in row.row.items()))
    more = found.total - len(found.rows)
    lines.append(
        f"{len(found.rows)} of {found.total:,} row(s); --limit shows more" if more else f"{found.total:,} row(s)"
    )
    return "\n".join(lines)


def _row_json(row: QuarantinedRow) -> dict[str, Any]:
    start, end = row.interval
    return {
        "moment": str(row.moment) if row.moment else None,
        "interval": [str(start), str(end)] if start and end else None,
        "reasons": [{"check": check, "name": name} for check, name in row.reasons],
        "row": dict(row.row),
        "publish_id": row.publish_id,
        "recorded_at": row.recorded_at,
    }


def _cell(value: str | None) -> str:
    return "NULL" if value is None else value
