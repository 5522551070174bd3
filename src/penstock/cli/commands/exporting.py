"""`penstock export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import exporting
from penstock.app.export_choice import Wanted
from penstock.app.export_outcome import findings_of, result_of, rows_listed
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import EnvironmentName, opened, project_option
from penstock.delivery.pages import tables
from penstock.model.exports import ExportFormat, ExportMode
from penstock.model.intervals import Interval
from penstock.plan.exporting import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.export_outcome import Done
    from penstock.engine.exporting import Carried
    from penstock.ledger.journal import Value


class Span(click.ParamType[Any]):
    """An interval written as `START/END`."""

    name = "start/end"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Interval:
        """The interval."""
        try:
            return value if isinstance(value, Interval) else Interval.parse(value)
        except ValueError:
            self.fail(f"{value!r} is no interval such as 2011-01-03/2011-01-05", param, ctx)


@click.command(epilog="Example: penstock export sales.daily_revenue --to out/revenue.parquet")
@click.argument("names", nargs=-1)
@click.option("--to", metavar="PATH", help="Where to: a file .parquet, .csv or .duckdb; names one dataset then.")
@click.option("--format", "format_", type=click.Choice([str(one) for one in ExportFormat]), help="Written as what.")
@click.option("--connection", metavar="NAME", default="", help="The environment variable with a Postgres address.")
@click.option("--table", metavar="SCHEMA.NAME", default="", help="The table, in a database.")
@click.option("--mode", type=click.Choice([str(one) for one in ExportMode]), help="Renewed whole, or by interval.")
@click.option("--key", multiple=True, metavar="COLUMN", help="What tells rows apart in Postgres; may be repeated.")
@click.option("--column", "columns", multiple=True, metavar="COLUMN", help="Only this column; may be repeated.")
@click.option("--env", "environment", metavar="NAME", type=EnvironmentName(), help="What it shows (default: prod).")
@click.option("--interval", "window", metavar="START/END", type=Span(), help="Only what lies within this.")
@click.option("--allow-personal", "personal", multiple=True, metavar="COLUMN", help="This column may leave.")
@click.option("--replace", is_flag=True, help="Write over what somebody else wrote there.")
@click.option("--list", "listing", is_flag=True, help="Show what was exported where, and nothing else.")
@click.option("--pieces", "by_interval", is_flag=True, help="With --json: also a row for each interval.")
@project_option
@answering
def export(door: Door, *, project: str | None, listing: bool, by_interval: bool, **options: Any) -> Answer:
    """Bring declared exports up to what their environments show, or a dataset to a place of your own."""
    with opened(project) as place:
        if listing:
            return _listed(exporting.listed(place))
        done = exporting.export(place, _wanted(**options), door.say)
    findings = findings_of(done)
    code = max((one.error.exit_code for one in done.failed), default=0)
    text = text_of(done) or ("" if done.failed else "no export is declared: NAME.export.yaml in a pipeline's folder")
    return Answer(result=result_of(done, by_interval=by_interval), text=text, findings=findings, exit_code=code)


def _wanted(*, format_: str | None, mode: str | None, **options: Any) -> Wanted:
    return Wanted(format=ExportFormat(format_) if format_ else None, mode=ExportMode(mode) if mode else None, **options)


def text_of(done: Done) -> str:
    """What came of exports, a line each."""
    if not done.carried:
        return ""
    head = ("dataset", "target", "rows", "written", "reused", "removed")
    return tables.columns([head, *(_line(one) for one in done.carried)])


def _line(one: Carried) -> tuple[str, ...]:
    counts = (tables.number(one.count(fate)) for fate in (Fate.WRITTEN, Fate.REUSED, Fate.REMOVED))
    return (one.stamp.dataset, one.export.target, tables.number(one.rows), *counts)


def _listed(rows: Sequence[Mapping[str, Value]]) -> Answer:
    found = rows_listed(rows)
    head = ("target", "dataset", "version", "env", "rows", "by", "at", "personal")
    lines = [
        (
            row["target"],
            row["dataset"],
            row["version"],
            row["environment"],
            tables.number(row["rows"]),
            row["exported_by"],
            row["at"][:16],
            ", ".join(row["personal"]) or "–",
        )
        for row in found
    ]
    text = tables.columns([head, *lines]) if lines else "nothing was exported yet"
    return Answer(result={"exports": found}, text=text)
