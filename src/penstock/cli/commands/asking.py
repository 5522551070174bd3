"""`penstock query`."""

from __future__ import annotations

import click

from penstock.app import asking
from penstock.cli.answers import Answer, Door, answering, plain
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables

MOST_ROWS = 50


@click.command(epilog='Example: penstock query "SELECT sum(net) AS net FROM sales.daily_revenue" --env prod')
@click.argument("sql")
@click.option("--env", "environment", default="prod", show_default=True, help="The environment that is asked.")
@project_option
@answering
def query(door: Door, sql: str, environment: str, project: str | None) -> Answer:
    """Ask an environment's datasets with one read-only SELECT."""
    with opened(project) as place:
        found = asking.query(place, sql, environment, door.say)
    shown = [found.columns, *(tuple(_cell(value) for value in row) for row in found.rows[:MOST_ROWS])]
    text = tables.columns(shown)
    if len(found.rows) > MOST_ROWS:
        text += f"… {len(found.rows) - MOST_ROWS:,} more row(s); add LIMIT, or --json for all\n"
    return Answer(result={"columns": list(found.columns), "rows": found.objects()}, text=text)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value if isinstance(value, str | int | float) else plain(value))
